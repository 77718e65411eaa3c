"""Calendars: the times that a rule's `except: calendar("NAME")` means. A YAML file with a list of `from` and `to`.

Read when the configuration is, so that a mistake in a calendar is told like any other.
"""

from pathlib import Path
from typing import Any

from healer.alerts.instants import BadTime, read_instant
from healer.documents.document import Document, load_document
from healer.documents.problems import DocumentError, Problem
from healer.times import Micros

MAX_ENTRIES = 10_000
"""Entries of one calendar."""
KEYS = {"from", "to", "why"}


def read_calendar(file: Path) -> tuple[tuple[Micros, Micros], ...]:
    """The entries, in the order of the file. Raises DocumentError with every mistake."""
    document = load_document(file)
    problems: list[Problem] = []
    if not isinstance(document.data, list) or len(document.data) > MAX_ENTRIES:
        message = (
            f"expected a list of at most {MAX_ENTRIES} entries, such as {{from: 2026-02-16T00:00:00+08:00, to: ...}}"
        )
        raise DocumentError([document.problem((), message)])
    entries = [_entry(document, number, said, problems) for number, said in enumerate(document.data)]
    if problems:
        raise DocumentError(problems)
    return tuple(entry for entry in entries if entry is not None)


def _entry(document: Document, number: int, said: Any, problems: list[Problem]) -> tuple[Micros, Micros] | None:
    if not isinstance(said, dict) or not {"from", "to"} <= said.keys() <= KEYS:
        problems.append(document.problem((number,), "expected from, to and perhaps why"))
        return None
    found = []
    for key in ("from", "to"):
        try:
            found.append(read_instant(str(said[key])))
        except BadTime as bad:
            problems.append(document.problem((number, key), str(bad)))
            return None
    if found[1] <= found[0]:
        problems.append(document.problem((number, "to"), "is not after from"))
        return None
    return found[0], found[1]
