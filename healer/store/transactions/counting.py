"""What counted guards decide by, read in the transaction that writes an intent (T3), and what it reserves there.

A remediation reserves the keys of its plan's limits, and of the step itself; each key once, with the time of its last intent.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import msgspec
from sqlalchemy import Connection, bindparam, or_, select, union

from healer.remediation.approval import unapproved
from healer.remediation.guards.counted import Counted, Place, Run, Thrown, Unsettled, scope_of
from healer.remediation.guards.standing import keys_of, opposing_keys
from healer.remediation.model import UNDER_WAY, Limit, PlanStep, Remediation
from healer.remediation.ports import Switch
from healer.store.prepared import Inserting, Plain, Prepared
from healer.store.schema import intent, reserved
from healer.store.schema import remediation as run
from healer.store.transactions import switches
from healer.times import Micros

_GOING = ", ".join(f"'{state}'" for state in sorted(UNDER_WAY))
_GOES_ON = or_(*(run.c.state == state for state in sorted(UNDER_WAY)))
_MAY_ACT = intent.c.unsettled == 1
_OF_OTHERS = intent.c.remediation != bindparam("asking")
_UNDER_REPAIR = Prepared(
    union(
        select(intent.c.target).join(run, run.c.id == intent.c.remediation).where(_OF_OTHERS, _GOES_ON),
        select(intent.c.target).where(_OF_OTHERS, _MAY_ACT),
    )
)
_DOUBTS = Prepared(select(intent.c.data).where(_MAY_ACT).order_by(intent.c.number))
_HAS_ACTED = Prepared(
    select(reserved.c.at).where(reserved.c.key == bindparam("limit"), reserved.c.remediation == bindparam("asking"))
)
_RESERVE = Inserting(
    "reserved", ("key", "remediation", "at"), "ON CONFLICT (key, remediation) DO UPDATE SET at = excluded.at"
)


class Doubt(msgspec.Struct, frozen=True):
    """As much of an intent without an outcome as is counted: the rest of it is not even read."""

    id: str
    remediation: str
    target: str
    above: tuple[str, ...] = ()


_doubt = msgspec.msgpack.Decoder(Doubt).decode


def read(connection: Connection, remediation: Remediation, step: PlanStep, place: Place, now: Micros) -> Counted:
    """All that is counted for one step. `remediation` is as the store has it."""
    doubts = _doubts(connection)
    since = dict.fromkeys(opposing_keys(step), now)
    for limit in _counted(remediation, step):
        if limit.form != "share":  # of those it is counted who is under repair
            since[limit.key] = min(since.get(limit.key, now), now - limit.window)
    suspension = scope_of(remediation.plan.rule, step.node)
    switched = {one.scope: one for one in switches.among(connection, (*place.scopes, suspension))}
    suspended = switched.get(suspension)
    return Counted(
        now=now,
        place=place,
        unapproved=unapproved(remediation, now),
        thrown=tuple(_thrown(one) for scope, one in switched.items() if one.thrown and scope in place.scopes),
        unsettled=tuple(Unsettled(one.id, one.target, one.above) for one in doubts),
        runs=_runs(connection, remediation.id, since, doubts),
        under_repair=_under_repair(connection, remediation.id)
        if place.siblings or place.control_plane
        else frozenset(),
        suspended=_thrown(suspended) if suspended and suspended.thrown else None,
        resumed_at=suspended.at if suspended and not suspended.thrown else 0,
    )


def reserve(connection: Connection, remediation: Remediation, step: PlanStep, now: Micros) -> None:
    """Count this remediation, from now, under every key that is about this step."""
    keys = sorted({limit.key for limit in _counted(remediation, step)} | set(() if step.diagnostic else keys_of(step)))
    _RESERVE.execute(connection, [(key, remediation.id, now) for key in keys])


def runs(connection: Connection, remediation: str, limit: Limit, now: Micros) -> tuple[Run, ...]:
    """The other remediations that one limit counts."""
    return _runs(connection, remediation, {limit.key: now - limit.window}, _doubts(connection))[limit.key]


def has_acted(connection: Connection, remediation: str, key: str) -> bool:
    """Whether a remediation has reserved a key: from its first intent on."""
    return _HAS_ACTED.execute(connection, {"limit": key, "asking": remediation}).fetchone() is not None


def _counted(remediation: Remediation, step: PlanStep) -> list[Limit]:
    return [limit for limit in remediation.plan.limits if limit.applies(step)]


def _thrown(switch: Switch) -> Thrown:
    return Thrown(switch.scope, switch.by, switch.why)


def _doubts(connection: Connection) -> list[Doubt]:
    """All intents without an outcome, oldest first."""
    return [_doubt(data) for (data,) in _DOUBTS.execute(connection)]


def _runs(
    connection: Connection, remediation: str, since: Mapping[str, Micros], doubts: Sequence[Doubt]
) -> dict[str, tuple[Run, ...]]:
    """By key, those after an instant, those under way and those with an unsettled intent, oldest first."""
    acting = {one.remediation for one in doubts}
    found: dict[str, list[Run]] = {key: [] for key in since}
    asked = [value for pair in since.items() for value in pair]
    for key, id, at, state in _reserved(len(since)).execute(connection, (*asked, remediation, remediation)):
        found[key].append(Run(id, at, state, id in acting, state in UNDER_WAY))
    return {key: tuple(each) for key, each in found.items()}


@cache
def _reserved(keys: int) -> Plain:
    """All keys in one statement. A union, because no index serves both; what is old and at its end is never looked at."""
    pairs = ", ".join(["(CAST(? AS TEXT), CAST(? AS BIGINT))"] * keys)
    columns = "asked.key, reserved.remediation, reserved.at, remediation.state"
    return Plain(
        f"WITH asked (key, since) AS (VALUES {pairs}), going (id) AS ("  # noqa: S608 - names of the schema, no values
        f"SELECT id FROM remediation WHERE state IN ({_GOING}) "
        "UNION SELECT remediation FROM intent WHERE unsettled = 1) "
        f"SELECT {columns} FROM asked JOIN reserved ON reserved.key = asked.key AND reserved.at > asked.since "
        "JOIN remediation ON remediation.id = reserved.remediation WHERE reserved.remediation <> ? "
        f"UNION SELECT {columns} FROM going CROSS JOIN asked "
        "JOIN reserved ON reserved.key = asked.key AND reserved.remediation = going.id "
        "JOIN remediation ON remediation.id = going.id WHERE going.id <> ? "
        "ORDER BY 3, 2"
    )


def _under_repair(connection: Connection, remediation: str) -> frozenset[str]:
    """On which nodes others have acted that are not at their end, or may still act."""
    return frozenset(target for (target,) in _UNDER_REPAIR.execute(connection, {"asking": remediation}))
