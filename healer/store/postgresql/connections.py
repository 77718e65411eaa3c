"""How the store connects to a PostgreSQL server, and what each of its connections is told first.

As with SQLite, transactions are begun and ended in plain SQL: the driver is in autocommit, and SQLAlchemy is never asked to
commit. Used by `healer.store.postgresql.session`.
"""

import zlib
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import StrBinaryDumper, StrDumperUnknown
from sqlalchemy import Connection, StaticPool, create_engine

from healer.store.dialect import kept

Raw = psycopg.Connection[tuple[Any, ...]]

CONNECT_S = 3
"""Seconds for a server to let healer in."""
LOCK_MS = 2_000
"""How long a write waits for another process's write before it is refused."""
STATEMENT_MS = 10_000
"""How long one statement may take. Those of a step take milliseconds."""
IDLE_MS = 15_000
"""How long a write may do nothing: a process that was stopped in the middle of one keeps everyone else out for no longer."""

_DEFAULTS: dict[str, str | int] = {
    "connect_timeout": CONNECT_S,
    "application_name": "healer",
    # Of several servers only one writes, and what was just written must be read.
    "target_session_attrs": "read-write",
    # A server that is gone without a word is noticed within 10 s or so.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""What store.url does not say otherwise."""

_SESSION = {
    "lock_timeout": str(LOCK_MS),
    "statement_timeout": str(STATEMENT_MS),
    "idle_in_transaction_session_timeout": str(IDLE_MS),
    # Ours may be gone without a word as well, and its locks must not outlive it.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

_COMPRESSION = (
    "SELECT set_config(name, 'lz4', false) FROM pg_settings "
    "WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)"
)
"""By lz4 what healer writes gets as small as by pglz, for a third of the server's processor time. Not every server has it."""


class NotDurable(psycopg.OperationalError):
    """The server would lose what it said to have kept."""


def connect(url: str, password: str | None, *, reader: bool) -> Raw:
    """An open connection. Raises psycopg.Error, NotDurable among them."""
    asked: dict[str, Any] = {**_DEFAULTS, **conninfo_to_dict(url)}
    if password is not None:
        asked["password"] = password
    raw: Raw = psycopg.connect(**asked, autocommit=True)
    try:
        raw.adapters.register_dumper(str, _BinaryText)
        raw.adapters.register_dumper(str, _Text)
        told = dict(_SESSION)
        if reader:
            # A reader holds nothing that others wait for, and may compute in the middle of its transaction.
            del told["idle_in_transaction_session_timeout"]
        each = ", ".join(["set_config(%s, %s, false)"] * len(told))
        raw.execute(f"SELECT {each}".encode(), [word for pair in told.items() for word in pair])
        raw.execute(_COMPRESSION)
        _must_hold(raw)
    except BaseException:
        raw.close()
        raise
    return raw


def wrap(raw: Raw) -> Connection:
    """SQLAlchemy's connection around an open one of the driver's."""
    given: Callable[[], Raw] = lambda: raw  # noqa: E731 - a function would hide that there is only this one
    engine = create_engine(
        "postgresql+psycopg://", creator=given, poolclass=StaticPool, pool_reset_on_return=None, use_native_hstore=False
    )
    return engine.connect()


def schema_key(raw: Raw) -> int:
    """A number for the schema that healer's tables are in, as advisory locks want one: two schemas are two stores."""
    row = raw.execute("SELECT current_schema()").fetchone()
    name = row[0] if row else None
    if not name:
        raise NotDurable("there is no schema to put tables into: look at search_path")
    return zlib.crc32(str(name).encode()) - (1 << 31)


def _must_hold(raw: Raw) -> None:
    """An alert answered with 2xx survives the loss of power, whatever is usual on this server."""
    raw.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    row = raw.execute("SELECT current_setting('fsync'), current_setting('server_encoding')").fetchone()
    fsync, encoding = row or ("", "")
    if fsync != "on":
        raise NotDurable("the server runs with fsync off: what it kept would not survive the loss of power")
    if encoding != "UTF8":
        raise NotDurable(f"the database is encoded in {encoding}: create one with ENCODING 'UTF8'")


class _Text(StrDumperUnknown):
    """What senders write with a NUL in it is kept all the same."""

    def dump(self, obj: str) -> Any:
        return super().dump(kept(obj) if "\0" in obj else obj)


class _BinaryText(StrBinaryDumper):
    """The same, in arrays."""

    def dump(self, obj: str) -> Any:
        return super().dump(kept(obj) if "\0" in obj else obj)
