"""A session on a PostgreSQL server for whoever is no service: commands that read beside a running healer, or fill a new store.

psycopg is asked for where it is used: a healer on SQLite does without it. Used by `healer.store.past` and `.backups`.
"""

from healer.store.opening import CannotOpen
from healer.store.session import Session
from healer.store.settings import Store as Place


def session(place: Place, *, reader: bool) -> Session:
    """A reader sees what is committed, changes nothing and keeps nobody waiting; a writer keeps all others waiting while it has
    begun. Raises CannotOpen."""
    try:
        from healer.store.postgresql import visiting
    except ImportError as error:
        way_out = "pip install 'healer-oncall[postgresql]'"
        raise CannotOpen(f"{place.url}: psycopg is missing ({error}): {way_out}") from error
    password = place.password.reveal() if place.password is not None else None
    try:
        return visiting.visit(place.url, password, reader=reader)
    except visiting.Refused as error:
        raise CannotOpen(f"{place.url}: {error}") from error
