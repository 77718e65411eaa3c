"""The append-only log of decisions and effects: an entry is written in the transaction it belongs to.

Called by the transactions that decide or act; read by `healer.store.store` for people.
"""

import msgspec
from sqlalchemy import Connection, insert, select

from healer.store.schema import audit
from healer.store.transaction import Transaction
from healer.times import Micros


def note(transaction: Transaction, at: Micros, kind: str, **detail: object) -> None:
    """Add an entry of `kind` with `detail` as JSON."""
    text = msgspec.json.encode(detail).decode()
    transaction.connection.execute(insert(audit), {"at": at, "kind": kind, "detail": text})


def read(connection: Connection, after: int, limit: int) -> list[tuple[int, Micros, str, str]]:
    """(number, at, kind, detail) of at most `limit` entries above `after`, in order."""
    columns = (audit.c.number, audit.c.at, audit.c.kind, audit.c.detail)
    found = connection.execute(select(*columns).where(audit.c.number > after).order_by(audit.c.number).limit(limit))
    return [(number, at, kind, detail) for number, at, kind, detail in found]
