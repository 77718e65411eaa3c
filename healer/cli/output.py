"""How commands write: tables and colour on a terminal, plain columns in a pipe. Used by every command.

Labels are other people's text, so nothing that a terminal would obey is ever written.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import msgspec
from rich.console import Console
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
            text = Text().append(f"  {name:<{width}}  ", "dim")
            self._write(text.append(showable(value), _colour(value)), hang=width + 4)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
        """Rows under a heading, the last column free to run over lines; without any row the sentence `empty`."""
        texts = [["" if value is None else showable(str(value), one_line=True) for value in row] for row in rows]
        if not texts:
            self.line(empty)
            return
        grid = [list(columns), *texts]
        widths = [max(len(row[index]) for row in grid) for index in range(len(columns) - 1)]
        before = sum(widths) + GAP * len(widths)
        beneath = self.pretty and self.console.width - before < min(NARROW, max(len(row[-1]) for row in texts))
        for row in grid:
            self._row(row, widths, heading=row is grid[0], beneath=beneath)

    def _row(self, row: Sequence[str], widths: Sequence[int], *, heading: bool, beneath: bool) -> None:
        text = Text()
        for value, width in zip(row, widths, strict=False):
            text.append(f"{value:<{width + GAP}}", "bold" if heading else _colour(value))
        if not beneath:
            text.append(row[-1], "bold" if heading else _colour(row[-1]))
        text.rstrip()
        self._write(text, hang=sum(widths) + GAP * len(widths))
        if beneath and row[-1] and not heading:
            self._write(Text(" " * INDENT + row[-1], "dim"), hang=INDENT)

    def _write(self, text: Text, hang: int) -> None:
        """Print; what does not fit on a terminal goes on below, `hang` columns in."""
        if not self.pretty or text.cell_len <= self.console.width or hang >= self.console.width - NARROW // 2:
            self.console.print(text, soft_wrap=True)
            return
        first, *rest = text.wrap(self.console, self.console.width)
        self.console.print(first, soft_wrap=True)
        room = self.console.width - hang
        for line in Text(" ").join(rest).wrap(self.console, room):
            self.console.print(Text(" " * hang).append_text(line), soft_wrap=True)


GAP = 2
"""Blanks between columns."""
INDENT = 4
"""Blanks before what a row goes on with beneath."""
NARROW = 24
"""Characters that the last column needs at least to stand beside the others."""


def showable(text: str, *, one_line: bool = False) -> str:
    """The text without anything that moves a cursor or changes a colour."""
    keep = "" if one_line else "\n"
    return "".join(letter if letter.isprintable() or letter in keep else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _colour(value: str) -> str:
    return SEVERITY.get(value) or STATUS.get(value) or ""


def _console(stream: TextIO) -> Console:
    return Console(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=not stream.isatty())
