"""When the dead man's switch is pinged, and when missing input becomes an incident; in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any

from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.heartbeat.pulse import Pulse
from healer.heartbeat.watch import NO_INPUT, Heartbeat, PingFailed
from healer.journey.ports import Arrival, StoreUnavailable
from healer.journey.records import Delivered, Record, Troubled, decode
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.times import MINUTE, SECOND
from tests.simulation.loop import SimLoop
from tests.simulation.world import SimClock

MISSING_AFTER = 5 * MINUTE


class Fate:
    """Whether the journal can be written."""

    away = False

    async def before(self, name: str) -> None:
        if self.away:
            raise StoreUnavailable("disk full")

    deaf = False

    async def after(self, name: str) -> None:
        """Answers arrive, unless they are lost."""
        if self.deaf and name == "append":
            raise StoreUnavailable("no answer", ambiguous=True)


class Stand:
    """A store, whoever posts to it, an engine that applies everything, and a switch that notes when it was pinged."""

    def __init__(self, loop: SimLoop, memory: Memory) -> None:
        self.loop = loop
        self.fate = Fate()
        clock = SimClock(loop)
        self.store = Store(InlineRun(memory, clock, self.fate), "test")
        self.applied = 0
        self.engine_works = True
        self.accepts = True
        self.reachable = True
        self.pings: list[float] = []
        self.pulse = Pulse("Watchdog", clock, lambda: self.applied)
        self.store.on_append(self.pulse.hear)
        self.heartbeat = Heartbeat(
            self.pulse,
            self.store,
            self._ping,
            lambda: self.accepts,
            every=MINUTE,
            missing_after=MISSING_AFTER,
        )

    async def _ping(self) -> None:
        self.pings.append(self.loop.time())
        if not self.reachable:
            raise PingFailed("it answered 500")

    async def post(self, alertname: str = "Watchdog") -> None:
        record = Delivered("am", (Alert(canonical({"alertname": alertname}), True, 0, 0),))
        ((position, _),) = await self.store.append([Arrival(record)])
        if self.engine_works:
            self.applied = position

    async def watchdog(self, minutes: int, alertname: str = "Watchdog") -> None:
        """It comes in once a minute."""
        for _ in range(minutes):
            await self.post(alertname)
            await asyncio.sleep(60)

    def pinged(self, since: float) -> int:
        return sum(at >= since for at in self.pings)

    async def troubles(self) -> list[bool]:
        records: list[Record] = [decode(row.data) for row in await self.store.read(0, 10_000)]
        found = [record for record in records if isinstance(record, Troubled)]
        assert all(record.code == NO_INPUT for record in found)
        return [record.firing for record in found]


def play(work: Callable[[Stand], Coroutine[Any, Any, None]]) -> None:
    """Run a test in virtual time, with both loops going."""
    with closing(Memory()) as memory, SimLoop(1) as loop:

        async def all_of_it() -> None:
            stand = Stand(loop, memory)
            for each in (stand.heartbeat.watch, stand.heartbeat.beat):
                loop.create_task(each())
            await work(stand)

        loop.run(all_of_it())


def test_the_switch_is_pinged_while_the_watchdog_passes() -> None:
    """Once a period, for as long as everything works."""

    async def work(stand: Stand) -> None:
        await stand.watchdog(30)
        assert 29 <= len(stand.pings) <= 31

    play(work)


def test_the_switch_is_left_alone_when_the_watchdog_is_missing() -> None:
    """Other alerts do not replace it; when it is back the pings are, too."""

    async def work(stand: Stand) -> None:
        await stand.watchdog(3)
        await stand.watchdog(10, "HostDown")
        gone = stand.loop.time()
        await stand.watchdog(10, "HostDown")
        assert stand.pinged(gone) == 0
        assert "no Watchdog came in" in stand.heartbeat.dead_because()
        await stand.watchdog(3)
        assert stand.pinged(gone) >= 2

    play(work)


def test_the_switch_is_left_alone_when_the_engine_stands_still() -> None:
    """A healer that accepts and decides nothing is dead."""

    async def work(stand: Stand) -> None:
        await stand.watchdog(3)
        stand.engine_works = False
        await stand.watchdog(7)
        stuck = stand.loop.time()
        await stand.watchdog(5)
        assert stand.pinged(stuck) == 0

    play(work)


def test_the_switch_is_left_alone_when_channels_accept_nothing() -> None:
    """A healer that reaches nobody is dead."""

    async def work(stand: Stand) -> None:
        await stand.watchdog(2)
        stand.accepts = False
        deaf = stand.loop.time() + 1
        await stand.watchdog(5)
        assert stand.pinged(deaf) == 0
        assert stand.heartbeat.dead_because() == "a channel accepts no messages"

    play(work)


def test_a_switch_that_is_not_reached_is_pinged_again() -> None:
    """Its failure is its own."""

    async def work(stand: Stand) -> None:
        stand.reachable = False
        await stand.watchdog(5)
        assert len(stand.pings) >= 4

    play(work)


def test_missing_input_is_said_once_and_its_end_once() -> None:
    """After five minutes without any alert, and with the first that comes again."""

    async def work(stand: Stand) -> None:
        await stand.watchdog(2)
        assert await stand.troubles() == [False], "whatever was open before the start is over"
        await asyncio.sleep(MISSING_AFTER / SECOND - 70)
        assert await stand.troubles() == [False]
        await asyncio.sleep(20 * 60)
        assert await stand.troubles() == [False, True]
        await stand.watchdog(2, "HostDown")
        assert await stand.troubles() == [False, True, False]

    play(work)


def test_a_word_whose_answer_was_lost_is_taken_back() -> None:
    """That input is missing was heard, although nobody said so; when it comes again that is over."""

    async def work(stand: Stand) -> None:
        await stand.watchdog(2)
        await asyncio.sleep(MISSING_AFTER / SECOND - 70)
        stand.fate.deaf = True
        while True not in await stand.troubles():
            await asyncio.sleep(1)
        stand.fate.deaf = False
        await stand.watchdog(2)
        assert (await stand.troubles())[-1] is False

    play(work)


def test_a_start_without_input_is_told_after_the_same_time() -> None:
    """Nobody knows yet whether there will be any."""

    async def work(stand: Stand) -> None:
        await asyncio.sleep(MISSING_AFTER / SECOND - 10)
        assert await stand.troubles() == []
        await asyncio.sleep(20)
        assert await stand.troubles() == [True]

    play(work)


def test_what_could_not_be_recorded_is_recorded_later() -> None:
    """The store was away just then."""

    async def work(stand: Stand) -> None:
        stand.fate.away = True
        await asyncio.sleep(2 * MISSING_AFTER / SECOND)
        stand.fate.away = False
        await asyncio.sleep(10)
        assert await stand.troubles() == [True]

    play(work)
