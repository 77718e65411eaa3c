"""What an error of PostgreSQL means to whoever called the store. Used by `healer.store.postgresql.session`."""

import psycopg
from sqlalchemy.exc import DBAPIError

from healer.journey.ports import StoreUnavailable

_HINTS = {
    "28": "the server does not let healer in: look at store.url and store.password",
    "3D": "the database is gone: look at store.url",
    "40": "another transaction was in the way: it is tried again",
    "53": "the server is out of disk, memory or connections",
    "55P03": "another process holds what is to be written: is somebody migrating or copying it?",
    "57": "the server is stopping or starting, or took too long: it is tried again",
    "58": "the server's disk fails: look at its log",
    "25P03": "healer was stopped for too long in the middle of a write: it is tried again",
    "25006": "the server only reads: name the one that writes in store.url",
    "XX": "the server's data are damaged: look at its log",
}
"""By SQLSTATE, or by its class. What is in none of these is wrong SQL: that is a bug and must look like one."""


def translate(error: Exception, what: str) -> Exception:
    """StoreUnavailable when the database cannot work now; anything else, our own mistakes above all, as it is."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, psycopg.Error) or (hint := _hint(cause)) is None:
        return error
    return _unavailable(cause, what, hint, ambiguous=False)


def failed_commit(error: Exception, *, ambiguous: bool) -> StoreUnavailable:
    """For everyone in a group whose COMMIT failed."""
    hint = _hint(error) if isinstance(error, psycopg.Error) else None
    return _unavailable(error, "commit", hint or "it is tried again", ambiguous=ambiguous)


def _hint(cause: psycopg.Error) -> str | None:
    """What to do about an outage; None when it is none."""
    state = cause.sqlstate
    if state is None or state.startswith("08"):
        lost = isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
        return "the server does not answer: it is tried again" if lost else None
    return next((hint for known, hint in _HINTS.items() if state.startswith(known)), None)


def _unavailable(cause: Exception, what: str, hint: str, *, ambiguous: bool) -> StoreUnavailable:
    said = " ".join(str(cause).split()) or type(cause).__name__
    unavailable = StoreUnavailable(f"{what}: {said} ({hint})", ambiguous=ambiguous)
    unavailable.__cause__ = cause
    return unavailable
