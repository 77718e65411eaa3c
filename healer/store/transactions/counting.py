"""What counted guards decide by, read in the transaction that writes an intent (T3), and what it reserves there.

A remediation reserves the keys of its plan's limits, and of the step itself; each key once, with the time of its last intent.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, exists, or_, select, union

from healer.remediation.approval import unapproved
from healer.remediation.guards.counted import Counted, Place, Run, Thrown, Unsettled, scope_of
from healer.remediation.guards.standing import keys_of, opposing_keys
from healer.remediation.model import UNDER_WAY, Intent, Limit, PlanStep, Remediation
from healer.store.dialect import upsert
from healer.store.prepared import Prepared
from healer.store.schema import intent, reserved
from healer.store.schema import remediation as run
from healer.store.transactions import switches
from healer.times import Micros

_GOES_ON = or_(*(run.c.state == state for state in sorted(UNDER_WAY)))
_MAY_ACT = intent.c.unsettled == 1
# A union, because no index serves all three; what is old and at its end is never looked at.
_COUNTS = union(
    select(reserved.c.remediation).where(reserved.c.key == bindparam("limit"), reserved.c.at > bindparam("since")),
    select(run.c.id).where(_GOES_ON),
    select(intent.c.remediation).where(_MAY_ACT),
)
_RUNS = Prepared(
    select(
        reserved.c.remediation,
        reserved.c.at,
        run.c.state,
        exists().where(intent.c.remediation == reserved.c.remediation, _MAY_ACT),
    )
    .join(run, run.c.id == reserved.c.remediation)
    .where(
        reserved.c.key == bindparam("limit"),
        reserved.c.remediation != bindparam("asking"),
        reserved.c.remediation.in_(_COUNTS),
    )
    .order_by(reserved.c.at, reserved.c.remediation)
)
_OF_OTHERS = intent.c.remediation != bindparam("asking")
_UNDER_REPAIR = Prepared(
    union(
        select(intent.c.target).join(run, run.c.id == intent.c.remediation).where(_OF_OTHERS, _GOES_ON),
        select(intent.c.target).where(_OF_OTHERS, _MAY_ACT),
    )
)


def read(
    connection: Connection,
    remediation: Remediation,
    step: PlanStep,
    place: Place,
    unsettled: Sequence[Intent],
    now: Micros,
) -> Counted:
    """All that is counted for one step. `remediation` is as the store has it, `unsettled` are all intents without an outcome."""
    windows = dict.fromkeys(opposing_keys(step), 0)
    for limit in _counted(remediation, step):
        windows[limit.key] = max(windows.get(limit.key, 0), limit.window)
    suspension = switches.of(connection, scope_of(remediation.plan.rule, step.node))
    return Counted(
        now=now,
        place=place,
        unapproved=unapproved(remediation, now),
        thrown=tuple(switches.thrown(connection, place.scopes)),
        unsettled=tuple(Unsettled(one.id, one.target, one.above) for one in unsettled),
        runs={key: _runs(connection, remediation.id, key, now - window) for key, window in windows.items()},
        under_repair=_under_repair(connection, remediation.id),
        suspended=Thrown(suspension.scope, suspension.by, suspension.why) if suspension and suspension.thrown else None,
        resumed_at=suspension.at if suspension and not suspension.thrown else 0,
    )


def reserve(connection: Connection, remediation: Remediation, step: PlanStep, now: Micros) -> None:
    """Count this remediation, from now, under every key that is about this step."""
    keys = sorted({limit.key for limit in _counted(remediation, step)} | set(() if step.diagnostic else keys_of(step)))
    if keys:
        statement = upsert(reserved)
        later = statement.on_conflict_do_update(
            index_elements=["key", "remediation"], set_={"at": statement.excluded.at}
        )
        connection.execute(later, [{"key": key, "remediation": remediation.id, "at": now} for key in keys])


def runs(connection: Connection, remediation: str, limit: Limit, now: Micros) -> tuple[Run, ...]:
    """The other remediations that one limit counts."""
    return _runs(connection, remediation, limit.key, now - limit.window)


def has_acted(connection: Connection, remediation: str, key: str) -> bool:
    """Whether a remediation has reserved a key: from its first intent on."""
    found = select(reserved.c.at).where(reserved.c.key == key, reserved.c.remediation == remediation)
    return connection.execute(found).first() is not None


def _counted(remediation: Remediation, step: PlanStep) -> list[Limit]:
    return [limit for limit in remediation.plan.limits if limit.applies(step)]


def _runs(connection: Connection, remediation: str, key: str, since: Micros) -> tuple[Run, ...]:
    """Those after `since`, those under way and those with an unsettled intent, oldest first."""
    rows = _RUNS.execute(connection, {"limit": key, "since": since, "asking": remediation})
    return tuple(Run(id, at, state, bool(unsettled), state in UNDER_WAY) for id, at, state, unsettled in rows)


def _under_repair(connection: Connection, remediation: str) -> frozenset[str]:
    """On which nodes others have acted that are not at their end, or may still act."""
    return frozenset(target for (target,) in _UNDER_REPAIR.execute(connection, {"asking": remediation}))
