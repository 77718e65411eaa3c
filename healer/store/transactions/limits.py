"""The counted guard `limit`: how many remediations may write an intent within a window, or be under way together. Part of T3.

A remediation counts once under each key of its plan, from its last intent; with an unsettled intent it counts whatever the
window or its state says.
"""

from sqlalchemy import Connection, exists, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from healer.remediation.model import UNDER_WAY, Limit, Refused, Remediation
from healer.store.schema import intent, reserved
from healer.store.schema import remediation as run
from healer.times import SECOND, Micros, format_duration

ASK_AGAIN: Micros = 5 * SECOND
"""How soon somebody who waits for the end of another remediation may ask again: nobody knows when it ends."""


def refuse(connection: Connection, remediation: Remediation, now: Micros) -> Refused | None:
    """The first limit that another remediation would break, with the instant from which waiting helps."""
    for limit in remediation.plan.limits:
        over = _at_once if limit.form == "at_once" else _over
        refused = over(connection, remediation.id, limit, now)
        if refused:
            return refused
    return None


def standing(connection: Connection, remediation: Remediation, now: Micros) -> list[str]:
    """How far each limit is used up before this remediation counts, in words."""
    found = []
    for limit in remediation.plan.limits:
        others, _ = _others(connection, remediation.id, limit, now)
        found.append(_used(others, limit))
    return found


def reserve(connection: Connection, remediation: Remediation, now: Micros) -> None:
    """Count this remediation, from now, under the key of each of its limits."""
    keys = sorted({limit.key for limit in remediation.plan.limits})
    if keys:
        statement = upsert(reserved)
        later = statement.on_conflict_do_update(
            index_elements=["key", "remediation"], set_={"at": statement.excluded.at}
        )
        connection.execute(later, [{"key": key, "remediation": remediation.id, "at": now} for key in keys])


def _at_once(connection: Connection, remediation: str, limit: Limit, now: Micros) -> Refused | None:
    """Those that have acted and are not at an end. One that only waits to begin holds nobody up."""
    count, _ = _others(connection, remediation, limit, now)
    if count < limit.count:
        return None
    return Refused("limit", _used(count, limit), retry_at=now + ASK_AGAIN if limit.count else 0)


def _over(connection: Connection, remediation: str, limit: Limit, now: Micros) -> Refused | None:
    count, leaving = _others(connection, remediation, limit, now)
    too_many = count - limit.count + 1
    if too_many <= 0:
        return None
    retry_at = leaving[too_many - 1] if len(leaving) >= too_many > 0 < limit.count else 0
    return Refused("limit", _used(count, limit), retry_at=retry_at)


def _others(connection: Connection, remediation: str, limit: Limit, now: Micros) -> tuple[int, list[Micros]]:
    """How many other remediations count under a limit, and when those that have ended leave its window."""
    acting = exists().where(intent.c.remediation == reserved.c.remediation, intent.c.unsettled == 1)
    mine = (reserved.c.key == limit.key, reserved.c.remediation != remediation)
    if limit.form == "at_once":
        going = exists().where(run.c.id == reserved.c.remediation, run.c.state.in_(UNDER_WAY))
        return connection.execute(select(func.count()).where(*mine, going | acting)).scalar_one(), []
    within = (reserved.c.at > now - limit.window) | acting
    found = connection.execute(select(reserved.c.at, acting).where(*mine, within).order_by(reserved.c.at)).all()
    return len(found), [at + limit.window for at, still_acting in found if not still_acting]


def _used(count: int, limit: Limit) -> str:
    if limit.form == "at_once":
        return f"{count} of at most {limit.count} under way at once for {limit.key}"
    return f"{count} of at most {limit.count} in {format_duration(limit.window)} for {limit.key}"
