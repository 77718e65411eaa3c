"""The journal as the checkers read it: straight from the disk, each row once."""

from healer.alerts.identity import labels_of
from healer.journey.records import Delivered, Resumed, decode
from healer.store.inline import Memory
from healer.store.transactions import journal
from healer.times import Micros

Labels = tuple[tuple[str, str], ...]


class Tape:
    """What the journal holds. Instants are journal time."""

    def __init__(self, memory: Memory) -> None:
        self._connection = memory.connection
        self.position = 0
        self.delivered: dict[tuple[Labels, bool, Micros], int] = {}
        """By (labels, firing, startsAt), the first position that says so."""
        self._gaps: list[tuple[int, Micros]] = []

    def pull(self) -> None:
        """Read what is new."""
        while rows := journal.read(self._connection, self.position, 1_000):
            for row in rows:
                assert row.position == self.position + 1, "positions have a gap"
                self.position = row.position
                self._note(row.position, row.data)

    def _note(self, position: int, data: bytes) -> None:
        record = decode(data)
        if isinstance(record, Delivered):
            for alert in record.alerts:
                key = (tuple(sorted(labels_of(alert.labels).items())), alert.firing, alert.starts_at)
                self.delivered.setdefault(key, position)
        elif isinstance(record, Resumed):
            self._gaps.append((position, record.gap))

    def away(self, applied: int) -> Micros:
        """For how long nobody stepped, all together, as far as the journal says up to this position."""
        return sum(gap for position, gap in self._gaps if position <= applied)
