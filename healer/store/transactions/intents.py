"""T3 and T4: nothing is done to a target that these did not write first. Called by `healer.store.store` for the runner."""

from collections.abc import Sequence
from hashlib import sha256

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from healer.remediation import guards
from healer.remediation.approval import used
from healer.remediation.guards import Answer, Place
from healer.remediation.model import UNDER_WAY, Intent, PlanStep, Refused, Remediation, State
from healer.remediation.ports import Probe
from healer.store import schema
from healer.store.dialect import kept
from healer.store.joint import Joint
from healer.store.prepared import About, Inserting, Prepared
from healer.store.transaction import Transaction
from healer.store.transactions import audit, counting, remediations, steps
from healer.times import Micros

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Intent).decode
_ONE = Prepared(select(schema.intent.c.data).where(schema.intent.c.id == bindparam("one")))
_UNSETTLED = Prepared(
    select(schema.intent.c.data).where(schema.intent.c.unsettled == 1).order_by(schema.intent.c.number)
)
_SOME = About("SELECT data FROM intent WHERE id IN (SELECT key FROM asked)")
_INSERT = Inserting("intent", ("id", "remediation", "target", "unsettled", "data"))
_CHANGE = Prepared(update(schema.intent).where(schema.intent.c.id == bindparam("one")), ("unsettled", "data"))
_RAISE_TOKENS = Inserting(
    "target", ("name", "token"), "ON CONFLICT (name) DO UPDATE SET token = target.token + 1 RETURNING name, token"
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


def _write(transaction: Transaction, asked: Sequence[tuple[int, Asked]]) -> list[Intent | Refused]:
    """T3 for all that wait for it, each with its epoch: the counted guards and the intents in one transaction, each judged as if
    it came after those before it. The same id again gives its author the intent it wrote. Raises Overtaken."""
    connection = transaction.connection
    steps.must_be(connection, *(epoch for epoch, _ in asked))
    stored = {one.id: one for one in remediations.some(connection, [one.remediation.id for _, one in asked])}
    written = {one.id: one for one in some(connection, [one.intent for _, one in asked])}
    asking = [(one, _question(stored.get(one.remediation.id), one)) for _, one in asked]
    tally = counting.Tally(connection, [question for _, question in asking])
    begun: dict[str, tuple[Asked, counting.Question]] = {}
    refused: dict[int, Refused] = {}
    for place, (one, question) in enumerate(asking):
        if one.intent in written or one.intent in begun:
            continue
        answers = guards.count(one.remediation.plan, one.step, tally.counted(question))
        no = _refuse_state(stored.get(one.remediation.id), one.remediation) or guards.refusal(answers)
        if no:
            _note_refusal(transaction, one, no)
            refused[place] = no
        else:
            begun[one.intent] = msgspec.structs.replace(one, said=(*one.said, *map(str, answers))), question
            tally.begins(question, one.intent)
    written |= _begin(transaction, list(begun.values()))
    return [refused.get(place) or _of_its_author(written[one.intent], one) for place, (one, _) in enumerate(asking)]


write = Joint(_write)


def _begin(transaction: Transaction, begun: Sequence[tuple[Asked, counting.Question]]) -> dict[str, Intent]:
    """Reserve, raise tokens, write the intents; by id."""
    connection = transaction.connection
    counting.reserve(connection, [question for _, question in begun])
    raised = _RAISE_TOKENS.returning(connection, [(one.step.node, 1) for one, _ in begun])
    tokens = {kept(target): token for target, token in raised}
    intents = {one.intent: _intent(one, tokens[kept(one.step.node)]) for one, _ in begun}
    _INSERT.execute(connection, [(one.id, one.remediation, one.target, 1, _pack(one)) for one in intents.values()])
    for one, _ in begun:
        if not one.remediation.to_undo:
            # To hold the lock is an arrow of its own, and without an effect: it is stored with the one that has one.
            remediations.pass_through(transaction, _in_state("locked", one), one.now)
        _note(transaction, one.now, "intent", intents[one.intent], one.remediation)
    remediations.change_all(transaction, [(used(_in_state("executing", one), one.intent), one.now) for one, _ in begun])
    return intents


def _of_its_author(written: Intent, asked: Asked) -> Intent | Refused:
    """Whoever did not write it knows nothing of what became of it since: it is settled by a probe, and not begun again."""
    mine = written.author == asked.author and not written.outcome
    return written if mine else Refused("state", f"intent {written.id} was written by somebody else before")


def _question(stored: Remediation | None, asked: Asked) -> counting.Question:
    return counting.Question(stored or asked.remediation, asked.step, asked.place, asked.now)


def _in_state(state: State, asked: Asked) -> Remediation:
    detail = "" if state == "executing" else asked.remediation.detail
    return msgspec.structs.replace(asked.remediation, state=state, detail=detail, changed_at=asked.now)


def _count(connection: Connection, asked: Sequence[tuple[Remediation, PlanStep, Place, Micros]]) -> list[list[Answer]]:
    """What every counted guard says of each step at this instant, as if it were alone. Of a remediation that is not stored: by
    what it says itself."""
    stored = {one.id: one for one in remediations.some(connection, [one.id for one, *_ in asked])}
    questions = [counting.Question(stored.get(one.id, one), *of) for one, of in ((one[0], one[1:]) for one in asked)]
    tally = counting.Tally(connection, questions)
    return [
        guards.count(one.plan, question.step, tally.counted(question))
        for (one, *_), question in zip(asked, questions, strict=True)
    ]


count = Joint(_count)


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
    ((_, token),) = _RAISE_TOKENS.returning(transaction.connection, [(intent.target, 1)])
    what = {"intent": id, "incident": intent.incident, "target": intent.target, "token": token}
    audit.note(transaction, now, "probe", **what, trace_id=intent.trace_id)
    return Probe(intent, token)


def one(connection: Connection, id: str) -> Intent | None:
    found = _ONE.execute(connection, {"one": id}).fetchone()
    return None if found is None else _unpack(found[0])


def some(connection: Connection, ids: Sequence[str]) -> list[Intent]:
    """Those of these that there are."""
    return [_unpack(data) for (data,) in _SOME.execute(connection, [(id, 0) for id in ids])]


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
    if (stored.state, stored.step, stored.attempt) != (remediation.state, remediation.step, remediation.attempt):
        # Who asked gave up waiting for an answer, and went on without it.
        return Refused("state", f"remediation {remediation.id} went on meanwhile: it is {stored.state}")
    return None


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
    """Once for each reason: what waits for an hour is refused again and again."""
    if asked.remediation.detail == f"{refused.guard}: {refused.why}":
        return
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
