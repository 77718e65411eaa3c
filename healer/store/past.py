"""A store opened to be read: the data folder of a healer that may be running, or a copy of it. Nothing is written.

Called by `healer replay`.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from healer.journey.ports import StoreUnavailable
from healer.store.connections import close, connect_copy, connect_reader, raw_of
from healer.store.migrations import SchemaRefused, installation_of
from healer.store.opening import CannotOpen
from healer.store.run import Heard
from healer.store.sqlite import SqliteSession
from healer.store.store import Store
from healer.store.transaction import Transaction

T = TypeVar("T")
Args = TypeVarTuple("Args")

DATABASE = "healer.db"
"""The file in a data folder."""


def open_past(path: Path) -> Store:
    """The store in a file, or in a data folder, with the schema that this version writes. Raises CannotOpen."""
    file = path / DATABASE if path.is_dir() else path
    if not file.is_file():
        raise CannotOpen(f"there is no {file}: name a data folder, or a copy of its {DATABASE}")
    try:
        connection = _connect(file)
    except (OSError, sqlite3.Error) as error:
        raise CannotOpen(f"{file} cannot be read: {error}") from error
    try:
        return Store(ReadRun(connection), installation_of(connection))
    except (SchemaRefused, sqlite3.Error, DBAPIError) as error:
        close(connection)
        raise CannotOpen(f"{file}: {error}") from error


class ReadRun:
    """One connection that reads, on the caller's own thread: for commands, which have nothing else to do meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._session = SqliteSession(connection)

    async def write(self, name: str, work: Callable[[Transaction, *Args], T], *args: *Args) -> T:  # noqa: ARG002 - `Run` has them
        raise StoreUnavailable(f"{name}: the store was opened to be read")

    async def read(self, name: str, work: Callable[[Connection, *Args], T], *args: *Args) -> T:
        session = self._session
        try:
            session.view()
            return work(session.connection, *args)
        except Exception as error:
            raise session.failed(error, name) from error
        finally:
            session.roll_back()

    def listen(self, heard: Heard) -> None:
        """Nothing will be appended."""

    async def close(self) -> None:
        self._session.close()


def _connect(file: Path) -> Connection:
    """A reader; for a copy where SQLite may not write its files beside, one that believes that nobody writes."""
    connection = connect_reader(file)
    try:
        raw_of(connection).execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError:
        close(connection)
        if file.with_name(file.name + "-wal").exists():
            raise
        connection = connect_copy(file)
    return connection
