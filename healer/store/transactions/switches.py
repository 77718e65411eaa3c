"""The kill switch: thrown by people, read in the transaction that writes an intent. Called by `healer.store.store` and T3."""

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert

from healer.journey.records import Switched
from healer.remediation.model import Refused
from healer.remediation.ports import Switch
from healer.store import schema
from healer.store.transaction import Transaction
from healer.store.transactions import audit, journal

EVERYTHING = "all"
"""The scope of the switch that stops every rule."""


def throw(transaction: Transaction, switch: Switch) -> None:
    """Store the switch, tell the engine, note it. No intent of its scope can be written after this commits."""
    row = {**msgspec.structs.asdict(switch), "thrown": int(switch.thrown)}
    statement = upsert(schema.switch).values(row)
    newer = {name: statement.excluded[name] for name in ("thrown", "by", "why", "at")}
    transaction.connection.execute(statement.on_conflict_do_update(index_elements=["scope"], set_=newer))
    journal.append_record(transaction, Switched(switch.scope, switch.thrown, switch.by, switch.why))
    kind = "switch thrown" if switch.thrown else "switch released"
    audit.note(transaction, switch.at, kind, scope=switch.scope, by=switch.by, why=switch.why)


def read(connection: Connection) -> list[Switch]:
    """All scopes that were ever switched."""
    table = schema.switch
    columns = (table.c.scope, table.c.thrown, table.c.by, table.c.why, table.c.at)
    found = connection.execute(select(*columns).order_by(table.c.scope))
    return [Switch(scope, thrown != 0, by, why, at) for scope, thrown, by, why, at in found]


def refuse(connection: Connection, rule: str) -> Refused | None:
    """The thrown switch that forbids this rule to act. Whatever does not plainly say released counts as thrown."""
    table = schema.switch
    scopes = (EVERYTHING, f"rule:{rule}")
    query = select(table.c.scope, table.c.by, table.c.why).where(table.c.scope.in_(scopes), table.c.thrown != 0)
    row = connection.execute(query.order_by(table.c.scope)).first()
    return Refused("kill switch", f"{row.scope} was paused by {row.by}: {row.why}") if row else None
