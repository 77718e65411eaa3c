"""Snapshots of the fold, and the documents (topology, settings, rules) that steps refer to by hash."""

import hashlib

from sqlalchemy import Connection, delete, select

from healer.journey.ports import Snapshot
from healer.store import schema
from healer.store.dialect import upsert
from healer.store.transaction import Transaction

KEPT = 2
"""Snapshots that are kept: if the newest cannot be read, replay starts from the one before."""


def newest(connection: Connection, before: int) -> Snapshot | None:
    """The newest snapshot, or the newest of a step below `before` when that is not 0."""
    columns = [schema.snapshot.c[name] for name in Snapshot.__struct_fields__]
    query = select(*columns).order_by(schema.snapshot.c.number.desc()).limit(1)
    row = connection.execute(query.where(schema.snapshot.c.number < before) if before else query).first()
    return Snapshot(*row) if row else None


def save(transaction: Transaction, snapshot: Snapshot) -> None:
    """Keep it and the one before; the same number again replaces it."""
    table = schema.snapshot
    values = {name: getattr(snapshot, name) for name in Snapshot.__struct_fields__}
    same = {name: value for name, value in values.items() if name != "number"}
    transaction.connection.execute(
        upsert(table).values(values).on_conflict_do_update(index_elements=["number"], set_=same)
    )
    kept = select(table.c.number).order_by(table.c.number.desc()).limit(KEPT)
    transaction.connection.execute(delete(table).where(table.c.number.not_in(kept)))


def keep_version(transaction: Transaction, kind: str, content: bytes) -> str:
    """Keep a document once; its SHA-256 in hexadecimal."""
    digest = hashlib.sha256(content).hexdigest()
    statement = upsert(schema.version).values(digest=digest, kind=kind, content=content)
    transaction.connection.execute(statement.on_conflict_do_nothing())
    return digest


def version(connection: Connection, digest: str) -> bytes:
    """The document with this hash. Raises KeyError."""
    table = schema.version
    content: bytes | None = connection.execute(select(table.c.content).where(table.c.digest == digest)).scalar()
    if content is None:
        raise KeyError(digest)
    return content
