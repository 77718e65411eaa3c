"""How commands write: tables and colour on a terminal, plain columns in a pipe. Used by every command.

Labels are other people's text, so nothing that a terminal would obey is ever written.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

SEVERITY = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "blue"}
STATUS = {
    "open": "red",
    "root": "bold red",
    "held": "yellow",
    "member": "magenta",
    "suppressed": "dim",
    "silenced": "dim",
    "resolved": "green",
    "succeeded": "green",
    "failed": "red",
    "not_verified": "red",
    "unknown": "yellow",
}
"""The colours of words, where there is colour."""


class Output:
    """What a command says. Its own words go to `stream`; where it connects and what it waits for, to `errors`."""

    def __init__(self, stream: TextIO | None = None, errors: TextIO | None = None) -> None:
        self.console = _console(stream or sys.stdout)
        self.errors = _console(errors or sys.stderr)

    @property
    def pretty(self) -> bool:
        return self.console.is_terminal

    def line(self, text: str = "", style: str = "") -> None:
        self.console.print(Text(showable(text), style=style))

    def aside(self, text: str) -> None:
        """A remark that is no result: it does not get into what is piped."""
        self.errors.print(Text(showable(text), style="dim"))

    def json(self, value: Any) -> None:
        """For programs: JSON and nothing else."""
        self.console.file.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")

    def heading(self, text: str) -> None:
        self.line()
        self.line(text, "bold")

    def facts(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Names and values below one another; a value that is empty is left out."""
        shown = [(name, str(value)) for name, value in pairs if value not in (None, "")]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            text = Text(f"  {name:<{width}}  ", style="dim")
            self.console.print(text.append(showable(value), style=_colour(value) or "not dim"))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
        """Rows under a heading; without any the sentence `empty`."""
        texts = [["" if value is None else showable(str(value), one_line=True) for value in row] for row in rows]
        if not texts:
            self.line(empty)
        elif self.pretty:
            self._table(columns, texts)
        else:
            self._columns([list(columns), *texts])

    def _table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for index, column in enumerate(columns):
            number = all(row[index].isdigit() for row in rows)
            whole = max(len(row[index]) for row in rows) <= WHOLE
            table.add_column(column, justify="right" if number else "left", no_wrap=whole, overflow="fold")
        for row in rows:
            table.add_row(*(Text(value, style=_colour(value)) for value in row))
        self.console.print(table)

    def _columns(self, rows: Sequence[Sequence[str]]) -> None:
        widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
        for row in rows:
            padded = [f"{value:<{width}}" for value, width in zip(row, widths, strict=True)]
            self.console.file.write("  ".join(padded).rstrip() + "\n")


WHOLE = 26
"""Characters up to which a column is never broken into lines."""


def showable(text: str, *, one_line: bool = False) -> str:
    """The text without anything that moves a cursor or changes a colour."""
    keep = "" if one_line else "\n"
    return "".join(letter if letter.isprintable() or letter in keep else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _colour(value: str) -> str:
    return SEVERITY.get(value) or STATUS.get(value) or ""


def _console(stream: TextIO) -> Console:
    return Console(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=not stream.isatty())
