"""SQLite's sessions: the runs' way to `healer.store.connections`."""

import sqlite3
from pathlib import Path

from sqlalchemy import Connection

from healer.journey.ports import StoreUnavailable
from healer.store import failure
from healer.store.connections import close, connect_reader, connect_writer, raw_of


class SqliteSession:
    """A session on an open connection. Nobody else writes: the lock on the data folder sees to that."""

    errors: tuple[type[Exception], ...] = (sqlite3.Error,)
    shared = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._raw = raw_of(connection)

    @property
    def connection(self) -> Connection:
        return self._connection

    def begin(self) -> None:
        self.roll_back()
        self._raw.execute("BEGIN IMMEDIATE")

    def view(self) -> None:
        self._raw.execute("BEGIN")

    def execute(self, sql: str) -> None:
        self._raw.execute(sql)

    def commit(self) -> None:
        self._raw.execute("COMMIT")

    def roll_back(self) -> None:
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK")

    def failed(self, error: Exception, what: str) -> Exception:
        return failure.translate(error, what)

    def failed_commit(self, error: Exception) -> StoreUnavailable:
        return failure.failed_commit(error)

    def close(self) -> None:
        close(self._connection)


class SqliteDatabase:
    """A database in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def writer(self) -> SqliteSession:
        return SqliteSession(connect_writer(self._path))

    def reader(self) -> SqliteSession:
        return SqliteSession(connect_reader(self._path))
