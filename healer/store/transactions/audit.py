"""The append-only log of decisions and effects: an entry is written, and sealed, in the transaction that it belongs to.

Called by the transactions that decide or act; read by `healer.store.store` for people, and for whoever verifies it. There is no
statement that changes or removes an entry.
"""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, Row, Select, func, insert, select, text

from healer.audit.anchor import Anchor, read_anchor
from healer.audit.chain import START, Entry, Head, incident_of, seal
from healer.store.dialect import upsert
from healer.store.prepared import Inserting, Prepared
from healer.store.schema import anchor as anchored
from healer.store.schema import audit, audit_head, meta
from healer.store.transaction import Transaction
from healer.times import Micros

_READ_HEAD = Prepared(
    text(
        "SELECT meta.value, coalesce(audit_head.place, 0), coalesce(audit_head.digest, '') FROM meta "
        "LEFT JOIN audit_head ON audit_head.writer = meta.value WHERE meta.key = 'installation'"
    )
)
"""One chain per writer. Here the installation is the only one, whichever process it is."""
_MOVE_HEAD = Prepared(
    text(
        "INSERT INTO audit_head (writer, place, digest) VALUES (:writer, :place, :digest) "
        "ON CONFLICT (writer) DO UPDATE SET place = excluded.place, digest = excluded.digest"
    )
)
_PAID = "anchors taken by "
_INSERT = Inserting("audit", ("at", "kind", "detail", "writer", "place", "incident", "digest"))


def note(transaction: Transaction, at: Micros, kind: str, **detail: object) -> None:
    """Add an entry of `kind` with `detail` as JSON."""
    said = msgspec.json.encode(detail).decode()
    head = seal(transaction.sealed or _head(transaction.connection), at, kind, said)
    transaction.sealed = head
    transaction.notes.append((at, kind, said, head.writer, head.place, incident_of(said), head.digest))


def insert_notes(transaction: Transaction) -> None:
    """Insert what was noted, and move the head: once for all that share a commit."""
    if transaction.notes and transaction.sealed is not None:
        _INSERT.execute(transaction.connection, transaction.notes)
        _MOVE_HEAD.execute(transaction.connection, msgspec.structs.asdict(transaction.sealed))
        transaction.notes = []


def _head(connection: Connection) -> Head:
    """The newest entry that is stored."""
    writer, place, digest = _READ_HEAD.execute(connection).fetchone()
    return Head(writer, place, digest or START)


def act(transaction: Transaction, kind: str, detail: Mapping[str, object], now: Micros) -> None:
    """An entry about what somebody is about to do."""
    note(transaction, now, kind, **detail)


def read(connection: Connection, after: int, limit: int) -> list[tuple[int, Micros, str, str]]:
    """(number, at, kind, detail) of at most `limit` entries above `after`, in order."""
    return [(entry.number, entry.at, entry.kind, entry.detail) for entry in entries(connection, after, limit, "")]


def entries(connection: Connection, after: int, limit: int, incident: str) -> list[Entry]:
    """At most `limit` entries above `after`, in order; of one incident when it is named."""
    query = _of(incident).where(audit.c.number > after).order_by(audit.c.number).limit(limit)
    return [_entry(*row) for row in connection.execute(query)]


def newest(connection: Connection, limit: int, incident: str) -> list[Entry]:
    """The newest `limit` entries, in order; of one incident when it is named."""
    found = [_entry(*row) for row in connection.execute(_of(incident).order_by(audit.c.number.desc()).limit(limit))]
    return found[::-1]


def heads(connection: Connection) -> list[Head]:
    """The newest entry of each chain, as it was written beside the entries."""
    found = connection.execute(select(audit_head.c.writer, audit_head.c.place, audit_head.c.digest))
    return sorted((Head(*row) for row in found), key=lambda head: head.writer)


def keep_anchor(transaction: Transaction, made: Anchor) -> None:
    """Keep a signed head. The same again (its answer was lost) is no news."""
    newest = anchors(transaction.connection)[-1:]
    if newest != [made]:
        row = {"at": made.at, "writer": made.writer, "place": made.place, "statement": made.line()}
        transaction.connection.execute(insert(anchored), row)


def anchors(connection: Connection) -> list[Anchor]:
    """Every signed head, oldest first."""
    found = connection.execute(select(anchored.c.statement).order_by(anchored.c.number))
    return [_anchor(statement) for statement in found.scalars()]


def _entry(
    number: int, writer: str, place: int, at: Micros, kind: str, detail: str, incident: str, digest: str
) -> Entry:
    """An entry as it stands. SQLite keeps text in a column of numbers: what is no place any more is none that can be right."""
    return Entry(number, str(writer), place if type(place) is int else -1, at, kind, detail, incident, digest)


def _anchor(statement: str) -> Anchor:
    """One that cannot be read is nobody's, which shows when it is verified."""
    try:
        return read_anchor(statement)
    except ValueError:
        return Anchor("", "", 0, "", 0, "", "")


def owed(connection: Connection, place: str) -> list[tuple[int, Anchor]]:
    """The anchors that a place does not have, with their numbers; of a new place the newest alone."""
    query = select(anchored.c.number, anchored.c.statement).order_by(anchored.c.number)
    known = connection.execute(select(meta.c.value).where(meta.c.key == _PAID + place)).scalar()
    if known is None:
        query = query.where(anchored.c.number == select(func.max(anchored.c.number)).scalar_subquery())
    else:
        query = query.where(anchored.c.number > int(known))
    return [(number, _anchor(statement)) for number, statement in connection.execute(query)]


def paid(transaction: Transaction, place: str, number: int) -> None:
    """A place has all anchors up to this number."""
    statement = upsert(meta).values(key=_PAID + place, value=str(number))
    again = statement.on_conflict_do_update(index_elements=["key"], set_={"value": statement.excluded.value})
    transaction.connection.execute(again)


def _of(incident: str) -> Select[Row]:  # type: ignore[type-arg] # the entry says what the columns are
    names = ("number", "writer", "place", "at", "kind", "detail", "incident", "digest")
    query = select(*(audit.c[name] for name in names))
    return query.where(audit.c.incident == incident) if incident else query
