"""When did what fires really begin? Asks the configured Prometheus, and writes what they say into the journal.

One loop, started by `healer.assembly`: every minute, and at once when an alert arrives that is not known, so that the answer
is there while the alert is held. Where a Prometheus does not answer, onsets are what they were: later, by `for:`.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from healer.alerts.identity import labels_of
from healer.convergence.lasting import Rule
from healer.journey.ports import Arrival, StoreUnavailable
from healer.journey.records import Began, Delivered, Entry, Lasting, Record
from healer.prometheus.rules import Active, CannotTell, Source
from healer.times import Micros

log = logging.getLogger(__name__)

EVERY_S = 60.0
"""Seconds between two looks when nothing new arrives."""
APART_S = 2.0
"""Seconds between two looks at least: what arrives meanwhile is asked of once."""
AT_A_TIME = 500
"""Alerts looked at before others get their turn."""
MAX_RECORD = 5_000
"""Onsets in one record of the journal."""

Key = tuple[str, ...]
Dated = tuple[bytes, Micros]


class Journal(Protocol):
    """Where it is written; a part of `healer.journey.ports.Journal`."""

    async def append(self, arrivals: Sequence[Arrival]) -> list[tuple[int, Micros]]: ...


class Known(Protocol):
    """What converged so far."""

    async def settled(self) -> None: ...

    def where(self, labels: bytes) -> tuple[int, int] | None:
        """Position and index of an alert's newest delivery; None for one that is not known."""
        ...

    def undated(self) -> Iterator[tuple[str, bytes, Micros]]:
        """Name, labels and startsAt of what fires and of which no Prometheus said yet when it began."""
        ...

    def rules_of(self, source: str) -> tuple[Rule, ...]:
        """What this Prometheus said of its rules the last time."""
        ...


class Onsets:
    """Asks every Prometheus. `count(url, result)` counts the answers for /metrics."""

    def __init__(
        self, sources: Sequence[Source], journal: Journal, known: Known, count: Callable[[str, str], None]
    ) -> None:
        self._sources = sources
        self._journal = journal
        self._known = known
        self._count = count
        self._awake = asyncio.Event()
        self._failed: dict[str, str] = {}

    def use(self, sources: Sequence[Source]) -> None:
        """Ask these from now on."""
        self._sources = sources
        self._awake.set()

    @property
    def woken(self) -> bool:
        """Whether there is reason to look at once."""
        return self._awake.is_set()

    def hear(self, entries: Sequence[Entry]) -> None:
        """Records that were just accepted: look at once if one brings an alert that is not known."""
        if self.woken:
            return
        for entry in entries:
            if isinstance(entry.record, Delivered):
                known = self._known.where
                if any(alert.firing and known(alert.labels) is None for alert in entry.record.alerts):
                    self._awake.set()
                    return

    async def run(self) -> None:
        """Look whenever there is reason to, until cancelled."""
        while True:
            self._awake.clear()
            await self.look()
            await asyncio.sleep(APART_S)
            try:
                async with asyncio.timeout(EVERY_S - APART_S):
                    await self._awake.wait()
            except TimeoutError:
                pass

    async def look(self) -> None:
        """Ask all of them: one that does not answer keeps nobody from the others."""
        await self._known.settled()
        await asyncio.gather(*(self._ask(source) for source in self._sources))

    async def _ask(self, source: Source) -> None:
        try:
            await self._rules(source)
            await self._onsets(source)
        except CannotTell as error:
            self._count(source.url, "failed")
            if self._failed.get(source.url) != str(error):
                log.warning("onsets are not known exactly: %s", error)
            self._failed[source.url] = str(error)
        except StoreUnavailable as error:
            log.warning("what %s says is not recorded: %s", source.url, error)
        else:
            self._count(source.url, "ok")
            if self._failed.pop(source.url, ""):
                log.info("%s answers again", source.url)

    async def _rules(self, source: Source) -> None:
        rules = await source.rules()
        if rules != self._known.rules_of(source.url):
            await self._append(Lasting(source.url, rules))

    async def _onsets(self, source: Source) -> None:
        if not _any(self._known.undated()):
            return
        active = Index(await source.active())
        found: list[Dated] = []
        for number, (name, labels, starts_at) in enumerate(self._known.undated()):
            if number % AT_A_TIME == AT_A_TIME - 1:
                await asyncio.sleep(0)
            began = active.find(name, labels, source) if name in active else None
            if began is not None and began <= starts_at:
                found.append((labels, began))
        for start in range(0, len(found), MAX_RECORD):
            await self._append(Began(source.url, tuple(islice(found, start, start + MAX_RECORD))))

    async def _append(self, record: Record) -> None:
        await self._journal.append([Arrival(record)])


def _any(undated: Iterable[object]) -> bool:
    return next(iter(undated), None) is not None


class Index:
    """The alerts of one Prometheus, to be found by those that came by way of Alertmanager: these have more labels.

    An alert is the one whose labels are all among those given; of several the one with the most labels.
    """

    def __init__(self, active: Iterable[Active]) -> None:
        self._by_name: dict[str, dict[Key, dict[Key, Micros]]] = {}
        for one in active:
            names = tuple(sorted(one.labels))
            there = self._by_name.setdefault(one.labels.get("alertname", ""), {}).setdefault(names, {})
            there[tuple([one.labels[name] for name in names])] = one.active_at

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def find(self, name: str, identity: bytes, source: Source) -> Micros | None:
        """When the alert with these labels (canonical) became active there."""
        labels = labels_of(identity)
        if not source.speaks_for(labels):
            return None
        found: tuple[int, Micros] | None = None
        for names, there in self._by_name[name].items():
            active_at = there.get(tuple([labels.get(one, "") for one in names]))
            if active_at is not None and (found is None or len(names) > found[0]):
                found = (len(names), active_at)
        return found[1] if found is not None else None
