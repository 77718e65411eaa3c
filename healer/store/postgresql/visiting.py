"""How a command comes to a PostgreSQL server, and what its refusal means. Called by `healer.store.server`."""

import psycopg
from sqlalchemy.exc import DBAPIError

from healer.store.postgresql.connections import NotDurable, Raw, connect
from healer.store.postgresql.session import PostgresqlSession


class Refused(Exception):
    """The server does not answer, or does not let anybody in: what it said, and what to do."""


def visit(url: str, password: str | None, *, reader: bool) -> PostgresqlSession:
    """A session beside those of healers. Raises Refused."""
    try:
        return PostgresqlSession(lambda: _patient(connect(url, password, reader=reader)))
    except NotDurable as error:
        raise Refused(str(error)) from error
    except (psycopg.Error, DBAPIError) as error:
        said = " ".join(str(error).split())
        raise Refused(f"{said} (look at the address, and at who is let in: store.url, store.password)") from error


def _patient(raw: Raw) -> Raw:
    """A service must not keep others waiting; a command copies whole tables in one transaction, and somebody watches it. The
    server still notices by its keepalives when it is gone."""
    try:
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            raw.execute("SELECT set_config(%s, '0', false)", (limit,))
    except BaseException:
        raw.close()
        raise
    return raw
