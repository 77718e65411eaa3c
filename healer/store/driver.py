"""What the store uses of a database's driver below SQLAlchemy: as much as sqlite3 and psycopg have in common."""

from collections.abc import Iterator
from typing import Any, Protocol

from sqlalchemy import Connection


class Cursor(Protocol):
    """What a statement found."""

    def fetchone(self) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def executemany(self, sql: str, parameters: Any, /) -> Any: ...


class Driver(Protocol):
    """A connection that begins and ends no transaction by itself."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Cursor: ...

    def cursor(self) -> Cursor: ...


def driver_of(connection: Connection) -> Driver:
    """The driver's connection below SQLAlchemy's."""
    driver: Driver = connection.connection.driver_connection  # type: ignore[assignment] # what it is, only the store knows
    return driver
