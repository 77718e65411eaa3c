"""How a store on a PostgreSQL server is opened: who is let in, and which schema it has. Called by `healer.store.opening`."""

import psycopg
from sqlalchemy.exc import DBAPIError

from healer.seams import Clock
from healer.store.migrations import prepare
from healer.store.postgresql.session import PostgresqlDatabase
from healer.store.run import ThreadRun

PATIENCE_S = 10.0
"""Seconds that a caller waits for the server: a sender gets its 503 while it still waits, and comes again."""


class Refused(Exception):
    """The server, or what it said."""


def open_run(url: str, password: str | None, clock: Clock, installation: str, name: str = "") -> tuple[ThreadRun, str]:
    """A run on the server, and the installation's id; under a `name` beside others. Raises Refused, and SchemaRefused."""
    database = PostgresqlDatabase(url, password, name=name)
    try:
        session = database.writer()
        try:
            # A new version may have much to change before anybody else works here.
            session.execute("SET statement_timeout = 0")
            session.execute("SET idle_in_transaction_session_timeout = 0")
            found = prepare(session, installation)
        finally:
            session.close()
        return ThreadRun(database, clock, patience_s=PATIENCE_S), found
    except (psycopg.Error, DBAPIError) as error:
        raise Refused(" ".join(str(error).split())) from error
