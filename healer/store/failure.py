"""What an error of SQLite means to whoever called the store. Used by `healer.store.sqlite`."""

import sqlite3

from sqlalchemy.exc import DBAPIError

from healer.journey.ports import StoreUnavailable

_HINTS = {
    "SQLITE_FULL": "free space on the disk of the data folder",
    "SQLITE_BUSY": "another process holds the database: is somebody copying it?",
    "SQLITE_LOCKED": "another process holds the database: is somebody copying it?",
    "SQLITE_READONLY": "the data folder has become read-only: look at the mount and its permissions",
    "SQLITE_IOERR": "the disk of the data folder fails: look at the kernel's log",
    "SQLITE_CANTOPEN": "the data folder is gone or may not be read",
    "SQLITE_CORRUPT": "the database is damaged: stop healer and restore a backup",
    "SQLITE_NOTADB": "the database is damaged: stop healer and restore a backup",
}
_HARMLESS_AT_COMMIT = frozenset({"SQLITE_FULL", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_READONLY"})


def translate(error: Exception, what: str) -> Exception:
    """StoreUnavailable when the database cannot work now; anything else, our own mistakes above all, as it is."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not _is_outage(cause):
        return error
    return _unavailable(cause, what, ambiguous=False)


def failed_commit(error: Exception) -> StoreUnavailable:
    """For everyone in a group whose COMMIT failed. Ambiguous unless SQLite says so before it writes the commit's frame."""
    return _unavailable(error, "commit", ambiguous=_name(error) not in _HARMLESS_AT_COMMIT)


def _unavailable(cause: BaseException | None, what: str, *, ambiguous: bool) -> StoreUnavailable:
    hint = next((hint for name, hint in _HINTS.items() if _name(cause).startswith(name)), "it is tried again")
    unavailable = StoreUnavailable(f"{what}: {cause} ({hint})", ambiguous=ambiguous)
    unavailable.__cause__ = cause
    return unavailable


def _is_outage(cause: BaseException | None) -> bool:
    # SQLITE_ERROR is wrong SQL: that is a bug and must look like one.
    if isinstance(cause, sqlite3.OperationalError):
        return _name(cause) != "SQLITE_ERROR"
    return type(cause) is sqlite3.DatabaseError


def _name(cause: BaseException | None) -> str:
    return getattr(cause, "sqlite_errorname", "")
