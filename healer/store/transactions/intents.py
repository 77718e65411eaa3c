"""T3 and T4: nothing is done to a target that these did not write first. Called by `healer.store.store` for the runner."""

from hashlib import sha256

import msgspec
from sqlalchemy import Connection, bindparam, insert, select, text, update

from healer.remediation import guards
from healer.remediation.approval import used
from healer.remediation.guards import Answer, Place
from healer.remediation.model import UNDER_WAY, Intent, PlanStep, Refused, Remediation, State
from healer.remediation.ports import Probe
from healer.store import schema
from healer.store.prepared import Prepared
from healer.store.transaction import Transaction
from healer.store.transactions import audit, counting, remediations
from healer.times import Micros

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Intent).decode
_ONE = Prepared(select(schema.intent.c.data).where(schema.intent.c.id == bindparam("one")))
_UNSETTLED = Prepared(
    select(schema.intent.c.data).where(schema.intent.c.unsettled == 1).order_by(schema.intent.c.number)
)
_INSERT = Prepared(insert(schema.intent), ("id", "remediation", "target", "unsettled", "data"))
_CHANGE = Prepared(update(schema.intent).where(schema.intent.c.id == bindparam("one")), ("unsettled", "data"))
_RAISE_TOKEN = Prepared(
    text(
        "INSERT INTO target (name, token) VALUES (:target, 1) "
        "ON CONFLICT (name) DO UPDATE SET token = target.token + 1 RETURNING token"
    )
)

_NOTED = frozenset({"output", "argv", "observe", "before", "parameters", "guards", "address", "identity", "shows"})
"""What the entry of an intent says already when its outcome is noted."""


class Asked(msgspec.Struct, frozen=True):
    """What T3 is asked for: the effect of `step` under the id `intent`, to have ended by `deadline`."""

    remediation: Remediation
    step: PlanStep
    intent: str
    deadline: Micros
    now: Micros
    place: Place
    before: str = ""
    said: tuple[str, ...] = ()
    """What observed guards said."""
    author: str = ""


def write(transaction: Transaction, asked: Asked) -> Intent | Refused:
    """T3: the counted guards and the intent in one transaction. The same id again gives its author the intent it wrote."""
    connection = transaction.connection
    written = one(connection, asked.intent)
    if written is not None:
        # Whoever did not write it knows nothing of what became of it since: it is settled by a probe, and not begun again.
        mine = written.author == asked.author and not written.outcome
        return written if mine else Refused("state", f"intent {written.id} was written by somebody else before")
    stored = remediations.one(connection, asked.remediation.id)
    answers = _count(connection, stored or asked.remediation, asked.step, asked.place, asked.now)
    refused = _refuse_state(stored, asked.remediation) or guards.refusal(answers)
    if refused:
        # Once for each reason: what waits for an hour is refused again and again.
        if asked.remediation.detail != f"{refused.guard}: {refused.why}":
            _note_refusal(transaction, asked, refused)
        return refused
    counting.reserve(connection, asked.remediation, asked.step, asked.now)
    asked = msgspec.structs.replace(asked, said=(*asked.said, *map(str, answers)))
    intent = _intent(asked, _raise_token(connection, asked.step.node))
    row = {"id": intent.id, "remediation": intent.remediation, "target": intent.target, **_changing(intent)}
    _INSERT.execute(connection, row)
    if not asked.remediation.to_undo:
        # To hold the lock is an arrow of its own, and without an effect: it is stored with the one that has one.
        locked = msgspec.structs.replace(asked.remediation, state="locked", changed_at=asked.now)
        remediations.pass_through(transaction, locked, asked.now)
    _note(transaction, asked.now, "intent", intent, asked.remediation)
    executing = msgspec.structs.replace(asked.remediation, state="executing", detail="", changed_at=asked.now)
    remediations.change(transaction, used(executing, intent.id), asked.now)
    return intent


def count(connection: Connection, remediation: Remediation, step: PlanStep, place: Place, now: Micros) -> list[Answer]:
    """What every counted guard says of a step at this instant. Of a remediation that is not stored: by what it says itself."""
    return _count(connection, remediations.one(connection, remediation.id) or remediation, step, place, now)


def _count(connection: Connection, stored: Remediation, step: PlanStep, place: Place, now: Micros) -> list[Answer]:
    return guards.count(stored.plan, step, counting.read(connection, stored, step, place, now))


def settle(transaction: Transaction, intent: Intent, remediation: Remediation, was: State, now: Micros) -> bool:
    """T4: the outcome, and the remediation's new state if it still is in `was`. The same again is True and no news.

    Raises ValueError for an intent without an outcome: an unknown one stays unsettled.
    """
    if not intent.outcome:
        raise ValueError(f"intent {intent.id} has no outcome to settle: probe it first")
    stored = one(transaction.connection, intent.id)
    if stored is None or stored.outcome:
        return stored == intent
    _CHANGE.execute(transaction.connection, {"one": intent.id, **_changing(intent)})
    _note(transaction, now, f"intent {intent.outcome}", intent, remediation)
    remediations.move(transaction, remediation, was, now)
    return True


def begin_probe(transaction: Transaction, id: str, now: Micros) -> Probe | None:
    """Raise the target's token for a probe; None when the intent is settled, or there is none."""
    intent = one(transaction.connection, id)
    if intent is None or intent.outcome:
        return None
    token = _raise_token(transaction.connection, intent.target)
    what = {"intent": id, "incident": intent.incident, "target": intent.target, "token": token}
    audit.note(transaction, now, "probe", **what, trace_id=intent.trace_id)
    return Probe(intent, token)


def one(connection: Connection, id: str) -> Intent | None:
    found = _ONE.execute(connection, {"one": id}).fetchone()
    return None if found is None else _unpack(found[0])


def unsettled(connection: Connection) -> list[Intent]:
    """Intents without an outcome, oldest first."""
    return [_unpack(data) for (data,) in _UNSETTLED.execute(connection)]


def of(connection: Connection, remediation: str) -> list[Intent]:
    """The intents of one remediation, oldest first."""
    table = schema.intent
    query = select(table.c.data).where(table.c.remediation == remediation).order_by(table.c.number)
    return [_unpack(data) for data in connection.execute(query).scalars()]


def _refuse_state(stored: Remediation | None, remediation: Remediation) -> Refused | None:
    if stored is None:
        return Refused("state", f"remediation {remediation.id} is not in the store")
    if stored.state not in UNDER_WAY or stored.state == "awaiting_approval":
        return Refused("state", f"remediation {remediation.id} is {stored.state}")
    if stored.plan.hash != remediation.plan.hash:
        return Refused("state", f"the plan stored is {stored.plan.hash}, not {remediation.plan.hash}")
    return None


def _raise_token(connection: Connection, target: str) -> int:
    token: int = _RAISE_TOKEN.execute(connection, {"target": target}).fetchone()[0]
    return token


def _intent(asked: Asked, token: int) -> Intent:
    remediation, step = asked.remediation, asked.step
    return Intent(
        id=asked.intent,
        remediation=remediation.id,
        incident=remediation.plan.incident,
        step=remediation.step,
        attempt=remediation.attempt,
        action=step.action,
        executor=step.executor,
        target=step.node,
        token=token,
        argv=step.argv,
        trace_id=remediation.plan.trace_id,
        written_at=asked.now,
        deadline=asked.deadline,
        idempotent=step.idempotent,
        address=step.address,
        identity=step.identity,
        observe=step.observe,
        shows=step.shows,
        before=asked.before,
        author=asked.author,
        parameters=step.parameters,
        above=asked.place.above,
        guards=asked.said,
    )


def _changing(intent: Intent) -> dict[str, object]:
    return {"unsettled": int(not intent.outcome), "data": _pack(intent)}


def _note(
    transaction: Transaction, now: Micros, kind: str, intent: Intent, remediation: Remediation, **more: object
) -> None:
    """All of the intent, and later what came of it. What it said may be long, and private: only its hash is noted."""
    plan = remediation.plan
    left_out = {"output"} if kind == "intent" else _NOTED
    detail = {name: value for name, value in msgspec.structs.asdict(intent).items() if name not in left_out}
    if intent.output:
        detail["output_sha256"] = sha256(intent.output.encode()).hexdigest()
    why = {"plan": plan.hash, "rule": plan.rule, "rule_version": plan.rule_version, "agreed": remediation.agreed}
    audit.note(transaction, now, kind, **why, **detail, **more)


def _note_refusal(transaction: Transaction, asked: Asked, refused: Refused) -> None:
    plan = asked.remediation.plan
    audit.note(
        transaction,
        asked.now,
        "intent refused",
        remediation=asked.remediation.id,
        incident=plan.incident,
        rule=plan.rule,
        rule_version=plan.rule_version,
        plan=plan.hash,
        target=asked.step.node,
        guard=refused.guard,
        why=refused.why,
        trace_id=plan.trace_id,
    )
