"""Replay: the journal, folded again from its beginning, gives every step and the state that the last incarnation has."""

import msgspec

from healer.assembly import Healer
from healer.journey.fold import Fold
from healer.journey.refold import entry_of
from healer.store.inline import Memory
from healer.store.transactions import journal, steps
from tests.simulation.court import Court
from tests.simulation.promises import Checker

_encode = msgspec.msgpack.Encoder().encode


class Replayed(Checker):
    """Whatever crashes, snapshots and catching up lay between, nothing of them may show."""

    def __init__(self, court: Court, memory: Memory) -> None:
        self._court = court
        self._memory = memory
        self.steps = 0

    def recovered(self, healer: Healer) -> None:
        if healer.owner.mismatches:
            self._court.accuse("replay", f"{healer.owner.mismatches} steps were decided otherwise before")

    def finally_compare(self, healer: Healer) -> None:
        """Fold everything again, step by step, without any snapshot."""
        charter = healer.owner.fold.charter
        fold = Fold(charter, self._memory.installation)
        rows = iter(journal.read(self._memory.connection, 0, 1_000_000))
        for mark in steps.steps(self._memory.connection, 0, 1_000_000):
            for _ in range(mark.first, mark.last + 1):
                fold.apply(entry_of(next(rows)), charter)
            if mark.last < mark.first:
                fold.advance(mark.now)
            step = fold.take(mark.number, 1, mark.first, mark.last)
            self.steps += 1
            if step is None or step.digest != mark.digest:
                self._court.accuse("replay", f"step {mark.number} is decided otherwise when all is folded again")
                return
        if _seen(fold) != _seen(healer.owner.fold):
            self._court.accuse("replay", "the state folded again is not the state of the last incarnation")


def _seen(fold: Fold) -> bytes:
    """All that anybody can read of it."""
    alerts = sorted(fold.engine.alerts(), key=lambda one: one.labels)
    incidents = sorted(fold.incidents(), key=lambda one: one.id)
    return _encode((alerts, incidents))
