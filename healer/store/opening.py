"""How a store is opened: whose data it is, whether it is sound, and which schema it has. Called by `healer.bootstrap`."""

import sqlite3
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from healer.seams import Clock
from healer.store.connections import raw_of
from healer.store.folder import FolderHeld, FolderLock
from healer.store.inline import InlineRun, Memory
from healer.store.migrations import SchemaRefused, prepare
from healer.store.run import ThreadRun
from healer.store.sqlite import SqliteDatabase
from healer.store.store import Store

_SCHEME = "sqlite:///"
_SERVER = "postgresql://"
CHECKED_BYTES = 64 * 1024 * 1024
"""Up to this size the whole database is checked when it is opened (about 0.1 s); above, only its ends are read."""


class CannotOpen(Exception):
    """The store cannot be opened, and what to do about it."""


def open_store(url: str, clock: Clock, *, installation: str, password: str | None = None, name: str = "") -> Store:
    """Open, creating or migrating as needed. `installation` becomes the id of a fresh store, where it must be unguessable.

    `sqlite:///data/healer.db` is relative to the working directory, `sqlite:////var/lib/healer/healer.db` is not, and
    `sqlite://` lives in memory; `postgresql://USER@HOST/DATABASE` is on a server, with `password`: processes with a `name`
    each share it, one without is alone. Raises CannotOpen.
    """
    if url in ("sqlite://", "sqlite:///:memory:"):
        memory = Memory(installation)
        return Store(InlineRun(memory, clock), memory.installation, memory.close)
    if url.startswith(_SERVER):
        return _open_server(url, clock, installation, password, name)
    if not url.startswith(_SCHEME) or len(url) == len(_SCHEME):
        raise CannotOpen(f"store.url is {url!r}: write sqlite:///data/healer.db, or postgresql://USER@HOST/DATABASE")
    path = Path(url.removeprefix(_SCHEME))
    try:
        lock = FolderLock(path.parent)
    except (FolderHeld, OSError) as error:
        raise CannotOpen(f"store.url {url}: {error}") from error
    try:
        database = SqliteDatabase(path)
        found = _check(database, path, installation)
        return Store(ThreadRun(database, clock), found, lock.release)
    except (SchemaRefused, OSError, sqlite3.Error, DBAPIError) as error:
        lock.release()
        raise CannotOpen(f"store.url {url}: {error}") from error


def _open_server(url: str, clock: Clock, installation: str, password: str | None, name: str) -> Store:
    try:
        # psycopg is asked for where it is used: a healer on SQLite does without it.
        from healer.store.postgresql import opening
    except ImportError as error:
        way_out = "pip install 'healer-oncall[postgresql]'"
        raise CannotOpen(f"store.url {url}: psycopg is missing ({error}): {way_out}") from error
    try:
        run, found = opening.open_run(url, password, clock, installation, name)
    except (SchemaRefused, opening.Refused) as error:
        raise CannotOpen(f"store.url {url}: {error}") from error
    return Store(run, found, name=name)


def _check(database: SqliteDatabase, path: Path, installation: str) -> str:
    session = database.writer()
    try:
        _must_be_sound(session.connection, path)
        return prepare(session, installation)
    finally:
        session.close()


def _must_be_sound(connection: Connection, path: Path) -> None:
    raw = raw_of(connection)
    if path.stat().st_size <= CHECKED_BYTES:
        found = raw.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(f"the database is damaged, restore a backup: {found}")
    elif "journal" in (name for (name,) in raw.execute("SELECT name FROM sqlite_schema")):
        raw.execute("SELECT * FROM journal ORDER BY position DESC LIMIT 1").fetchone()
        raw.execute("SELECT * FROM journal ORDER BY position LIMIT 1").fetchone()
