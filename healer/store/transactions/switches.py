"""The kill switch: thrown by people, read in the transaction that writes an intent. Called by `healer.store.store` and T3."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from healer.journey.records import Switched, Troubled
from healer.remediation.ports import Switch
from healer.store import schema
from healer.store.dialect import upsert
from healer.store.joint import Joint
from healer.store.prepared import About, Plain
from healer.store.transaction import Transaction
from healer.store.transactions import audit, journal

SUSPENDER = "healer"
"""By whom a suspension is thrown, and nothing else."""
_ALL = Plain("SELECT scope, thrown, by, why, at FROM switch ORDER BY scope")
_AMONG = About("SELECT scope, thrown, by, why, at FROM switch WHERE scope IN (SELECT key FROM asked) ORDER BY scope")


def throw(transaction: Transaction, switch: Switch) -> None:
    """Store the switch, tell the engine, note it. No intent of its scope can be written after this commits."""
    before = of(transaction.connection, switch.scope)
    row = {**msgspec.structs.asdict(switch), "thrown": int(switch.thrown)}
    statement = upsert(schema.switch).values(row)
    newer = {name: statement.excluded[name] for name in ("thrown", "by", "why", "at")}
    transaction.connection.execute(statement.on_conflict_do_update(index_elements=["scope"], set_=newer))
    journal.append_record(transaction, Switched(switch.scope, switch.thrown, switch.by, switch.why))
    kind = "switch thrown" if switch.thrown else "switch released"
    audit.note(transaction, switch.at, kind, scope=switch.scope, by=switch.by, why=switch.why)
    suspended = _is_suspension(switch), before is not None and _is_suspension(before)
    if suspended[0] != suspended[1]:
        code = f"suspended {switch.scope.removeprefix('rule:')}"
        journal.append_record(transaction, Troubled(code, suspended[0], switch.why))


def _is_suspension(switch: Switch) -> bool:
    """Whether healer itself stops a rule on a node: people hear of that for as long as it lasts."""
    return switch.thrown and switch.by == SUSPENDER


def _read(connection: Connection, asked: Sequence[tuple[()]]) -> list[list[Switch]]:
    """All scopes that were ever switched, for each who asks."""
    found = [Switch(scope, thrown != 0, by, why, at) for scope, thrown, by, why, at in _ALL.execute(connection)]
    return [found] * len(asked)


read = Joint(_read)


def among(connection: Connection, scopes: Sequence[str]) -> list[Switch]:
    """Those of these scopes that were ever switched. Whatever does not plainly say released counts as thrown."""
    found = _AMONG.execute(connection, [(scope, 0) for scope in scopes])
    return [Switch(scope, thrown != 0, by, why, at) for scope, thrown, by, why, at in found]


def of(connection: Connection, scope: str) -> Switch | None:
    """The switch of one scope; None where it was never touched."""
    return next(iter(among(connection, (scope,))), None)
