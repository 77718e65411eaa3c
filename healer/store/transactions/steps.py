"""T2, and who may write it: ownership, steps, and what a step says. Called by `healer.store.store`."""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import msgspec
from sqlalchemy import Connection, insert, select, update

from healer.journey.ports import Closed, Overtaken, Ownership, Step, StepMark, Term
from healer.store import schema
from healer.store.dialect import store_clock, upsert
from healer.store.prepared import Prepared
from healer.store.transaction import Transaction
from healer.store.transactions import incidents, ledger, remediations
from healer.times import Micros

T = TypeVar("T")
Args = TypeVarTuple("Args")

_ONLY = 1
_MARK = ("number", "epoch", "first", "last", "now", "digest")
_READ_OWNER = Prepared(select(schema.owner.c.epoch, schema.owner.c.step, schema.owner.c.applied, schema.owner.c.now))
_MOVE_OWNER = Prepared(update(schema.owner), ("step", "applied", "now"))
_READ_TERM = Prepared(
    select(schema.owner.c.epoch, schema.owner.c.step, schema.owner.c.name, schema.owner.c.url, schema.owner.c.until)
)
_RENEW = Prepared(update(schema.owner), ("until",))
_INSERT_STEP = Prepared(insert(schema.step), _MARK)


def take_over(transaction: Transaction, owner: str) -> Ownership:
    """Raise the epoch by one: whoever had it before is overtaken from here on."""
    row = {"id": _ONLY, "name": owner, "epoch": 1, "step": 0, "applied": 0, "now": 0}
    statement = upsert(schema.owner).values(row)
    raised = {"name": statement.excluded.name, "epoch": schema.owner.c.epoch + 1}
    transaction.connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=raised))
    return _ownership(transaction.connection)


def stand_in(transaction: Transaction, owner: str, url: str, lease: Micros, now: Micros) -> Ownership | None:
    """Raise the epoch if the term of whoever has it is over, or it is `owner`: under that name there is only one."""
    connection = transaction.connection
    held = term(connection, now)
    if held.left > 0 and held.name != owner:
        return None
    taken = take_over(transaction, owner)
    until = store_clock(connection, now) + lease
    connection.execute(update(schema.owner).values(until=until, url=url))
    return taken


def renew(transaction: Transaction, owner: str, epoch: int, lease: Micros, now: Micros) -> None:
    """Move the end of the term. Raises Overtaken."""
    connection = transaction.connection
    must_be(connection, epoch)
    _RENEW.execute(connection, {"until": store_clock(connection, now) + lease})
    ledger.free_gone(transaction, owner)


def hand_over(transaction: Transaction, epoch: int) -> None:
    """End the term of an epoch, if it is still the one."""
    transaction.connection.execute(update(schema.owner).where(schema.owner.c.epoch == epoch).values(until=0))


def term(connection: Connection, now: Micros) -> Term:
    """Whose turn it is to converge."""
    row = _READ_TERM.execute(connection).fetchone()
    if row is None:
        return Term(0, 0, "", "", 0)
    epoch, step, name, url, until = row
    return Term(epoch, step, name, url, until - store_clock(connection, now) if until else 0)


def fenced(transaction: Transaction, epoch: int, work: Callable[[Transaction, *Args], T], *args: *Args) -> T:
    """`work` of whoever converges with this epoch: an effect, or what came of one (T3, T4). Raises Overtaken.

    0 is whoever never did: a store that nobody shares, before its first step.
    """
    must_be(transaction.connection, epoch)
    return work(transaction, *args)


def commit(transaction: Transaction, step: Step) -> int:
    """T2. Raises Overtaken unless the epoch is the step's and the step is the next one, or was committed already. Returns
    how many notices it withdrew of what was over before anybody heard."""
    mine = _ownership(transaction.connection)
    if mine.epoch != step.epoch:
        raise Overtaken(f"step {step.number} is of epoch {step.epoch}, the store is at {mine.epoch}")
    if (mine.step, mine.applied) != (step.number - 1, step.first - 1):
        if _committed(transaction.connection, step):
            return 0
        raise Overtaken(
            f"step {step.number} begins at {step.first}, the store has step {mine.step} and applied {mine.applied}"
        )
    if step.last > transaction.position:
        raise Overtaken(f"step {step.number} ends at {step.last}, the journal at {transaction.position}")
    return _write(transaction, step)


def steps(connection: Connection, after: int, limit: int) -> list[StepMark]:
    """At most `limit` committed steps above number `after`, in order."""
    table = schema.step
    columns = (table.c.number, table.c.first, table.c.last, table.c.now, table.c.digest)
    found = connection.execute(select(*columns).where(table.c.number > after).order_by(table.c.number).limit(limit))
    return [StepMark(*row) for row in found]


def must_be(connection: Connection, *epochs: int) -> None:
    """Raises Overtaken unless all are the one that converges; 0 is nobody's."""
    wanted = {epoch for epoch in epochs if epoch}
    if wanted and wanted != {now := _ownership(connection).epoch}:
        raise Overtaken(f"somebody else converges: this is epoch {min(wanted)}, the store is at {now}")


def _ownership(connection: Connection) -> Ownership:
    row = _READ_OWNER.execute(connection).fetchone()
    return Ownership(*row) if row else Ownership(0, 0, 0, 0)


def _committed(connection: Connection, step: Step) -> bool:
    table = schema.step
    columns = (table.c.epoch, table.c.first, table.c.last, table.c.digest)
    row = connection.execute(select(*columns).where(table.c.number == step.number)).first()
    return row is not None and tuple(row) == (step.epoch, step.first, step.last, step.digest)


def _write(transaction: Transaction, step: Step) -> int:
    connection = transaction.connection
    mark = {name: getattr(step, name) for name in _MARK}
    _INSERT_STEP.execute(connection, mark)
    _MOVE_OWNER.execute(connection, {"step": step.number, "applied": step.last, "now": step.now})
    incidents.store(connection, step.incidents)
    incidents.tell(connection, step.timeline)
    unheard = ledger.want(connection, step.wanted, step.now)
    remediations.plan(transaction, step.planned, step.now)
    for superseded in step.superseded:
        remediations.supersede(transaction, superseded, step.now)
    for closed in step.closed:
        _close(connection, closed, step)
    return unheard


def _close(connection: Connection, closed: Closed, step: Step) -> None:
    statement = upsert(schema.closed).values({**msgspec.structs.asdict(closed), "at": step.now})
    stood = {"at": statement.excluded.at, "alerts": statement.excluded.alerts}
    connection.execute(statement.on_conflict_do_update(index_elements=["incident"], set_=stood))
