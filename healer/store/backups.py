"""A consistent copy of a store as one file of SQLite, whatever database the store is; and a store from such a file, in either.

So a backup can be read like a data folder, and is the way from one database to the other. Called by `healer backup` and
`healer restore`.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from sqlalchemy.exc import DBAPIError

from healer.store import server
from healer.store.connections import connect_new
from healer.store.copying import Heard, copy, is_empty
from healer.store.folder import FolderHeld, FolderLock
from healer.store.opening import CannotOpen
from healer.store.past import open_session
from healer.store.session import Session
from healer.store.settings import Store as Place
from healer.store.sqlite import SqliteSession

BESIDE = ("", "-wal", "-shm", "-journal")
"""What a database of SQLite has after its name. A log that was left beside would be applied to whatever takes its place."""

NOT_EMPTY = (
    "there are tables in it, of a healer that may be at work, or of others, and a restore replaces nothing: "
    "name an empty database, or another schema of it (?options=-csearch_path%3DNAME)"
)


class CannotCopy(Exception):
    """There is no copy, nor half of one, and what to do about it."""


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy holds: whose it is, and how many rows of each table."""

    installation: str
    rows: dict[str, int]


def back_up(place: Place, file: Path, heard: Heard) -> Copied:
    """Copy what is committed now into a new file; a healer may be running. Raises CannotOpen, CannotCopy."""
    if file.exists():
        raise CannotCopy(
            f"{file} exists, and a backup replaces nothing: give it another name, such as one with the day"
        )
    with _opened(place) as (source, installation), _new_file(file, file.with_name(f"{file.name}.partial")) as target:
        return Copied(installation=installation, rows=_between(source, target, heard))


def restore(file: Path, place: Place, heard: Heard) -> Copied:
    """Make a store of a backup, where there is none and no healer is at work. Raises CannotOpen, CannotCopy."""
    with _opened(file) as (source, installation), _empty(place) as target:
        return Copied(installation=installation, rows=_between(source, target, heard))


@contextlib.contextmanager
def _opened(place: Path | Place) -> Iterator[tuple[Session, str]]:
    session, installation = open_session(place)
    try:
        yield session, installation
    finally:
        session.close()


def _between(source: Session, target: Session, heard: Heard) -> dict[str, int]:
    failures: tuple[type[Exception], ...] = (DBAPIError, *source.errors, *target.errors)
    try:
        source.view()
        target.begin()
        if not is_empty(target.connection):
            raise CannotCopy(NOT_EMPTY)
        rows = copy(source.connection, target.connection, heard)
        target.commit()
        return rows
    except failures as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise CannotCopy(f"the copy broke off, and nothing is left of it: {' '.join(str(cause).split())}") from error


@contextlib.contextmanager
def _empty(place: Place) -> Iterator[Session]:
    """Where a store is to be, and will not be if this fails."""
    if place.on_server:
        # Whoever is at work there has tables; and until this has committed, nobody else can begin.
        session = server.session(place, reader=False)
        try:
            yield session
        finally:
            session.close()
        return
    path = Path(place.path)
    try:
        lock = FolderLock(path.parent)
    except (FolderHeld, OSError) as error:
        raise CannotOpen(f"{path}: {error}") from error
    try:
        for there in (path.with_name(path.name + end) for end in BESIDE):
            if there.exists():
                raise CannotCopy(
                    f"{there} is there, and a restore replaces nothing: move it away, or name another folder"
                )
        partial = path.with_name(f"{path.name}.partial")
        partial.unlink(missing_ok=True)
        with _new_file(path, partial) as target:
            yield target
    finally:
        lock.release()


@contextlib.contextmanager
def _new_file(path: Path, partial: Path) -> Iterator[Session]:
    """A database that has its name once it is whole and on the disk."""
    try:
        session = SqliteSession(connect_new(partial))
    except FileExistsError:
        why = "another backup is being written, or one broke off: when none is, remove it"
        raise CannotCopy(f"{partial} is there: {why}") from None
    except OSError as error:
        raise _unwritten(partial, error) from error
    try:
        try:
            yield session
        finally:
            session.close()
        _name(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _name(partial: Path, path: Path) -> None:
    try:
        _sync(partial)
        partial.rename(path)
        _sync(path.parent)
    except OSError as error:
        raise _unwritten(path, error) from error


def _unwritten(path: Path, error: OSError) -> CannotCopy:
    return CannotCopy(
        f"{path} cannot be written: {error.strerror}: name a folder with room, and with the right to write"
    )


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
