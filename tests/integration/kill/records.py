"""What healer had on disk when it was dead: read past healer's own code, with SQLite alone. Used by `world` and `promises`."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from healer.alerts.identity import labels_of
from healer.journey import records

Message = tuple[str, bool]
"""One message: of which incident, and whether it calls somebody who must act; else it is the story that stays current."""


class TellingState(msgspec.Struct, frozen=True):
    """The told ledger: messages that are recorded, and those that somebody may be sending."""

    recorded: frozenset[Message]
    claimed: frozenset[Message]


def telling(database: Path) -> TellingState:
    """The told ledger as the dead process left it."""
    found = _read(database, "SELECT incident, matter, state, message_id FROM told") if _made(database, "told") else []
    return TellingState(
        recorded=frozenset((incident, matter != "") for incident, matter, _, message in found if message),
        claimed=frozenset((incident, matter != "") for incident, matter, state, _ in found if state == "claimed"),
    )


def untold(database: Path) -> int:
    """Rows of the ledger that wait to be told."""
    return len(_read(database, "SELECT 1 FROM told WHERE state != 'told'"))


def accepted(database: Path) -> Iterator[frozenset[tuple[str, str]]]:
    """The labels of every alert in the journal."""
    return delivered(data for (data,) in _read(database, "SELECT data FROM journal ORDER BY position"))


def delivered(journal: Iterable[bytes]) -> Iterator[frozenset[tuple[str, str]]]:
    """The labels of every alert in these rows of a journal."""
    for data in journal:
        record = records.decode(data)
        if isinstance(record, records.Delivered):
            for alert in record.alerts:
                yield frozenset(labels_of(alert.labels).items())


def positions(database: Path) -> list[int]:
    return [position for (position,) in _read(database, "SELECT position FROM journal ORDER BY position")]


def _made(database: Path, table: str) -> bool:
    return database.exists() and bool(_read(database, f"SELECT 1 FROM sqlite_schema WHERE name = '{table}'"))


def _read(database: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()
