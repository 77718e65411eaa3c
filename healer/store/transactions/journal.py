"""T1, and reading the journal back. Called by `healer.store.store`, and by every transaction that has news for the engine.

The one hot path of the store: a request of a hundred alerts is one row, inserted on the driver.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select

from healer.alerts.model import Refusal
from healer.journey.ports import Arrival, Row
from healer.journey.records import Delivered, Entry, Record, encode
from healer.store.prepared import Inserting, Plain
from healer.store.schema import refused
from healer.store.transaction import Transaction
from healer.store.transactions import audit
from healer.store.transactions.acts import act_of
from healer.times import Micros

REFUSED_KEPT = 10_000
"""Rows of refused alerts that are kept: enough to see what a sender does wrong, whatever it sends."""

READ_BYTES = 1 << 22
"""So many bytes are read at once, and the rest of the last record: one may hold all that a sender knows, and what still lies
in the processor's caches is folded faster."""

_INSERT = Inserting("journal", ("position", "at", "alerts", "data", "details"))
_HEAD = Plain("SELECT position FROM journal ORDER BY position DESC LIMIT 1")
_READ = Plain("SELECT position, at, data FROM journal WHERE position > ? ORDER BY position LIMIT ?")


class Encoded:
    """An arrival ready to be written: encoding is done before the transaction, so that it stays short."""

    __slots__ = ("alerts", "data", "details", "record", "refusals")

    def __init__(self, arrival: Arrival) -> None:
        record = arrival.record
        self.record = record
        self.alerts = len(record.alerts) if isinstance(record, Delivered) else 0
        self.data = encode(record)
        self.details = arrival.details
        self.refusals = arrival.refusals


def append(transaction: Transaction, arrivals: Sequence[Encoded]) -> list[tuple[int, Micros]]:
    """T1: one row per arrival at the next positions. Returns (position, accepted at) of each."""
    at = transaction.now()
    position = transaction.position
    for arrival in arrivals:
        position += 1
        transaction.rows.append((position, at, arrival.alerts, arrival.data, arrival.details))
        transaction.appended.append(Entry(position, at, arrival.record))
        if arrival.refusals:
            _refuse(transaction, arrival.record, at, arrival.refusals)
        if act := act_of(arrival.record):
            kind, detail = act
            audit.note(transaction, at, kind, position=position, **detail)
    first = transaction.position + 1
    transaction.position, transaction.at = position, at
    return [(each, at) for each in range(first, position + 1)]


def insert_rows(transaction: Transaction) -> None:
    """Insert what was appended: once for all that share a commit."""
    if transaction.rows:
        _INSERT.execute(transaction.connection, transaction.rows)
        transaction.rows = []


def append_record(transaction: Transaction, record: Record) -> None:
    """Append a record that another transaction (T2, T3, T4, the kill switch) has for the engine."""
    append(transaction, [Encoded(Arrival(record))])


def head(connection: Connection) -> int:
    """The last position."""
    found = _HEAD.execute(connection).fetchone()
    return found[0] if found else 0


def nothing(_: Transaction) -> None:
    """To begin is all: a run makes known what others appended."""


def read(connection: Connection, after: int, limit: int) -> list[Row]:
    """At most `limit` rows above position `after`, fewer where they are long. On the driver: replay reads millions of alerts
    here."""
    rows: list[Row] = []
    left = READ_BYTES
    for position, at, data in _READ.execute(connection, (after, limit)):
        rows.append(Row(position, at, data))
        left -= len(data)
        if left <= 0:
            break
    return rows


def _refuse(transaction: Transaction, record: Record, at: Micros, refusals: Sequence[Refusal]) -> None:
    sender = record.sender if isinstance(record, Delivered) else ""
    transaction.connection.execute(
        insert(refused),
        [
            {
                "at": at,
                "sender": sender,
                "place": refusal.index,
                "reason": refusal.reason,
                "detail": refusal.detail,
                "labels": refusal.labels,
            }
            for refusal in refusals[:REFUSED_KEPT]
        ],
    )
    newest = select(func.max(refused.c.id)).scalar_subquery()
    transaction.connection.execute(delete(refused).where(refused.c.id <= newest - REFUSED_KEPT))
