"""Incidents, their timelines and the alerts of ended ones, as people read them. Written by T2 alone; they are projections."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, and_, exists, func, or_, select, update

from healer.alerts.model import Detail, RefusedAlert
from healer.convergence.outcome import AlertView, Happening, Incident
from healer.remediation.model import UNDER_WAY
from healer.store import schema
from healer.store.prepared import Inserting
from healer.store.transaction import Transaction
from healer.times import Micros

_pack = msgspec.msgpack.Encoder().encode
_incident = msgspec.msgpack.Decoder(Incident).decode
_happening = msgspec.msgpack.Decoder(Happening).decode
_views = msgspec.msgpack.Decoder(list[AlertView]).decode
_details = msgspec.msgpack.Decoder(list[Detail]).decode
_CHANGES = ("status", "began_at", "opened_at", "data")
_STORE = Inserting(
    "incident",
    ("id", *_CHANGES),
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _CHANGES)}",
)
_TELL = Inserting("timeline", ("incident", "data"))


def store(connection: Connection, incidents: Sequence[Incident]) -> None:
    """Insert or replace the incidents, each of which is one of them."""
    rows = [(one.id, one.status, one.began_at, one.opened_at, _pack(one)) for one in incidents]
    _STORE.execute(connection, rows)


def tell(connection: Connection, timeline: Sequence[Happening]) -> None:
    """Add lines to the timelines."""
    _TELL.execute(connection, [(happening.incident, _pack(happening)) for happening in timeline])


def newest(connection: Connection, status: str, before: str, limit: int) -> tuple[list[Incident], int]:
    """Incidents of `status` (all when empty), newest first from the one after `before`; and how many of it there are."""
    table = schema.incident
    wanted = table.c.status == status if status else and_(True)
    total = connection.execute(select(func.count()).select_from(table).where(wanted)).scalar_one()
    page = select(table.c.data).where(wanted).order_by(table.c.opened_at.desc(), table.c.id.desc()).limit(limit)
    if before:
        since = connection.execute(select(table.c.opened_at).where(table.c.id == before)).scalar()
        if since is None:
            return [], total
        older = or_(table.c.opened_at < since, and_(table.c.opened_at == since, table.c.id < before))
        page = page.where(older)
    return [_incident(data) for data in connection.execute(page).scalars()], total


def one(connection: Connection, id: str) -> Incident | None:
    data = connection.execute(select(schema.incident.c.data).where(schema.incident.c.id == id)).scalar()
    return None if data is None else _incident(data)


def timeline(connection: Connection, incident: str) -> list[Happening]:
    """The incident's timeline in the order in which it was written."""
    table = schema.timeline
    found = connection.execute(select(table.c.data).where(table.c.incident == incident).order_by(table.c.id))
    return [_happening(data) for data in found.scalars()]


def closed_alerts(connection: Connection, incident: str) -> list[AlertView]:
    """How the alerts of an ended incident stood; none while it is open, or when it is forgotten."""
    table = schema.closed
    data = connection.execute(select(table.c.alerts).where(table.c.incident == incident)).scalar()
    return [] if data is None else _views(data)


def untraced(connection: Connection, patience_ended: Micros, limit: int) -> list[Incident]:
    """Incidents that ended for good and whose trace was not exported, oldest first: no remediation under way, and nobody
    left to be told, unless their alerts were closed before `patience_ended`."""
    table, remediation, told, closed = schema.incident, schema.remediation, schema.told, schema.closed
    healing = exists().where(remediation.c.incident == table.c.id, remediation.c.state.in_(UNDER_WAY))
    untold = exists().where(told.c.incident == table.c.id, told.c.state.in_(("waiting", "claimed")))
    over = or_(table.c.status == "merged", closed.c.at.is_not(None))
    found = (
        select(table.c.data)
        .join(closed, closed.c.incident == table.c.id, isouter=True)
        .where(table.c.traced == 0, table.c.status != "open", over, ~healing)
        .where(or_(~untold, closed.c.at < patience_ended))
        .order_by(table.c.opened_at, table.c.id)
        .limit(limit)
    )
    return [_incident(data) for data in connection.execute(found).scalars()]


def mark_traced(transaction: Transaction, ids: Sequence[str]) -> None:
    """Their traces were exported."""
    table = schema.incident
    transaction.connection.execute(update(table).where(table.c.id.in_(ids)).values(traced=1))


def detail(connection: Connection, position: int, index: int) -> Detail | None:
    """What people read beside one alert of the journal; None when the journal keeps nothing there any more."""
    table = schema.journal
    data = connection.execute(select(table.c.details).where(table.c.position == position)).scalar()
    details = _details(data) if data else []
    return details[index] if 0 <= index < len(details) else None


def refused(connection: Connection, limit: int) -> list[RefusedAlert]:
    """Refused alerts, newest first."""
    table = schema.refused
    columns = (table.c.at, table.c.sender, table.c.place, table.c.reason, table.c.detail, table.c.labels)
    found = connection.execute(select(*columns).order_by(table.c.id.desc()).limit(limit))
    return [RefusedAlert(*row) for row in found]
