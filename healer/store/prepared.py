"""Statements of SQLAlchemy Core that are compiled once and executed on the driver: for transactions that every step makes.

Executing a Core statement costs ten to a hundred times what SQLite needs for it, mostly to find out that it was compiled
before. What people and rare events ask is executed the plain way.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ClauseElement, Connection, Dialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from healer.store.driver import Cursor, Driver, driver_of
from healer.store.schema import metadata

_SQLITE = sqlite.dialect(paramstyle="named")
_POSTGRESQL = PGDialect_psycopg()  # type: ignore[no-untyped-call] # SQLAlchemy left it so
_SIZES = (64, 32, 16, 8, 4, 2, 1)
"""Rows of one statement."""
_ARRAYS = {str: "%b::text[]", int: "%b::bigint[]", bytes: "%b::bytea[]"}
"""Of PostgreSQL, sent as they are: to quote what is in an array costs more than all the rest."""


class Prepared:
    """`columns` are the parameters of an INSERT's VALUES or an UPDATE's SET; `bindparam`s elsewhere keep their names."""

    __slots__ = ("_postgresql", "_sqlite")

    def __init__(self, statement: ClauseElement, columns: Sequence[str] | None = None) -> None:
        self._sqlite = _compiled(statement, columns, _SQLITE)
        self._postgresql = _compiled(statement, columns, _POSTGRESQL)

    def execute(self, connection: Connection, values: Mapping[str, object] | None = None) -> Cursor:
        """Execute it with these parameters by name."""
        driver = driver_of(connection)
        sql, fixed = self._for(driver)
        return driver.execute(sql, {**fixed, **(values or {})})

    def execute_many(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Execute it once per row."""
        driver = driver_of(connection)
        sql, fixed = self._for(driver)
        _each(driver, sql, [{**fixed, **row} for row in rows])

    def _for(self, driver: Driver) -> tuple[str, dict[str, object]]:
        return self._sqlite if isinstance(driver, sqlite3.Connection) else self._postgresql


class Plain:
    """Plain SQL with parameters by place, each a question mark: the hot path has no time for names."""

    __slots__ = ("_postgresql", "_sqlite")

    def __init__(self, sql: str) -> None:
        self._sqlite = sql
        self._postgresql = sql.replace("?", "%s")

    def execute(self, connection: Connection, values: Sequence[object] = ()) -> Cursor:
        driver = driver_of(connection)
        return driver.execute(self._for(driver), values)

    def execute_many(self, connection: Connection, rows: Sequence[Sequence[object]]) -> None:
        driver = driver_of(connection)
        _each(driver, self._for(driver), rows)

    def _for(self, driver: Driver) -> str:
        return self._sqlite if isinstance(driver, sqlite3.Connection) else self._postgresql


class About:
    """Plain SQL about any number of pairs of a text and a number, which are the table `asked (key, since)` in it; other
    parameters come after them. Nothing is found for the same pair twice where the rest of it says UNION, or IN."""

    __slots__ = ("_postgresql", "_sql")

    def __init__(self, sql: str) -> None:
        self._sql = sql
        arrays = "SELECT * FROM unnest(%s::text[], %s::bigint[])"
        self._postgresql = f"WITH asked (key, since) AS ({arrays}) {sql}".replace("?", "%s")

    def execute(self, connection: Connection, pairs: Sequence[tuple[str, int]], *values: object) -> Cursor:
        """`pairs` are one at least."""
        driver = driver_of(connection)
        if isinstance(driver, sqlite3.Connection):
            # SQLite has no arrays: as many rows as the next power of two, so that there are few texts.
            padded = [*pairs, *(list(pairs[-1:]) * ((1 << (len(pairs) - 1).bit_length()) - len(pairs)))]
            rows = ", ".join(["(?, ?)"] * len(padded))
            sql = f"WITH asked (key, since) AS (VALUES {rows}) {self._sql}"
            return driver.execute(sql, [*(value for pair in padded for value in pair), *values])
        keys, numbers = [key for key, _ in pairs], [number for _, number in pairs]
        return driver.execute(self._postgresql, (keys, numbers, *values))


class Inserting:
    """Rows into a table, in as few statements as can be without a text for each number of rows: on SQLite 64 at a time, then 32,
    16, ...; on PostgreSQL all at once, a column an array."""

    __slots__ = ("_of", "_postgresql")

    def __init__(self, table: str, columns: Sequence[str], conflict: str = "") -> None:
        """`conflict` is the end of the statement: what to do about a row that is there."""
        row = f"({', '.join('?' * len(columns))})"
        into = f"INSERT INTO {table} ({', '.join(columns)})"
        self._of = {size: f"{into} VALUES {', '.join([row] * size)} {conflict}" for size in _SIZES}
        types = metadata.tables[table].columns
        arrays = ", ".join(_ARRAYS[types[column].type.python_type] for column in columns)
        self._postgresql = f"{into} SELECT * FROM unnest({arrays}) {conflict}"  # noqa: S608 - names of the schema, no values

    def execute(self, connection: Connection, rows: Sequence[Sequence[object]]) -> None:
        for _ in self._each(connection, rows):
            pass

    def returning(self, connection: Connection, rows: Sequence[Sequence[object]]) -> list[Any]:
        """What a `conflict` that ends in RETURNING says of the rows, in any order."""
        return [found for cursor in self._each(connection, rows) for found in cursor]

    def _each(self, connection: Connection, rows: Sequence[Sequence[object]]) -> Iterator[Cursor]:
        driver = driver_of(connection)
        if not isinstance(driver, sqlite3.Connection):
            if rows:
                yield driver.execute(self._postgresql, [list(column) for column in zip(*rows, strict=True)])
            return
        start = 0
        while start < len(rows):
            size = next(size for size in _SIZES if size <= len(rows) - start)
            yield driver.execute(self._of[size], [value for row in rows[start : start + size] for value in row])
            start += size


def _each(driver: Driver, sql: str, rows: Sequence[Any]) -> None:
    if len(rows) == 1:
        driver.execute(sql, rows[0])
        return
    driver.cursor().executemany(sql, rows)
    if not isinstance(driver, sqlite3.Connection):
        # psycopg sends them all at once, after which the server (15 was seen) does not count for how long a transaction
        # does nothing; and it must, for others wait. After a plain statement it does again.
        driver.execute("SELECT 1")


def _compiled(
    statement: ClauseElement, columns: Sequence[str] | None, dialect: Dialect
) -> tuple[str, dict[str, object]]:
    """The SQL, and the parameters whose values are part of the statement."""
    compiled = statement.compile(dialect=dialect, column_keys=columns)
    return str(compiled), {name: value for name, value in (compiled.params or {}).items() if value is not None}
