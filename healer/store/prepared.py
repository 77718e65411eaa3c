"""Statements of SQLAlchemy Core that are compiled once and executed on the driver: for transactions that every step makes.

Executing a Core statement costs ten to a hundred times what SQLite needs for it, mostly to find out that it was compiled
before. What people and rare events ask is executed the plain way.
"""

import sqlite3
from collections.abc import Mapping, Sequence

from sqlalchemy import ClauseElement, Connection
from sqlalchemy.dialects import sqlite

from healer.store.connections import raw_of

_DIALECT = sqlite.dialect(paramstyle="named")


class Prepared:
    """`columns` are the parameters of an INSERT's VALUES or an UPDATE's SET; `bindparam`s elsewhere keep their names."""

    __slots__ = ("_fixed", "_sql")

    def __init__(self, statement: ClauseElement, columns: Sequence[str] | None = None) -> None:
        compiled = statement.compile(dialect=_DIALECT, column_keys=columns)
        self._sql = str(compiled)
        self._fixed = {name: value for name, value in (compiled.params or {}).items() if value is not None}

    def execute(self, connection: Connection, values: Mapping[str, object] | None = None) -> sqlite3.Cursor:
        """Execute it with these parameters by name."""
        return raw_of(connection).execute(self._sql, {**self._fixed, **(values or {})})

    def execute_many(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Execute it once per row."""
        raw_of(connection).executemany(self._sql, [{**self._fixed, **row} for row in rows])
