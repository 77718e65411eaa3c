"""PostgreSQL's sessions: what the runs need to write and read on a server.

Writes come one after the other, as on SQLite: each takes an advisory lock of its schema when it begins and reads the journal's
head under it. The server lets go of that lock after a commit is visible, so positions follow the order of commits, whichever
process writes, and no transaction decides by what another is changing.
"""

import contextlib
from collections.abc import Callable

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from healer.journey.ports import StoreUnavailable
from healer.store.dialect import NAMED
from healer.store.postgresql import failure
from healer.store.postgresql.connections import Raw, connect, schema_key, wrap

IN_TURN = 0x6865616C
"""The advisory lock that each write takes, beside the schema's number."""
ALONE = 0x6865616D
"""The one that a process holds that uses the store, for as long as it is connected: those with names share it."""

STANDSTILL_MS = 3_000
"""How long a write may do nothing where others wait for it to take over from a process that stands still."""

_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE"
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class Held(psycopg.OperationalError):
    """Another process uses the store, or did until a moment ago."""


class PostgresqlDatabase:
    """A schema of a server. With `alone` a writer is refused (Held) while another process has one; with a `name` while another
    process of that name has one, or one that is alone."""

    def __init__(self, url: str, password: str | None = None, *, alone: bool = True, name: str = "") -> None:
        self._url = url
        self._password = password
        self._alone = alone
        self._name = name

    def writer(self) -> "PostgresqlSession":
        return PostgresqlSession(self._connect_writer)

    def reader(self) -> "PostgresqlSession":
        return PostgresqlSession(lambda: connect(self._url, self._password, reader=True))

    def _connect_writer(self) -> Raw:
        raw = connect(self._url, self._password, reader=False)
        try:
            if self._name:
                _hold_name(raw, self._name)
                raw.execute(f"SET idle_in_transaction_session_timeout = {STANDSTILL_MS}".encode())
            elif self._alone:
                _hold_alone(raw)
        except BaseException:
            raw.close()
            raise
        return raw


class PostgresqlSession:
    """Connects anew by itself after an outage, at the beginning of a transaction and nowhere else."""

    errors: tuple[type[Exception], ...] = (psycopg.Error,)
    shared = True

    def __init__(self, opened: Callable[[], Raw]) -> None:
        self._opened = opened
        self._open()

    @property
    def connection(self) -> Connection:
        return self._connection

    def begin(self) -> None:
        self._start(f"{_WRITE}; SELECT pg_advisory_xact_lock({IN_TURN}, {self._schema})")

    def view(self) -> None:
        self._start(_READ)

    def execute(self, sql: str) -> None:
        self._raw.execute(sql.encode())

    def commit(self) -> None:
        said = self._raw.execute("COMMIT").statusmessage
        if said != "COMMIT":
            # After a statement failed the server answers a COMMIT with ROLLBACK, and no error.
            raise psycopg.errors.InFailedSqlTransaction(f"the server answered COMMIT with {said}")

    def roll_back(self) -> None:
        """Never raises: a connection on which this fails is closed, and the server rolls back by itself."""
        if self._raw.closed or self._raw.info.transaction_status == TransactionStatus.IDLE:
            return
        try:
            self._raw.execute("ROLLBACK")
        except psycopg.Error:
            self._raw.close()

    def failed(self, error: Exception, what: str) -> Exception:
        return failure.translate(error, what)

    def failed_commit(self, error: Exception) -> StoreUnavailable:
        # An answer is known, and it was no; only what came to no answer may have happened all the same.
        return failure.failed_commit(error, ambiguous=bool(self._raw.closed))

    def close(self) -> None:
        with contextlib.suppress(psycopg.Error, SQLAlchemyError):
            self._connection.close()
            self._connection.engine.dispose()
        self._raw.close()

    def _start(self, statements: str) -> None:
        if not self._raw.closed:
            try:
                return self._together(statements)
            except psycopg.Error:
                # The server may have been restarted since; nothing has happened yet on either connection.
                if not self._raw.closed:
                    raise
        self.close()
        self._open()
        return self._together(statements)

    def _together(self, statements: str) -> None:
        """All in one message, which is why they cannot be prepared."""
        self.roll_back()
        self._raw.execute(statements.encode(), prepare=False)

    def _open(self) -> None:
        raw = self._opened()
        try:
            self._schema = schema_key(raw)
            self._connection = wrap(raw)
        except BaseException:
            raw.close()
            raise
        self._raw = raw


def _hold_alone(raw: Raw) -> None:
    """Raises Held, with who has it."""
    schema = schema_key(raw)
    if not _lock(raw, "pg_advisory_lock", ALONE, schema):
        raise Held(f"it is in use by {_holder(raw, ALONE, schema)}: stop that one, or give this one its own")


def _hold_name(raw: Raw, name: str) -> None:
    """Raises Held, with who has the name, or keeps everybody out."""
    schema = schema_key(raw)
    if not _lock(raw, "pg_advisory_lock_shared", ALONE, schema):
        raise Held(f"it is in use by {_holder(raw, ALONE, schema)}, which wants to be alone: wait for it to end")
    row = raw.execute("SELECT hashtext(current_schema() || ' ' || %s)", (name,)).fetchone()
    key = row[0] if row else 0
    if not _lock(raw, "pg_advisory_lock", NAMED, key):
        way_out = "stop that one, or give this one a name of its own (store.replica)"
        raise Held(f"it is in use by {_holder(raw, NAMED, key)} under the name {name}: {way_out}")


def _lock(raw: Raw, how: str, kind: int, key: int) -> bool:
    """The server lets go of a lock a moment after its holder has gone: wait as long as for any lock."""
    try:
        raw.execute(f"SELECT {how}(%s, %s)".encode(), (kind, key))
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _holder(raw: Raw, kind: int, key: int) -> str:
    found = raw.execute(
        "SELECT coalesce(client_addr::text, 'a socket'), pid FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s::bigint::oid "
        "AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        (kind, key % (1 << 32)),
    ).fetchone()
    where, pid = found or ("nobody any more", 0)
    return f"a healer at {where} (server process {pid})"
