"""A store opened to be read: one that a running healer uses, or a copy of it. Nothing is written.

Called by `healer replay`, `healer audit`, `healer doctor`, and by `healer.store.backups`.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError

from healer.journey.ports import StoreUnavailable
from healer.store import server
from healer.store.connections import close, connect_copy, connect_reader, raw_of
from healer.store.migrations import SchemaRefused, installation_of
from healer.store.opening import CannotOpen
from healer.store.run import Heard
from healer.store.session import Session
from healer.store.settings import Store as Place
from healer.store.sqlite import SqliteSession
from healer.store.store import Store
from healer.store.transaction import Transaction

T = TypeVar("T")
Args = TypeVarTuple("Args")

DATABASE = "healer.db"
"""The file in a data folder."""


class NoStore(CannotOpen):
    """There is a place for one, and nothing is in it yet."""


def open_past(place: Path | Place) -> Store:
    """The store in a file or a data folder, or that settings name. Its schema is the one that this version writes. Raises
    CannotOpen."""
    session, installation = open_session(place)
    return Store(ReadRun(session), installation)


def open_session(place: Path | Place) -> tuple[Session, str]:
    """A session that reads, and the installation's id. Raises CannotOpen."""
    if isinstance(place, Place) and place.on_server:
        where, session = place.url, server.session(place, reader=True)
    else:
        file = _file(Path(place.path) if isinstance(place, Place) else place)
        where, session = str(file), _reader(file)
    refusals: tuple[type[Exception], ...] = (SchemaRefused, DBAPIError, *session.errors)
    try:
        session.view()
        if not inspect(session.connection).get_table_names():
            raise NoStore(f"{where}: nothing is in it, so this is no store of healer's: is it the right one?")
        found = installation_of(session.connection)
        session.roll_back()
        return session, found
    except NoStore:
        session.close()
        raise
    except refusals as error:
        session.close()
        raise CannotOpen(f"{where}: {error}") from error


class ReadRun:
    """One connection that reads, on the caller's own thread: for commands, which have nothing else to do meanwhile."""

    def __init__(self, session: Session) -> None:
        self._session = session

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


def _file(path: Path) -> Path:
    file = path / DATABASE if path.is_dir() else path
    if not file.is_file():
        raise CannotOpen(f"there is no {file}: name a data folder, or a copy of its {DATABASE}")
    return file


def _reader(file: Path) -> SqliteSession:
    try:
        return SqliteSession(_connect(file))
    except (OSError, sqlite3.Error) as error:
        raise CannotOpen(f"{file} cannot be read: {error}") from error


def _connect(file: Path) -> Connection:
    """A reader; for a copy where SQLite may not write its files beside, one that believes that nobody writes."""
    connection = connect_reader(file)
    try:
        raw_of(connection).execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        close(connection)
        if not isinstance(error, sqlite3.OperationalError) or file.with_name(file.name + "-wal").exists():
            raise
        connection = connect_copy(file)
    return connection
