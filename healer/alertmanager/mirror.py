"""Keep healer's view of silences that of Alertmanager, and notice alerts that it does not know any more.

Two loops, started by `healer.bootstrap`. What they find goes into the journal, so that it decides like everything else.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from healer.alertmanager.client import Source, Unreachable
from healer.alerts.silences import Silence
from healer.journey.ports import Arrival, Journal, StoreUnavailable
from healer.journey.records import Record, Silenced, Troubled, Vanished
from healer.seams import Clock
from healer.times import MINUTE, SECOND, Micros

log = logging.getLogger(__name__)

SUSPICION = "reconciliation"
"""The code of the trouble that a source is not to be believed."""
SETTLED_IN: Micros = 5 * MINUTE
"""An Alertmanager that is up for less has not heard of everything yet."""
SUSPICIOUS = 0.3
"""If a larger share of what is open would vanish at once, it is the source that is wrong."""
AT_LEAST = 4
"""Fewer alerts than this vanish whatever their share: three of five is no sign of anything."""


class Mirror:
    """Silences of one or more Alertmanagers, mirrored into the journal when they change."""

    def __init__(self, sources: Sequence[Source], journal: Journal, clock: Clock, every: Micros) -> None:
        self._sources = sources
        self._journal = journal
        self._clock = clock
        self._every_s = every / SECOND
        self._known: dict[str, tuple[Silence, ...]] = {}
        self._read_at: dict[str, Micros] = {}
        self._readable: dict[str, bool] = {}
        self._left: list[str] = []

    def use(self, sources: Sequence[Source], every: Micros) -> None:
        """Look at these from now on. What was known of one that stays is known; silences of one that left end."""
        urls = {source.url for source in sources}
        self._left = [url for url in dict.fromkeys((*self._left, *self._known, *self._readable)) if url not in urls]
        for url in self._left:
            for known in (self._known, self._read_at, self._readable):
                known.pop(url, None)
        self._sources, self._every_s = sources, every / SECOND

    def age(self) -> tuple[Micros | None, bool]:
        """How long ago the oldest of the sources was read (None: there is none), and whether all could be read."""
        if not self._sources:
            return None, True
        now = self._clock.monotonic()
        if any(source.url not in self._read_at for source in self._sources):
            return None, False
        return now - min(self._read_at[source.url] for source in self._sources), all(self._readable.values())

    async def run(self) -> None:
        """Look at all of them, again and again: one that does not answer keeps nobody from the others."""
        while True:
            await self._let_go()
            await asyncio.gather(*(self._try(source) for source in self._sources))
            await asyncio.sleep(self._every_s)

    async def _let_go(self) -> None:
        try:
            while self._left:
                await self._append(Silenced(self._left[-1], readable=True))
                self._left.pop()
        except StoreUnavailable as error:
            log.warning("silences of %s are not ended: %s", self._left[-1], error)

    async def _try(self, source: Source) -> None:
        try:
            await self.look(source)
        except StoreUnavailable as error:
            log.warning("silences of %s are not recorded: %s", source.url, error)

    async def look(self, source: Source) -> None:
        """Read one Alertmanager's silences; tell the journal if something changed. Raises StoreUnavailable."""
        url, asked_at = source.url, self._clock.monotonic()
        try:
            silences = await source.silences()
        except Unreachable as error:
            log.warning("silences cannot be read: %s", error)
            if self._readable.get(url, True):
                await self._append(Silenced(url, readable=False))
            self._readable[url] = False
            return
        if self._known.get(url) != silences or not self._readable.get(url, False):
            await self._append(Silenced(url, True, silences))
        self._known[url], self._readable[url] = silences, True
        # The answer is of some time between question and answer, so at least as old as the question.
        self._read_at[url] = asked_at

    async def _append(self, record: Record) -> None:
        await self._journal.append([Arrival(record)])


class Reconciler:
    """Notices alerts that are gone at every Alertmanager, in two polls, each of them up long enough to know.

    `ours` gives the canonical labels of the alerts that fire here and that an Alertmanager must know; `troubled` says whether
    the trouble is raised, be it by a life before this one, or by a word whose answer was lost.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        journal: Journal,
        clock: Clock,
        every: Micros,
        ours: Callable[[], Iterable[bytes]],
        troubled: Callable[[], bool],
    ) -> None:
        self._sources = sources
        self._journal = journal
        self._clock = clock
        self._every_s = every / SECOND
        self._ours = ours
        self._missing: set[bytes] | None = None
        self._troubled = troubled

    def use(self, sources: Sequence[Source], every: Micros) -> None:
        """Ask these from now on. What one of others missed is no evidence of theirs."""
        if {source.url for source in sources} != {source.url for source in self._sources}:
            self._missing = None
        self._sources, self._every_s = sources, every / SECOND

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except Unreachable as error:
                log.warning("not reconciled: %s", error)
                self._missing = None
            except StoreUnavailable as error:
                log.warning("not reconciled: %s", error)

    async def look(self) -> None:
        """One poll. Raises Unreachable when any of them did not answer: then nothing vanished."""
        before = set(self._ours())
        known: set[bytes] = set()
        for source in self._sources:
            if self._clock.now() - await source.up_since() < SETTLED_IN:
                self._missing = None
                return
            known |= await source.alerts()
        earlier, missing = self._missing, before - known
        self._missing = missing  # before anything that may fail: the next poll is the second one of these
        if earlier is None:
            return
        gone = missing & earlier & set(self._ours())
        suspicious = len(gone) >= AT_LEAST and len(gone) > SUSPICIOUS * len(before)
        if suspicious != self._troubled():
            detail = f"{len(gone)} of {len(before)} alerts would vanish at once"
            await self._journal.append([Arrival(Troubled(SUSPICION, suspicious, detail))])
        if gone and not suspicious:
            await self._journal.append([Arrival(Vanished(tuple(sorted(gone))))])
            self._missing -= gone
