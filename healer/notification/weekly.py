"""Tells the channels of a route once a week what the week before cost people: the noise budget, when its route says so.

Started by `healer.assembly` where healer converges. A week is wanted told once, whoever asks and however often, so nothing is
remembered here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from healer.journey.ports import StoreUnavailable, Wanted
from healer.notification.budget import Budget
from healer.notification.hours import last_moment
from healer.notification.ports import LedgerRow
from healer.notification.settings import Route
from healer.notification.story import TITLE_LIMIT, Story, cut, one_line
from healer.notification.wording import Speech
from healer.seams import Clock
from healer.times import DAY, Micros, to_datetime

log = logging.getLogger(__name__)

LOOK_S = 60.0
"""Seconds between two looks at the clock."""
LATE: Micros = DAY
"""A week that nobody could be told of for so long is not told any more."""
WEEK: Micros = 7 * DAY

_encode = msgspec.msgpack.Encoder().encode


class Notices(Protocol):
    """The part of the told ledger that is needed."""

    async def rows(self, *, incident: str = "", state: str = "", limit: int = 100) -> list[LedgerRow]: ...

    async def announce(self, wanted: Wanted, *, now: Micros) -> bool:
        """Have something told that is no incident's, unless it was wanted before. Returns whether it was not."""
        ...


class Weekly:
    """`budget(since, until)` counts; `speech(channel)` is how a channel is spoken to; `wake` tells whoever delivers;
    `reach` gives the channels behind names at an instant, where a route may name whoever is on call."""

    def __init__(
        self,
        notices: Notices,
        routes: Callable[[], Sequence[Route]],
        budget: Callable[[Micros, Micros], Awaitable[Budget]],
        speech: Callable[[str], Speech],
        wake: Callable[[], None],
        clock: Clock,
        reach: Callable[[Sequence[str], Micros], Sequence[str]] = lambda names, _: names,
    ) -> None:
        self._reach = reach
        self._notices = notices
        self._routes = routes
        self._budget = budget
        self._speech = speech
        self._wake = wake
        self._clock = clock

    async def run(self) -> None:
        """Look again and again; returns by cancellation only."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("the week is not told yet: %s", error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Have told what is due and was not wanted before."""
        now = self._clock.now()
        for route in self._routes():
            due = last_moment(route.weekly, route.zone, now) if route.weekly else 0
            if now - due > LATE:
                continue
            code = f"week-{to_datetime(due):%Y-%m-%d}"
            known = {row.channel for row in await self._notices.rows(incident=code)}
            missing = [channel for channel in self._reach(route.channels, due) if channel not in known]
            found = await self._budget(due - WEEK, due) if missing else None
            for channel in missing:
                assert found is not None, "it was counted because somebody is missing"
                story = story_of(found, code, self._speech(channel))
                wanted = Wanted(code, channel, 1, _encode(story), urgent=False)
                if await self._notices.announce(wanted, now=now):
                    self._wake()


def story_of(found: Budget, code: str, speech: Speech) -> Story:
    """A week in words."""
    channels, repairs = found.channels.values(), found.repairs
    begun = repairs.helped + repairs.did_not_help + repairs.under_way
    noisiest = ", ".join(f"{cut(one_line(name), TITLE_LIMIT)} {count}" for name, count in found.noisiest.items())
    lines = [
        speech.say("week came", alerts=found.alerts, incidents=found.incidents, left=found.open),
        speech.say(
            "week told",
            new=found.messages,
            night=sum(one.at_night for one in channels),
            edits=sum(one.edits for one in channels),
            dead=sum(one.dead for one in channels),
        ),
        speech.say(
            "week repaired", begun=begun, helped=repairs.helped, failed=repairs.did_not_help, alone=found.healed_alone
        ),
        *([speech.say("week noisiest", noisiest=noisiest)] if noisiest else []),
    ]
    title = speech.say("week", incidents=found.incidents, messages=found.messages)
    return Story(code, "", "over", "info", cut(title, TITLE_LIMIT), tuple(lines))
