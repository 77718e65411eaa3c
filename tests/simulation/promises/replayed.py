"""Replay: the journal, folded again from its beginning, gives every step and the state that the last incarnation has."""

import msgspec

from healer.assembly import Healer
from healer.journey.charter import Charter, Documents, charter
from healer.journey.fold import Fold
from healer.journey.records import Adopted, Rewired
from healer.journey.refold import entry_of
from healer.store.inline import Memory
from healer.store.transactions import journal, snapshots, steps
from tests.simulation.court import Court
from tests.simulation.promises import Checker

_encode = msgspec.msgpack.Encoder().encode


class Replayed(Checker):
    """Whatever crashes, snapshots and catching up lay between, nothing of them may show."""

    def __init__(self, court: Court, memory: Memory) -> None:
        self._court = court
        self._memory = memory
        self.steps = 0
        self.rewired = 0
        """Changes of the topology that were met."""
        self.adopted = 0
        """Configurations that were met."""

    def recovered(self, healer: Healer) -> None:
        if healer.owner.mismatches:
            self._court.accuse("replay", f"{healer.owner.mismatches} steps were decided otherwise before")

    def finally_compare(self, healer: Healer) -> None:
        """Fold everything again, step by step, without any snapshot."""
        fold: Fold | None = None
        rows = iter(journal.read(self._memory.connection, 0, 1_000_000))
        for mark in steps.steps(self._memory.connection, 0, 1_000_000):
            for _ in range(mark.first, mark.last + 1):
                entry = entry_of(next(rows))
                self.rewired += isinstance(entry.record, Rewired)
                self.adopted += isinstance(entry.record, Adopted)
                charter = self._charter(entry.record) if isinstance(entry.record, Adopted) else None
                if fold is None:
                    assert charter is not None, "the journal begins with what was adopted first"
                    fold = Fold(charter, self._memory.installation)
                fold.apply(entry, charter)
            assert fold is not None, "the first step has a record"
            if mark.last < mark.first:
                fold.advance(mark.now)
            step = fold.take(mark.number, 1, mark.first, mark.last)
            self.steps += 1
            if step is None or step.digest != mark.digest:
                self._court.accuse("replay", f"step {mark.number} is decided otherwise when all is folded again")
                return
        if fold is None or _seen(fold) != _seen(healer.owner.fold):
            self._court.accuse("replay", "the state folded again is not the state of the last incarnation")

    def _charter(self, adopted: Adopted) -> Charter:
        """What the disk has kept of it."""
        settings, topology, rules = (
            snapshots.version(self._memory.connection, digest)
            for digest in (adopted.settings, adopted.topology, adopted.rules)
        )
        return charter(adopted, Documents(settings=settings, topology=topology, rules=rules))


def _seen(fold: Fold) -> bytes:
    """All that anybody can read of it."""
    alerts = sorted(fold.engine.alerts(), key=lambda one: one.labels)
    incidents = sorted(fold.incidents(), key=lambda one: one.id)
    return _encode((alerts, incidents))
