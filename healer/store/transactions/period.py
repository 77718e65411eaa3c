"""What the store kept of a time, for the noise budget. Read by `healer report` through `healer.store.store`."""

from itertools import takewhile

import msgspec
from sqlalchemy import Connection, func, select

from healer.convergence.outcome import Happening, Incident
from healer.notification.budget import Period
from healer.remediation.model import Remediation
from healer.store import schema
from healer.store.transactions.retention import last_old
from healer.times import HOUR, Micros

MOST_INCIDENTS = 20_000
MOST_REMEDIATIONS = 20_000
MOST_LINES = 500_000
"""Of the timelines, the newest. All together are some seconds on a reader of its own, and some hundred MB at worst."""
PAGE = 5_000
LATE: Micros = HOUR
"""How much later than it happened a line may have been written."""

_incident = msgspec.msgpack.Decoder(Incident).decode
_happening = msgspec.msgpack.Decoder(Happening).decode
_remediation = msgspec.msgpack.Decoder(Remediation).decode


def period(connection: Connection, since: Micros, until: Micros) -> Period:
    """All that came, opened, was told and was repaired since then."""
    journal, refused, table = schema.journal, schema.refused, schema.incident
    before = last_old(connection, journal.c.position, journal.c.at < since)
    alerts = select(func.coalesce(func.sum(journal.c.alerts), 0)).where(journal.c.position > before)
    newest = select(table.c.data).where(table.c.opened_at >= since).order_by(table.c.opened_at.desc())
    incidents = list(connection.execute(newest.limit(MOST_INCIDENTS + 1)).scalars())
    notices, all_lines = _notices(connection, since)
    remediations = _remediations(connection, since)
    return Period(
        since=since,
        until=until,
        alerts=connection.execute(alerts).scalar_one(),
        refused=connection.execute(select(func.count()).where(refused.c.at >= since)).scalar_one(),
        incidents=tuple(_incident(data) for data in incidents[:MOST_INCIDENTS]),
        notices=notices,
        remediations=remediations,
        complete=all_lines and len(incidents) <= MOST_INCIDENTS and len(remediations) < MOST_REMEDIATIONS,
    )


def _notices(connection: Connection, since: Micros) -> tuple[tuple[Happening, ...], bool]:
    """What people were told, and whether all of it was looked at."""
    table = schema.timeline
    found: list[Happening] = []
    below, looked = None, 0
    while looked < MOST_LINES:
        query = select(table.c.id, table.c.data).order_by(table.c.id.desc()).limit(PAGE)
        rows = connection.execute(query if below is None else query.where(table.c.id < below)).all()
        lines = [_happening(data) for _, data in rows]
        found += [one for one in lines if one.stage == "notify" and one.at >= since]
        if len(rows) < PAGE or all(one.at < since - LATE for one in lines):
            return tuple(found), True
        below, looked = rows[-1][0], looked + len(rows)
    return tuple(found), False


def _remediations(connection: Connection, since: Micros) -> tuple[Remediation, ...]:
    table = schema.remediation
    newest = connection.execute(select(table.c.data).order_by(table.c.number.desc()).limit(MOST_REMEDIATIONS))
    return tuple(takewhile(lambda one: one.created_at >= since, map(_remediation, newest.scalars())))
