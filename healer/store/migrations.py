"""From which version of the schema to which, step by step. Called once when a store is opened.

A fresh database gets the newest schema from `healer.store.schema`. A change to the schema there comes with a step here,
which brings an older database to the same tables; steps are never changed once they were released.
"""

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection, insert, inspect, select, text, update

from healer.audit.chain import START, Head, incident_of, seal
from healer.store.schema import anchor, audit, audit_head, meta, metadata, rate, source_answer, told
from healer.store.session import Session


def _keep_answers(connection: Connection) -> None:
    """From 1 to 2: what the sources of the topology said last."""
    source_answer.create(connection)


def _chain_audit(connection: Connection) -> None:
    """From 2 to 3: the entries of the audit log become one chain. What they said before that day nobody can vouch for."""
    columns = ("writer VARCHAR", "place BIGINT", "incident VARCHAR", "digest VARCHAR")
    for column, default in zip(columns, ("''", "0", "''", "''"), strict=True):
        connection.execute(text(f"ALTER TABLE audit ADD COLUMN {column} NOT NULL DEFAULT {default}"))
    head = Head(_facts(connection)["installation"], 0, START)
    found = connection.execute(
        select(audit.c.number, audit.c.at, audit.c.kind, audit.c.detail).order_by(audit.c.number)
    )
    for number, at, kind, detail in found.all():
        head = seal(head, at, kind, detail)
        sealed = {**msgspec.structs.asdict(head), "incident": incident_of(detail)}
        connection.execute(update(audit).where(audit.c.number == number), sealed)
    for index in sorted(audit.indexes, key=lambda index: index.name or ""):
        index.create(connection)
    for table in (audit_head, anchor):
        table.create(connection)
    if head.place:
        connection.execute(insert(audit_head), msgspec.structs.asdict(head))


def _tell_matters_apart(connection: Connection) -> None:
    """From 3 to 4: what a person must act on is a row of its own in the told ledger, so its key grows."""
    names = [column["name"] for column in inspect(connection).get_columns("told")]
    listed = ", ".join(names)
    connection.execute(text("DROP INDEX told_due"))
    connection.execute(text("ALTER TABLE told RENAME TO told_before"))
    told.create(connection)
    connection.execute(text(f"INSERT INTO told ({listed}) SELECT {listed} FROM told_before"))  # noqa: S608 - names of columns
    connection.execute(text("DROP TABLE told_before"))


def _find_old_reservations(connection: Connection) -> None:
    """From 4 to 5: what no limit counts any more is found by its age, and forgotten."""
    connection.execute(text("CREATE INDEX reserved_at ON reserved (at)"))


def _share(connection: Connection) -> None:
    """From 5 to 6: several processes on one store. Who converges has a term, and a claim says whose it is."""
    for table, column, kind in (
        ("owner", "until", "BIGINT NOT NULL DEFAULT 0"),
        ("owner", "url", "TEXT NOT NULL DEFAULT ''"),
        ("told", "claimed_by", "VARCHAR NOT NULL DEFAULT ''"),
    ):
        # A table that an earlier step made anew has it already.
        if column not in {known["name"] for known in inspect(connection).get_columns(table)}:
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} {kind}"))
    if "told_claimed" not in {known["name"] for known in inspect(connection).get_indexes("told")}:
        connection.execute(text("CREATE INDEX told_claimed ON told (claimed_by) WHERE state = 'claimed'"))


def _tell_elsewhere(connection: Connection) -> None:
    """A row of the told ledger may stand in for one of a channel that could not be reached."""
    # A table that an earlier step made anew has it already.
    if "meant_for" not in {known["name"] for known in inspect(connection).get_columns("told")}:
        connection.execute(text("ALTER TABLE told ADD COLUMN meant_for VARCHAR NOT NULL DEFAULT ''"))


def _keep_rates_together(connection: Connection) -> None:
    """From 7 to 8: several processes keep the rates of channels together."""
    rate.create(connection)


def _find_what_one_reserved(connection: Connection) -> None:
    """From 8 to 9: what a remediation counts under is found by the remediation."""
    connection.execute(text("CREATE INDEX reserved_remediation ON reserved (remediation)"))


OLDEST = 1
STEPS: tuple[Callable[[Connection], None], ...] = (
    _keep_answers,
    _chain_audit,
    _tell_matters_apart,
    _find_old_reservations,
    _share,
    _tell_elsewhere,
    _keep_rates_together,
    _find_what_one_reserved,
)
"""`STEPS[0]` brings version 1 to 2, and so on."""

NEWEST = OLDEST + len(STEPS)


class SchemaRefused(Exception):
    """The database is not one that this version of healer can work with."""


def prepare(session: Session, installation: str) -> str:
    """Create or migrate the schema, all or nothing. Returns the installation's id: `installation` for a fresh database."""
    session.begin()
    try:
        known = _bring_up(session.connection, installation)
    except BaseException:
        session.roll_back()
        raise
    session.commit()
    return known


def _bring_up(connection: Connection, installation: str) -> str:
    tables = inspect(connection).get_table_names()
    if not tables:
        metadata.create_all(connection)
        facts = {"schema": str(NEWEST), "installation": installation}
        connection.execute(insert(meta), [{"key": key, "value": value} for key, value in facts.items()])
        return installation
    if meta.name not in tables:
        raise SchemaRefused("the database has tables that are not healer's: give store.url a database of its own")
    found = _facts(connection)
    version = int(found.get("schema", "0"))
    if not OLDEST <= version <= NEWEST:
        raise SchemaRefused(
            f"the database has schema {version}, this healer knows {OLDEST} to {NEWEST}: "
            "start the version of healer that wrote it, or restore the backup made before the upgrade"
        )
    for step in STEPS[version - OLDEST :]:
        step(connection)
    connection.execute(update(meta).where(meta.c.key == "schema").values(value=str(NEWEST)))
    return found["installation"]


def installation_of(connection: Connection) -> str:
    """The id of a store that is only read. Raises SchemaRefused unless its schema is the newest: reading migrates nothing."""
    if meta.name not in inspect(connection).get_table_names():
        raise SchemaRefused("this is no store of healer's: name the healer.db of a data folder, or a server's database")
    found = _facts(connection)
    version = int(found.get("schema", "0"))
    if version != NEWEST:
        raise SchemaRefused(
            f"the database has schema {version}, this healer reads {NEWEST}: use the version that wrote it"
        )
    return found["installation"]


def _facts(connection: Connection) -> dict[str, str]:
    rows = connection.execute(select(meta.c.key, meta.c.value))
    return {key: value for key, value in rows}  # noqa: C416 - rows are tuples to Python, not to mypy
