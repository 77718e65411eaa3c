"""What may be forgotten, and forgetting it bit by bit. Called by `healer.store.store`.

Whole days (UTC) go together, and only what replay cannot need (applied, and covered by both snapshots) and no open
incident refers to. Documents stay: they are few. What counted guards have reserved goes by its own age.
"""

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, and_, delete, exists, func, select, tuple_

from healer.remediation.model import UNDER_WAY
from healer.remediation.settings import LONGEST
from healer.store import schema
from healer.store.dialect import least
from healer.store.transaction import Transaction
from healer.store.transactions.snapshots import KEPT
from healer.times import DAY, HOUR, Micros

AT_ONCE = 500
"""Rows of one table that one transaction removes: an append waits for no more than that."""


BEFORE_IT_BEGAN: Micros = HOUR
"""How much older than its incident a record of it may be: a sender's clock may run ahead of ours."""


class Bounds(msgspec.Struct, frozen=True):
    """Journal rows up to `position`, steps up to `step`, and what ended before `at` may go."""

    position: int
    step: int
    at: Micros


def forget_some(transaction: Transaction, before: Micros) -> int:
    """Remove at most `AT_ONCE` rows of each table; how many went. 0 means that all is done."""
    connection = transaction.connection
    bounds = _bounds(connection, before)
    gone = 0
    for table, old in (
        (schema.journal, schema.journal.c.position <= bounds.position),
        (schema.step, schema.step.c.number <= bounds.step),
        (schema.closed, schema.closed.c.at < bounds.at),
        (schema.refused, schema.refused.c.at < bounds.at),
    ):
        key = next(iter(table.primary_key.columns))
        some = select(key).where(old).order_by(key).limit(AT_ONCE)
        gone += connection.execute(delete(table).where(key.in_(some))).rowcount
    return gone + _forget_reserved(connection, before - LONGEST)


def _forget_reserved(connection: Connection, before: Micros) -> int:
    """Remove what no limit counts any more: older than any of them looks back, of remediations that are at their end."""
    reserved, run, intent = schema.reserved, schema.remediation, schema.intent
    going = exists().where(run.c.id == reserved.c.remediation, run.c.state.in_(UNDER_WAY))
    acting = exists().where(intent.c.remediation == reserved.c.remediation, intent.c.unsettled == 1)
    both = reserved.c.key, reserved.c.remediation
    some = select(*both).where(reserved.c.at < before, ~going, ~acting).order_by(reserved.c.at, *both).limit(AT_ONCE)
    return connection.execute(delete(reserved).where(tuple_(*both).in_(some))).rowcount


def _bounds(connection: Connection, before: Micros) -> Bounds:
    """How far forgetting may come when nothing newer than `before` is to go."""
    snapshots = connection.execute(select(schema.snapshot.c.number, schema.snapshot.c.applied)).all()
    if len(snapshots) < KEPT:
        return Bounds(0, 0, 0)
    number, applied = (min(column) for column in zip(*snapshots, strict=True))
    at = _whole_days(connection, before)
    journal, step = schema.journal, schema.step
    head = connection.execute(select(func.max(journal.c.position))).scalar() or 0
    # The newest row stays whatever its age: the next position is learnt from it.
    position = min(applied, last_old(connection, journal.c.position, journal.c.at < at), head - 1)
    old_step = and_(step.c.last <= position, step.c.now < at)
    return Bounds(position, min(number, last_old(connection, step.c.number, old_step)), at)


def last_old(connection: Connection, key: Column[int], old: ColumnElement[bool]) -> int:
    """The last key that is old, 0 for none. Time grows with the key, so halving finds it without reading them all."""
    low, high = 0, connection.execute(select(func.max(key))).scalar() or 0
    while low < high:
        middle = (low + high + 1) // 2
        is_old = connection.execute(select(old).where(key <= middle).order_by(key.desc()).limit(1)).scalar()
        # Below the first row that is left everything went already.
        low, high = (middle, high) if is_old in (None, True, 1) else (low, middle - 1)
    return low


def _whole_days(connection: Connection, before: Micros) -> Micros:
    table = schema.incident
    oldest = select(func.min(least(table.c.began_at, table.c.opened_at))).where(table.c.status == "open")
    still_open: Micros | None = connection.execute(oldest).scalar()
    at = before if still_open is None else min(before, still_open - BEFORE_IT_BEGAN)
    return at - at % DAY
