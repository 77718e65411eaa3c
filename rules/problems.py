"""What is wrong with a rule file, and where: the compiler's only way to say no.

Every stage of the compiler writes into one `Report` per file, so that all mistakes of all files come out in one go.
Codes are stable: people search for them, and docs/rule-language.md lists them from `CODES`.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final, Literal

import msgspec

MAX_PROBLEMS_PER_FILE: Final = 100
MAX_SHOWN_CHARACTERS: Final = 200
MAX_MESSAGE_CHARACTERS: Final = 500

CODES: Final[Mapping[str, str]] = {
    "E0101": "the text is not what the grammar expects here",
    "E0102": "a string is not closed on its line",
    "E0103": "the file is not UTF-8 text",
    "E0104": "no such clause in this kind of definition",
    "E0105": "a clause is written twice",
    "E0106": "a clause is missing",
    "E0107": "a file holds one nameless rule, or named ones",
    "E0108": "a limit of the language is exceeded (1 MB a file, nesting 64, 10,000 nodes a rule, 100 problems a file)",
    "E0109": "a number, percentage, duration or byte size is malformed",
    "E0110": "a name is defined twice",
    "E0111": "comparisons do not chain",
    "E0201": "an unknown name",
    "E0202": "an unknown function",
    "E0203": "an unknown action",
    "E0204": "an unknown command",
    "E0205": "an unknown kind of node",
    "E0206": "a `{{ ... }}` does not hold a name that can be written there",
    "E0207": "an unknown type or unit",
    "E0208": "an unknown channel",
    "E0209": "an unknown calendar",
    "E0210": "the folder of the rule may not use this action",
    "E0301": "values of these types do not compare",
    "E0302": "a percentage is compared with a bare number",
    "E0303": "a condition is needed, and this is none",
    "E0304": "arithmetic on these types has no meaning",
    "E0305": "a function is called with the wrong arguments",
    "E0306": "a regular expression that RE2 does not accept",
    "E0307": "a `{{ ... }}` in a query stands outside a quoted PromQL string",
    "E0401": "an unknown parameter",
    "E0402": "a parameter is missing",
    "E0403": "a parameter has the wrong type",
    "E0404": "a value breaks its parameter's pattern or limits",
    "E0405": "the action does not accept this kind of node",
    "E0406": "an action's declaration contradicts itself",
    "E0501": "`verify: resolved` alone, although the action can silence the alert's own source",
    "E0502": "a verification that proves nothing",
    "E0503": "a clause holds a value that it cannot have",
    "E0504": "a rule of mode auto uses a target that cannot refuse an older holder",
    "E0505": "the folder of the rule may not go to this mode",
    "E0506": "two rules that act do opposing things to the same node",
    "E0507": "a window of the week is malformed",
    "E0508": "a test that cannot be run as it stands",
    "E0601": "a clause or form that this installation cannot carry out",
    "E0602": "a name or function that this installation cannot carry out",
    "W0201": "the metric comes from a node that this event says is gone, so it is unknown then",
    "W0202": "a comparison with a label that may be missing, without a default",
    "W0203": "two rules with the same priority listen to the same event; the file order decides",
    "W0204": "a destructive action on defaults alone",
    "W0205": "a condition that can never hold",
    "W0206": "a definition replaces one that ships with healer",
    "W0207": "a destructive action that nobody is asked about",
    "W0208": "an approval that is never asked for",
    "W0209": "a test whose alerts no rule listens to",
    "W0210": "a test that expects what its rules cannot do",
    "W0211": "a limit that can never hold, because another one holds first",
}

_NEWLINE: Final = re.compile("\n")


class Source(msgspec.Struct, frozen=True):
    """One rule file: the path as people know it, and its text (bytes are decoded as UTF-8)."""

    path: str
    text: str | bytes


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake at one place. Lines and columns count from 1, columns in characters; `length` is the caret's."""

    severity: Literal["error", "warning"]
    code: str
    path: str
    line: int
    column: int
    message: str
    source: str
    length: int = 1
    expected: str | None = None
    hint: str | None = None


class Note(msgspec.Struct, frozen=True, array_like=True):
    """A problem before it has its place: offsets into a text that may stand anywhere in a file."""

    severity: Literal["error", "warning"]
    code: str
    span: tuple[int, int]
    message: str
    more: dict[str, str]


def format_problem(problem: Problem) -> str:
    """The problem as a compiler prints it: place, code and message, the line with a caret, expected, hint."""
    # Of a very long line the part around the mistake is shown, and nothing is printed that a terminal would obey.
    cut = max(0, problem.column - 1 - MAX_SHOWN_CHARACTERS // 2)
    row = problem.source[cut : cut + MAX_SHOWN_CHARACTERS]
    row = "\t".join(_tame(part) for part in row.split("\t"))
    column = problem.column - 1 - cut
    # Tabs keep their width under the caret only if the caret line repeats them.
    lead = "".join("\t" if letter == "\t" else " " for letter in row[:column])
    carets = "^" * max(1, min(problem.length, len(row) - column))
    lines = [
        f"{problem.path}:{problem.line}:{problem.column}: {problem.severity}[{problem.code}]: {problem.message}",
        f"    {row}",
        f"    {lead}{carets}",
    ]
    if problem.expected:
        lines.append(f"  expected: {problem.expected}")
    if problem.hint:
        lines.append(f"  hint: {problem.hint}")
    return "\n".join(lines)


class Fault(Exception):
    """A mistake found while a clause is being read, at offsets into that clause's text."""

    def __init__(self, code: str, span: tuple[int, int], message: str, **more: str) -> None:
        super().__init__(message)
        self.code, self.span, self.message, self.more = code, span, message, more


class Report:
    """The problems of one file, written by every stage of the compiler in turn.

    Of a part of a file, `first_line` is the line on which it begins; its notes are then told to the file's own report.
    """

    def __init__(self, path: str, text: str, first_line: int = 1) -> None:
        self.path = path
        self.text = text
        self.first_line = first_line
        self.problems: list[Problem] = []
        self.notes: list[Note] = []
        self.errors = 0
        """How many errors there are so far."""
        self._starts: list[int] | None = None

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of a character offset into the file."""
        if self._starts is None:
            self._starts = [0, *(newline.end() for newline in _NEWLINE.finditer(self.text))]
        line = bisect_right(self._starts, offset)
        return line + self.first_line - 1, offset - self._starts[line - 1] + 1

    def error(self, code: str, span: tuple[int, int], message: str, **more: str) -> None:
        """Note an error at absolute offsets; `more` is `expected` and `hint`."""
        self._add("error", code, span, message, more)

    def warn(self, code: str, span: tuple[int, int], message: str, **more: str) -> None:
        """Note a warning: the file compiles, and probably does not do what was meant."""
        self._add("warning", code, span, message, more)

    def repeat(self, notes: Iterable[Note], start: int) -> None:
        """Note what was noted about the part of this text that begins at `start`."""
        for note in notes:
            self._add(note.severity, note.code, (note.span[0] + start, note.span[1] + start), note.message, note.more)

    def _add(
        self,
        severity: Literal["error", "warning"],
        code: str,
        span: tuple[int, int],
        message: str,
        more: dict[str, str],
    ) -> None:
        assert code in CODES, code
        if len(self.problems) > MAX_PROBLEMS_PER_FILE:
            return
        if len(self.problems) == MAX_PROBLEMS_PER_FILE:
            severity, code, more = "error", "E0108", {}
            message = f"more than {MAX_PROBLEMS_PER_FILE} problems in this file; mend these first"
        self.errors += severity == "error"
        line, column = self.place(span[0])
        number = line - self.first_line
        row = self.text.split("\n", number + 1)[number].rstrip("\r") if self.text else ""
        self.notes.append(Note(severity, code, span, message, more))
        self.problems.append(
            Problem(
                severity=severity,
                code=code,
                path=self.path,
                line=line,
                column=column,
                message=_tame(message),
                source=row,
                length=max(1, span[1] - span[0]),
                expected=_tame(more["expected"]) if "expected" in more else None,
                hint=_tame(more["hint"]) if "hint" in more else None,
            )
        )


def _tame(text: str) -> str:
    """The text without what a terminal would obey, and no longer than somebody reads."""
    cut = text if len(text) <= MAX_MESSAGE_CHARACTERS else text[: MAX_MESSAGE_CHARACTERS - 3] + "..."
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in cut)


def did_you_mean(word: str, known: Iterable[str]) -> dict[str, str]:
    """`{"hint": ...}` with the nearest of the known words, or nothing when none is near."""
    names = sorted(set(known))
    near = get_close_matches(word, names, n=3, cutoff=0.6) or get_close_matches(word.lower(), names, n=3, cutoff=0.6)
    if not near and "_" in word:  # made of words, some of which are right
        near = [name for name in names if set(name.split("_")) & set(word.lower().split("_"))][:3]
    if not near:
        return {}
    return {"hint": "did you mean " + " or ".join(f"`{name}`" for name in near) + "?"}
