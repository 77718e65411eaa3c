"""Follows the calendars that say who is on call, where they are published: what is new goes into the journal.

Started by `healer.assembly` where healer converges. While a calendar cannot be read what it said last counts, and after a while
people are told.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

import msgspec

from healer.journey.fold import Fold
from healer.journey.ports import Arrival, Journal, StoreUnavailable
from healer.journey.records import Rostered, Troubled
from healer.notification.oncall.ical import read_ical
from healer.notification.oncall.ical_lines import BadCalendar
from healer.notification.oncall.settings import Person
from healer.seams import Clock
from healer.times import HOUR, SECOND, Micros

log = logging.getLogger(__name__)

T = TypeVar("T")

FAILING: Micros = HOUR
"""A calendar that could not be read for so long is told of: until then a turn is seldom missed."""


class NotRead(Exception):
    """A calendar that was not got; says why."""


class Feed(msgspec.Struct, frozen=True):
    """The calendar of a schedule. `read` raises NotRead."""

    schedule: str
    zone: str
    people: Mapping[str, Person]
    every: Micros
    read: Callable[[], Awaitable[bytes]]


class Store(Journal, Protocol):
    """The journal, and work beside the event loop."""

    async def aside(self, work: Callable[[], T]) -> T: ...


class Rosters:
    """`fold()` is what is decided by now, None while that is not known."""

    def __init__(self, store: Store, clock: Clock, fold: Callable[[], Fold | None]) -> None:
        self._store = store
        self._clock = clock
        self._fold = fold
        self._read_at: dict[str, Micros] = {}

    async def follow(self, feed: Feed) -> None:
        """Look again and again, until cancelled."""
        self._read_at.setdefault(feed.schedule, self._clock.monotonic())
        while True:
            try:
                await self.look(feed)
            except StoreUnavailable as error:
                log.warning("what the calendar of %s says is not recorded yet: %s", feed.schedule, error)
            await asyncio.sleep(feed.every / SECOND)

    async def look(self, feed: Feed) -> None:
        """Read it once; what it says that is new is in the journal then."""
        fold, code = self._fold(), f"calendar {feed.schedule}"
        if fold is None:
            return
        try:
            content = await feed.read()
            shifts = await self._store.aside(lambda: read_ical(content, feed.zone, feed.people))
        except (NotRead, BadCalendar) as error:
            log.warning("the calendar of %s is not read: %s", feed.schedule, error)
            away = self._clock.monotonic() - self._read_at.get(feed.schedule, 0)
            if away >= FAILING and not fold.troubles.has(code):
                await self._store.append([Arrival(Troubled(code, True, str(error)))])
            return
        self._read_at[feed.schedule] = self._clock.monotonic()
        if fold.charter.shifts.get(feed.schedule) != shifts:
            await self._store.append([Arrival(Rostered(feed.schedule, shifts))])
        if fold.troubles.has(code):
            await self._store.append([Arrival(Troubled(code, False))])
