"""Where SQLite and PostgreSQL say the same in different words. Used by the schema and the transactions.

All else that the transactions say is SQL that both understand, and is written once.
"""

import sqlite3
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, String
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from healer.store.driver import driver_of
from healer.times import Micros

upsert = insert
"""INSERT with ON CONFLICT. Both databases have it in the same words, and SQLAlchemy compiles PostgreSQL's for both."""

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""A key that grows: 64 bits everywhere. SQLite's has them only when it is called INTEGER."""
NAME = String().with_variant(String(collation="C"), "postgresql")
"""Text that is compared and sorted: by its bytes everywhere, whatever the language of a PostgreSQL server."""


class greatest(GenericFunction[int]):  # noqa: N801 - named as in SQL, like all functions of SQLAlchemy
    """The largest of several values of one row, which SQLite calls max."""

    type = BigInteger()
    inherit_cache = True


class least(GenericFunction[int]):  # noqa: N801 - as above
    """The smallest of several values of one row, which SQLite calls min."""

    type = BigInteger()
    inherit_cache = True


@compiles(greatest, "sqlite")
def _max(element: greatest, compiler: SQLCompiler, **more: Any) -> str:
    return f"max({compiler.process(element.clauses, **more)})"


@compiles(least, "sqlite")
def _min(element: least, compiler: SQLCompiler, **more: Any) -> str:
    return f"min({compiler.process(element.clauses, **more)})"


def kept(name: str) -> str:
    """A name as it comes back: PostgreSQL's text holds every character but NUL, which is kept as U+FFFD there."""
    return name.replace("\0", "\ufffd")


NAMED = 0x6865616E
"""The advisory lock of a server that each process holds under its name, beside the name's number."""
_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


def is_server(connection: Connection) -> bool:
    """Whether other processes may work on the same store."""
    return not isinstance(driver_of(connection), sqlite3.Connection)


def store_clock(connection: Connection, now: Micros) -> Micros:
    """What time it is for terms that processes share: by the server's clock; on SQLite `now`, which is this machine's."""
    if not is_server(connection):
        return now
    at: Micros = driver_of(connection).execute(_NOW).fetchone()[0]
    return at
