"""The week in one message to the channels of a route, once, whoever tells it and however often somebody looks."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import closing
from typing import Any

import msgspec

from healer.notification.budget import Budget, Period, budget
from healer.notification.message import message_of
from healer.notification.settings import Route
from healer.notification.story import Story
from healer.notification.weekly import LATE, WEEK, Weekly, story_of
from healer.notification.wording import PLAIN, Speech
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.times import DAY, HOUR, Micros
from tests.contracts.store.given import NOON, HandClock, incident
from tests.unit.notification.test_budget import note, run

ROUTE = Route(channels=("team", "boss"), weekly="thu 09:00", zone="UTC")
"""NOON is a Thursday."""
FOUND = budget(
    Period(
        NOON - WEEK,
        NOON,
        alerts=90,
        incidents=(incident("i1"),),
        notices=(note("told"),),
        remediations=(run("failed"),),
    ),
    {},
)


class Desk:
    """A store in memory, a clock set by hand, and what was counted for whom."""

    def __init__(self, memory: Memory, *routes: Route) -> None:
        self.clock = HandClock()
        self.store = Store(InlineRun(memory, self.clock), "test")
        self.counted: list[tuple[Micros, Micros]] = []
        self.woken = 0
        self.weekly = Weekly(self.store, lambda: routes, self.count, lambda _: PLAIN, self.wake, self.clock, self.reach)

    def reach(self, names: Sequence[str], at: Micros) -> Sequence[str]:
        """On Thursdays before noon it is ann's turn."""
        return ["ann" if at < NOON else "bo"] if "on call" in names else names

    async def count(self, since: Micros, until: Micros) -> Budget:
        self.counted.append((since, until))
        return FOUND

    def wake(self) -> None:
        self.woken += 1

    async def told(self) -> list[tuple[str, str]]:
        return sorted((row.incident, row.channel) for row in await self.store.rows())


def play(*routes: Route) -> tuple[Memory, Desk]:
    memory = Memory()
    return memory, Desk(memory, *routes)


def done(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_each_channel_of_the_route_is_told_once() -> None:
    """Of the seven days up to the moment; a second look, and a second healer, find it wanted already."""
    memory, desk = play(ROUTE)

    async def work() -> None:
        for _ in range(3):
            await desk.weekly.look()
        assert await desk.told() == [("week-2026-01-01", "boss"), ("week-2026-01-01", "team")]
        assert desk.counted == [(NOON - 3 * HOUR - WEEK, NOON - 3 * HOUR)]
        assert desk.woken == 2
        desk.clock.instant += WEEK
        await desk.weekly.look()
        assert len(await desk.told()) == 4

    with closing(memory):
        done(work())


def test_a_week_that_is_long_past_is_not_told() -> None:
    """Who was away for days does not hear of them on a Saturday; and a route without the setting hears nothing."""
    memory, desk = play(ROUTE, Route(channels=("team",)))

    async def work() -> None:
        desk.clock.instant = NOON - 3 * HOUR + LATE + 1
        await desk.weekly.look()
        assert await desk.told() == []

    with closing(memory):
        done(work())
    assert LATE == DAY


def test_what_a_week_says_fits_a_lock_screen_in_both_languages() -> None:
    """Numbers below it, and a link to the report instead of to an incident; it makes no sound."""
    english, chinese = (story_of(FOUND, "week-2026-01-01", Speech(language)) for language in ("en", "zh"))
    assert english.title == "The week: 1 incidents, 1 messages"
    assert english.lines == (
        "90 alerts came in and made 1 incidents; 1 of them are open",
        "1 new messages, 0 of them at night; 0 edits; 0 that nobody could be told",
        "1 repairs: 0 helped, 1 did not; 0 incidents were healed without a person",
        "The noisiest: HostDown 1",
    )
    assert chinese.title == "本周：1 个事件，1 条消息"
    assert len(chinese.lines) == 4
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(english), type=Story)
    message = message_of(again, "https://h.example")
    assert (message.more_url, message.silent, message.buttons) == ("https://h.example/api/v1/report", True, ())
    assert "incident" not in "".join(span.text for span in message.lines[-1])


def test_whoever_was_on_call_then_is_told() -> None:
    """A schedule is named like a channel; whose turn it was when the week was due is told, and nobody who came after."""
    memory, desk = play(Route(channels=("on call",), weekly="thu 09:00", zone="UTC"))

    async def work() -> None:
        for _ in range(2):
            await desk.weekly.look()
            desk.clock.instant += HOUR
        assert await desk.told() == [("week-2026-01-01", "ann")]

    with closing(memory):
        done(work())
