"""All that one store holds, into an empty one; either may be SQLite or PostgreSQL. Called by `healer.store.backups`."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table, func, insert, inspect, select, tuple_, update

from healer.store.prepared import Prepared
from healer.store.schema import metadata, owner

ROWS = 500
"""Rows that are read at once."""
LARGE_ROWS = 20
"""The same, of a table whose rows may be as large as a request or a snapshot."""

Heard = Callable[[str, int], None]
"""Called now and then with a table's name and how many of its rows were copied."""


def is_empty(connection: Connection) -> bool:
    """Whether there is not a single table, of whomever."""
    return not inspect(connection).get_table_names()


def copy(source: Connection, target: Connection, heard: Heard) -> dict[str, int]:
    """Make the tables and fill them; how many rows each has. Both are inside of a transaction, which sees to it that the copy
    is of one moment, and whole or not there."""
    metadata.create_all(target)
    rows = {table.name: _copy(table, source, target, heard) for table in metadata.sorted_tables}
    # Whoever converges there has no term here, or the first replica would wait until it is over.
    target.execute(update(owner).values(until=0))
    if target.dialect.name == "postgresql":
        _count_on(target)
    return rows


def _copy(table: Table, source: Connection, target: Connection, heard: Heard) -> int:
    """Page by page in the order of the key: however large a table is, little of it is in memory."""
    keys = list(table.primary_key.columns)
    large = any(isinstance(column.type, LargeBinary) for column in table.columns)
    page = select(table).order_by(*keys).limit(LARGE_ROWS if large else ROWS)
    into = Prepared(insert(table), [column.name for column in table.columns])
    copied, last = 0, list[Any]()
    while rows := _page(source, page.where(tuple_(*keys) > tuple(last)) if last else page):
        into.execute_many(target, rows)
        last = [rows[-1][key.name] for key in keys]
        copied += len(rows)
        heard(table.name, copied)
    return copied


def _page(source: Connection, page: Any) -> Sequence[dict[str, Any]]:
    return [dict(row) for row in source.execute(page).mappings()]


def _count_on(target: Connection) -> None:
    """Have a server go on counting where the copied keys end. SQLite looks at the keys themselves."""
    for table in metadata.sorted_tables:
        key = table.autoincrement_column
        if key is not None:
            last = func.max(key)
            moved = func.setval(func.pg_get_serial_sequence(table.name, key.name), last)
            target.execute(select(moved).having(last.is_not(None)))
