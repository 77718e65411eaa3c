"""How the store connects to SQLite: the writer's connection, the readers', and the one in memory.

Transactions are begun and ended by the runs, in plain SQL: the driver is in autocommit and SQLAlchemy, which believes in a
transaction of its own, is never asked to commit.
"""

import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, NullPool, StaticPool, create_engine

WAIT_FOR_LOCK_SECONDS = 2.0
"""How long a write waits for another process (a backup) before it is refused."""

_WRITER = (
    # A request of a hundred alerts is a row of some ten pages: larger pages halve what SQLite does for it. For a new file.
    "PRAGMA page_size = 8192",
    "PRAGMA journal_mode = WAL",
    # An alert answered with 2xx survives the loss of power: each commit is synced before anyone hears of it.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -16384",
    "PRAGMA journal_size_limit = 67108864",
)

_NEW = ("PRAGMA page_size = 8192", "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF")


def connect_writer(path: Path) -> Connection:
    """The one connection that writes. Creates the file when it is missing, readable by its owner alone."""
    path.touch(mode=0o600)
    raw = _open(path, "rw")
    try:
        for pragma in _WRITER:
            raw.execute(pragma).close()
        _must_hold(raw)
    except BaseException:
        raw.close()
        raise
    return wrap(raw)


def connect_reader(path: Path) -> Connection:
    """A connection that cannot write."""
    raw = _open(path, "ro")
    raw.execute("PRAGMA query_only = ON").close()
    return wrap(raw)


def connect_copy(path: Path) -> Connection:
    """A connection to a database that nobody writes: SQLite neither locks it nor looks for a log beside it."""
    return wrap(_open(path, "ro&immutable=1"))


def connect_new(path: Path) -> Connection:
    """A file that did not exist, readable by its owner alone, for one transaction: nothing is logged, nothing synced, and a
    failure leaves what must be thrown away. Raises FileExistsError."""
    path.touch(mode=0o600, exist_ok=False)
    raw = _open(path, "rw")
    try:
        for pragma in _NEW:
            raw.execute(pragma).close()
    except BaseException:
        raw.close()
        raise
    return wrap(raw)


def connect_memory() -> Connection:
    """A database in memory: it lives as long as its connection. All share an engine, for the statements it has compiled."""
    return _in_memory().connect()


@cache
def _in_memory() -> Engine:
    given: Callable[[], sqlite3.Connection] = lambda: sqlite3.connect(":memory:", isolation_level=None)  # noqa: E731 - as below
    return create_engine("sqlite://", creator=given, poolclass=NullPool)


def wrap(raw: sqlite3.Connection) -> Connection:
    """SQLAlchemy's connection around an open one of the driver's."""
    given: Callable[[], sqlite3.Connection] = lambda: raw  # noqa: E731 - a function would hide that there is only this one
    engine = create_engine("sqlite://", creator=given, poolclass=StaticPool, pool_reset_on_return=None)
    return engine.connect()


def raw_of(connection: Connection) -> sqlite3.Connection:
    """The driver's connection below."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def close(connection: Connection) -> None:
    """Close both."""
    raw = raw_of(connection)
    connection.close()
    connection.engine.dispose()
    raw.close()


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=WAIT_FOR_LOCK_SECONDS,
    )


def _must_hold(raw: sqlite3.Connection) -> None:
    """SQLite answers a pragma it cannot follow with silence: ask what it does now."""
    mode = raw.execute("PRAGMA journal_mode").fetchone()[0]
    synchronous = raw.execute("PRAGMA synchronous").fetchone()[0]
    if (mode, synchronous) != ("wal", 2):
        raise sqlite3.OperationalError(
            f"journal_mode is {mode} and synchronous {synchronous}, not wal and 2 (FULL): "
            "the data folder must be on a local disk"
        )
