"""The past again: snapshot, steps and journal, folded as they were when they were the present.

The owner does this at take-over, `healer.rehearsal` when somebody asks for a replay. Whoever reads compares digests.
"""

import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from itertools import zip_longest
from typing import NamedTuple, Protocol

import msgspec

from healer.journey.charter import Charter
from healer.journey.fold import VERSION, Fold, Memory, remembered
from healer.journey.ports import Row, Snapshot, Step, StepMark
from healer.journey.records import Adopted, Entry, Rewired, decode
from healer.times import Micros
from healer.topology.patch import Patch

log = logging.getLogger(__name__)

READ_ROWS = 256
"""Rows, and steps, read at a time."""

Charters = Callable[[Adopted], Awaitable[Charter]]
"""Makes a charter from what the store kept of it."""


Between = Callable[[Fold, Micros, Entry | None], Awaitable[None]]
"""Lets time pass up to an instant, when a record follows, or the next step's time comes."""


class Past(Protocol):
    """What a store kept; see `healer.journey.ports`."""

    async def read(self, after: int, limit: int) -> list[Row]: ...

    async def steps(self, after: int, limit: int) -> list[StepMark]: ...

    async def snapshot(self, before: int = 0) -> Snapshot | None: ...


class Gap(Exception):
    """A record or a step is not there any more: the past cannot be folded from here."""


class Again(NamedTuple):
    """A recorded step, the records it was made of, and what comes out now; None for a step without a decision."""

    mark: StepMark
    entries: list[Entry]
    step: Step | None

    @property
    def same(self) -> bool:
        return (self.step.digest if self.step else "") == self.mark.digest


class Refold:
    """A fold that follows what was recorded. `number` and `position` are the last step's and record's that it has seen.

    With `rewired=False` the topology is the charter's alone, whatever was recorded of how it changed. `between` is for pasts
    that never were: it may apply what was not recorded.
    """

    def __init__(
        self,
        past: Past,
        charters: Charters,
        installation: str,
        *,
        rewired: bool = True,
        between: Between | None = None,
    ) -> None:
        self._between = between
        self._past = past
        self._charters = charters
        self._installation = installation
        self._rewired = rewired
        self._rows: deque[Row] = deque()
        self.fold: Fold | None = None
        self.number = 0
        self.position = 0

    async def open(self, below: int, until: int | None = None) -> None:
        """Begin with the newest snapshot of a step before `below` (and taken no later than `until`) that this version
        reads; at the beginning of the journal when there is none."""
        while (snapshot := await self._past.snapshot(before=below)) is not None:
            below = snapshot.number
            if snapshot.version != VERSION or (until is not None and snapshot.now > until):
                continue
            try:
                memory = remembered(snapshot.data)
            except (msgspec.MsgspecError, ValueError) as error:
                log.warning("the snapshot of step %d cannot be read: %s", snapshot.number, error)
                continue
            if not self._rewired:
                memory = msgspec.structs.replace(memory, patch=Patch())
            charter = await self._charters(memory.adopted)
            self.fold = Fold.load(memory, charter, self._installation, await self._earlier(memory))
            self.number, self.position = snapshot.number, snapshot.applied
            return

    async def _earlier(self, memory: Memory) -> dict[str, Charter]:
        """The rules that incidents under way began with. What cannot be made any more gives way to those of today."""
        found = {}
        for version, adopted in memory.eras.items():
            try:
                found[version] = await self._charters(adopted)
            except (KeyError, ValueError) as error:
                log.warning("incidents under way go on by the rules of today: %s", error)
        return found

    async def run(self, until: int | None = None) -> AsyncGenerator[Again, None]:
        """Every step that follows, up to step `until` or to the last. Raises Gap where something is missing."""
        while until is None or self.number < until:
            marks = await self._past.steps(self.number, READ_ROWS)
            if not marks:
                return
            for mark in marks:
                yield await self._again(mark)

    async def _again(self, mark: StepMark) -> Again:
        if (mark.number, mark.first) != (self.number + 1, self.position + 1):
            raise Gap(
                f"step {self.number + 1} with record {self.position + 1} should follow, "
                f"there is step {mark.number} with record {mark.first}"
            )
        # Whatever cannot be read is missed before anything is applied: who follows tries again from here.
        entries = await self._entries(mark)
        charters = {
            one.position: await self._charters(one.record) for one in entries if isinstance(one.record, Adopted)
        }
        for entry in entries:
            if isinstance(entry.record, Rewired) and not self._rewired:
                continue
            charter = charters.get(entry.position)
            if self.fold is None:
                assert charter is not None, "the journal begins with what was adopted first"
                self.fold = Fold(charter, self._installation)
            elif self._between is not None:
                await self._between(self.fold, entry.at, entry)
            self.fold.apply(entry, charter)
        assert self.fold is not None, "the first step has a record"
        if not entries:
            if self._between is not None:
                await self._between(self.fold, mark.now, None)
            self.fold.advance(mark.now)
        step = self.fold.take(mark.number, 0, mark.first, mark.last)
        for _ in entries:
            self._rows.popleft()
        self.number, self.position = mark.number, mark.last
        return Again(mark, entries, step)

    async def _entries(self, mark: StepMark) -> list[Entry]:
        """The records of a step that follows."""
        wanted = mark.last - mark.first + 1
        while len(self._rows) < wanted:
            known = self._rows[-1].position if self._rows else self.position
            more = await self._past.read(known, READ_ROWS)
            if not more:
                break
            self._rows.extend(more)
        rows = [self._rows[index] for index in range(min(wanted, len(self._rows)))]
        for position, row in zip_longest(range(mark.first, mark.last + 1), rows):
            if row is None or row.position != position:
                self._rows.clear()
                raise Gap(f"record {position} is not in the journal")
        return list(map(entry_of, rows))


def entry_of(row: Row) -> Entry:
    """A journal row, read."""
    return Entry(row.position, row.at, decode(row.data))
