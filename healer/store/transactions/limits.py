"""The counted guard `limit`: how many remediations may write an intent within a window. Part of T3.

A remediation counts once under each key of its plan, from its last intent; with an unsettled intent it counts whatever the
window says.
"""

from sqlalchemy import Connection, exists, select
from sqlalchemy.dialects.sqlite import insert as upsert

from healer.remediation.model import Limit, Refused, Remediation
from healer.store.schema import intent, reserved
from healer.times import Micros, format_duration


def refuse(connection: Connection, remediation: Remediation, now: Micros) -> Refused | None:
    """The first limit that another remediation would break, with the instant from which waiting helps."""
    for limit in remediation.plan.limits:
        refused = _over(connection, remediation.id, limit, now)
        if refused:
            return refused
    return None


def reserve(connection: Connection, remediation: Remediation, now: Micros) -> None:
    """Count this remediation, from now, under the key of each of its limits."""
    keys = sorted({limit.key for limit in remediation.plan.limits})
    if keys:
        statement = upsert(reserved)
        later = statement.on_conflict_do_update(
            index_elements=["key", "remediation"], set_={"at": statement.excluded.at}
        )
        connection.execute(later, [{"key": key, "remediation": remediation.id, "at": now} for key in keys])


def _over(connection: Connection, remediation: str, limit: Limit, now: Micros) -> Refused | None:
    acting = exists().where(intent.c.remediation == reserved.c.remediation, intent.c.unsettled == 1)
    others = (
        select(reserved.c.at, acting)
        .where(reserved.c.key == limit.key, reserved.c.remediation != remediation)
        .where((reserved.c.at > now - limit.window) | acting)
        .order_by(reserved.c.at)
    )
    found = connection.execute(others).all()
    too_many = len(found) - limit.count + 1
    if too_many <= 0:
        return None
    why = f"{len(found)} of at most {limit.count} in {format_duration(limit.window)} for {limit.key}"
    leaving = [at + limit.window for at, still_acting in found if not still_acting]
    return Refused("limit", why, retry_at=leaving[too_many - 1] if len(leaving) >= too_many > 0 < limit.count else 0)
