"""The journal as the checkers read it: straight from the disk, each row once."""

from bisect import bisect_right
from collections import defaultdict
from typing import NamedTuple

from sqlalchemy import func, select

from healer.alerts.identity import labels_of
from healer.convergence.people import Said
from healer.journey.records import (
    Delivered,
    Extended,
    Hushed,
    Lifted,
    Maintained,
    Record,
    Resumed,
    Rewired,
    Silenced,
    Vanished,
    decode,
)
from healer.store import schema
from healer.store.inline import Memory
from healer.store.transactions import journal
from healer.times import Micros

Labels = tuple[tuple[str, str], ...]
WORDS = (Hushed, Maintained, Extended, Lifted, Silenced, Said, Rewired)
"""What people say, and what is known of the topology: kept in order for whoever judges by it."""


class Row(NamedTuple):
    """A record with its place in the journal."""

    position: int
    at: Micros
    record: Record


class Gap(NamedTuple):
    """A record that says for how long nobody stepped, when it was written, and how late all records before it were."""

    position: int
    said: Micros
    at: Micros
    latest: Micros


class Tape:
    """What the journal holds. Instants are journal time."""

    def __init__(self, memory: Memory) -> None:
        self._connection = memory.connection
        self.position = 0
        self.delivered: dict[tuple[Labels, bool, Micros], int] = {}
        """By (labels, firing, startsAt), the first position that says so."""
        self.until: dict[tuple[Labels, Micros, Micros], int] = {}
        """By (labels, startsAt, endsAt), the first position that says that an alert fires until then: for a clock that is behind,
        what has ended."""
        self.last: dict[Labels, tuple[bool, Micros]] = {}
        """By labels, what was said last of an alert, firing and startsAt: an old copy may have come after the news."""
        self.words: list[Row] = []
        self.closed_at: Micros = 0
        """When a person last closed an incident: its alerts count again when they begin anew."""
        self.vanished: dict[bytes, int] = {}
        """By canonical labels, the last position that says that no Alertmanager knows an alert any more."""
        self._ends: defaultdict[bytes, list[int]] = defaultdict(list)
        """By canonical labels, the positions that say that an alert ended."""
        self._gaps: list[Gap] = []
        self._lengths: dict[int, Micros] = {}
        """How long they were, as far as that is known."""
        self._latest: Micros = 0
        """Of all records so far."""

    def pull(self) -> None:
        """Read what is new."""
        while rows := journal.read(self._connection, self.position, 1_000):
            for row in rows:
                assert row.position == self.position + 1, "positions have a gap"
                self.position = row.position
                self._note(row.position, row.at, decode(row.data))

    def _note(self, position: int, at: Micros, record: Record) -> None:
        if isinstance(record, Delivered):
            for alert in record.alerts:
                labels, said = tuple(sorted(labels_of(alert.labels).items())), (alert.firing, alert.starts_at)
                self.delivered.setdefault((labels, *said), position)
                self.last[labels] = said
                if not alert.firing:
                    self._ends[alert.labels].append(position)
                if alert.firing and alert.ends_at:
                    self.until.setdefault((labels, alert.starts_at, alert.ends_at), position)
        elif isinstance(record, Vanished):
            self.vanished.update(dict.fromkeys(record.labels, position))
            for one in record.labels:
                self._ends[one].append(position)
        elif isinstance(record, Resumed):
            self._gaps.append(Gap(position, record.gap, at, self._latest))
        elif isinstance(record, WORDS):
            self.words.append(Row(position, at, record))
            if isinstance(record, Said) and record.verb == "close":
                self.closed_at = at
        self._latest = max(self._latest, at)

    def ends(self, applied: int, labels: bytes) -> int:
        """How often the journal says up to this position that an alert ended."""
        return bisect_right(self._ends.get(labels, ()), applied)

    def away(self, applied: int) -> Micros:
        """For how long nobody stepped, all together, as far as the journal says up to this position."""
        return sum(self._length(gap) for gap in self._gaps if gap.position <= applied)

    def _length(self, gap: Gap) -> Micros:
        """What came in before somebody stepped again, and what was stepped without a record, is later than what it began with."""
        known = self._lengths.get(gap.position)
        if known is None:
            stepped = select(func.max(schema.step.c.now)).where(schema.step.c.last < gap.position)
            latest = max(gap.latest, self._connection.execute(stepped).scalar() or 0)
            known = self._lengths[gap.position] = min(gap.said, max(gap.at - latest, 0))
        return known
