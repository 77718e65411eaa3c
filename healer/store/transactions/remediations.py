"""Remediations and their states: planned and superseded by T2, moved by the runner, read by both and by people."""

from collections.abc import Callable, Collection, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, exists, or_, select, update

from healer.journey.ports import Planned, Superseded
from healer.journey.records import Progressed
from healer.remediation.model import UNDER_WAY, Plan, Remediation, State
from healer.store import schema
from healer.store.prepared import About, Inserting, Prepared
from healer.store.transaction import Transaction
from healer.store.transactions import audit, journal, suspending
from healer.times import Micros

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Remediation).decode
_GOES_ON = or_(*(schema.remediation.c.state == state for state in sorted(UNDER_WAY)))
_UNDER_WAY = Prepared(select(schema.remediation.c.data).where(_GOES_ON).order_by(schema.remediation.c.number))
_WHICH = Prepared(select(schema.remediation.c.id).where(_GOES_ON).order_by(schema.remediation.c.number))
_SOME = About("SELECT data FROM remediation WHERE id IN (SELECT key FROM asked) ORDER BY number")
_ONE = Prepared(select(schema.remediation.c.data).where(schema.remediation.c.id == bindparam("one")))
_INSERT = Inserting("remediation", ("id", "incident", "state", "data"))
_CHANGE = Prepared(update(schema.remediation).where(schema.remediation.c.id == bindparam("one")), ("state", "data"))
Say = Callable[[Remediation], Remediation]
"""What somebody says: the remediation before, and after it. Pure; raises where it cannot be said."""
_BEFORE_INTENT: frozenset[str] = frozenset({"planned", "waiting", "awaiting_approval", "locked"})


def plan(transaction: Transaction, planned: Sequence[Planned], now: Micros) -> None:
    """Store new remediations. The engine decided them, so it needs no record of them."""
    new = [
        Remediation(
            one.remediation,
            one.plan,
            one.state,
            detail=one.detail,
            created_at=now,
            changed_at=now,
            deadline=one.deadline,
        )
        for one in planned
    ]
    _INSERT.execute(transaction.connection, [(one.id, one.plan.incident, one.state, _pack(one)) for one in new])
    for one in new:
        _note(transaction, one, now)


def supersede(transaction: Transaction, superseded: Superseded, now: Micros) -> None:
    """End a remediation that has not written an intent, and say so; one that has goes on."""
    table, intents = schema.remediation, schema.intent
    acted = exists().where(intents.c.remediation == superseded.remediation)
    query = select(table.c.data).where(table.c.id == superseded.remediation, table.c.state.in_(_BEFORE_INTENT), ~acted)
    data = transaction.connection.execute(query).scalar()
    if data is None:
        return
    change(
        transaction,
        msgspec.structs.replace(_unpack(data), state="superseded", detail=superseded.why, changed_at=now),
        now,
    )


def move(transaction: Transaction, remediation: Remediation, was: State, now: Micros) -> bool:
    """Store the new state if the old one is still `was`. The same move again (its answer was lost) is True and no news."""
    stored = one(transaction.connection, remediation.id)
    if stored == remediation:
        return True
    if stored is None or stored.state != was:
        return False
    change(transaction, remediation, now)
    return True


def answer(transaction: Transaction, id: str, say: Say, now: Micros) -> Remediation | None:
    """What somebody says of a remediation, and what is so after it, without a gap in which another could say something.

    None for one that is not there; raises what `say` does. Who only began to speak is noted, and tells nobody anything.
    """
    before = one(transaction.connection, id)
    if before is None:
        return None
    after = msgspec.structs.replace(say(before), changed_at=now)
    if (after.state, after.agreed) != (before.state, before.agreed):
        change(transaction, after, now)
        return after
    _CHANGE.execute(transaction.connection, {"one": id, **_changing(after)})
    people = [tap.who for tap in after.tapped if tap not in before.tapped]
    what = {"remediation": id, "incident": after.plan.incident, "plan": after.plan.hash, "by": people}
    audit.note(transaction, now, "approval begun", **what, trace_id=after.plan.trace_id)
    return after


def change(transaction: Transaction, remediation: Remediation, now: Micros) -> None:
    """Store the remediation, tell the engine, note it."""
    change_all(transaction, [(remediation, now)])


def change_all(transaction: Transaction, changed: Sequence[tuple[Remediation, Micros]]) -> None:
    """The same of several, each with its now."""
    if changed:
        _CHANGE.execute_many(transaction.connection, [{"one": one.id, **_changing(one)} for one, _ in changed])
    for one, now in changed:
        progress = Progressed(one.id, one.plan.incident, one.state, one.detail, now, doubted=one.doubted)
        journal.append_record(transaction, progress)
        _note(transaction, one, now)
        suspending.suspend(transaction, one, now)


def pass_through(transaction: Transaction, remediation: Remediation, now: Micros) -> None:
    """Note a state that it leaves in this very transaction, so that nobody meets it there."""
    _note(transaction, remediation, now)


def one(connection: Connection, id: str) -> Remediation | None:
    found = _ONE.execute(connection, {"one": id}).fetchone()
    return None if found is None else _unpack(found[0])


def some(connection: Connection, ids: Sequence[str]) -> list[Remediation]:
    """Those of these that there are."""
    return [_unpack(data) for (data,) in _SOME.execute(connection, [(id, 0) for id in ids])]


def under_way(connection: Connection, but: Collection[str]) -> list[Remediation]:
    """Those that somebody still has to bring to an end, oldest first, without some that are known."""
    if not but:
        return [_unpack(data) for (data,) in _UNDER_WAY.execute(connection)]
    unknown = [id for (id,) in _WHICH.execute(connection) if id not in but]
    return some(connection, unknown) if unknown else []


def newest(connection: Connection, incident: str, limit: int) -> list[Remediation]:
    """Newest first; of one incident when it is named."""
    table = schema.remediation
    query = select(table.c.data).order_by(table.c.number.desc()).limit(limit)
    if incident:
        query = query.where(table.c.incident == incident)
    return [_unpack(data) for data in connection.execute(query).scalars()]


def _changing(remediation: Remediation) -> dict[str, object]:
    return {"state": remediation.state, "data": _pack(remediation)}


def _note(transaction: Transaction, remediation: Remediation, now: Micros) -> None:
    plan = remediation.plan
    audit.note(
        transaction,
        now,
        f"remediation {remediation.state}",
        remediation=remediation.id,
        incident=plan.incident,
        rule=plan.rule,
        rule_version=plan.rule_version,
        plan=plan.hash,
        step=remediation.step,
        attempt=remediation.attempt,
        detail=remediation.detail,
        agreed=remediation.agreed,
        trace_id=plan.trace_id,
        **(_planned(plan) if remediation.changed_at == remediation.created_at else {}),
        **({"measured": remediation.measured} if remediation.state not in UNDER_WAY and remediation.measured else {}),
    )


def _planned(plan: Plan) -> dict[str, object]:
    """What is said once of each: why, what on which target, within which limits."""
    steps = (*plan.steps, *plan.otherwise, *plan.after_success, *plan.undo)
    return {
        "mode": plan.mode,
        "capped_by": plan.capped_by,
        "because": plan.because,
        "steps": [f"{step.clause}: {step.action} on {step.node}" for step in steps if not step.until],
        "limits": [msgspec.structs.asdict(limit) for limit in plan.limits],
        "asks": [msgspec.structs.asdict(asked) for asked in plan.approve],
    }
