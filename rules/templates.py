"""Text with `{{ name }}` in it: where a hole may stand in PromQL, and how a hostile value is written there.

A hole in a query stands inside a quoted PromQL string and nowhere else, so no label can end the string it stands in;
after `=~` and `!~` its value is quoted as a regular expression too. Read by `rules.checking`, filled by
`rules.evaluation`.
"""

import re
from collections.abc import Callable
from typing import Final

from rules.expressions import Hole, Read, Template
from rules.problems import Fault
from rules.syntax import Span

MAX_QUERY_CHARACTERS: Final = 16_384

_HOLE = re.compile(r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}")
_REGEX_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_ESCAPES: Final = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "'": "\\'"}
_TO_ESCAPE = re.compile(r"[\\\x00-\x1f\x7f]")

Resolve = Callable[[str, Span], Read | None]
"""Turns a name and its span into a read, or reports why not and returns None."""


def read_text(text: str, resolve: Resolve) -> Template:
    """A plain text with holes. Raises Fault when a `{{` holds no name."""
    return _read(text, resolve, promql=False)


def read_query(text: str, resolve: Resolve) -> Template:
    """A PromQL text with holes. Raises Fault when a hole stands where its value could not be quoted."""
    if len(text) > MAX_QUERY_CHARACTERS:
        raise Fault("E0108", (0, 1), f"the query is longer than {MAX_QUERY_CHARACTERS} characters")
    if not text.strip():
        raise Fault("E0305", (0, 1), "the query is empty", expected="PromQL")
    return _read(text, resolve, promql=True)


def _read(text: str, resolve: Resolve, *, promql: bool) -> Template:
    parts: list[str | Hole] = []
    place = _Place()
    last = 0
    for found in _HOLE.finditer(text):
        before = text[last : found.start()]
        _no_stray_braces(before, last)
        place.read(before)
        if promql and place.quote not in {"'", '"'}:
            raise Fault(
                "E0307",
                found.span(),
                f"`{found[0]}` stands outside a quoted PromQL string",
                expected="quotes around it",
                hint=f"write '{found[0]}', as in up{{instance='{found[0]}'}}",
            )
        name = resolve(found[1], found.span())
        parts.append(before)
        if name is not None:
            parts.append(Hole(name, place.quote if promql else "", regex=promql and place.regex))
        last = found.end()
    _no_stray_braces(text[last:], last)
    place.read(text[last:])
    if promql and place.quote:
        raise Fault("E0305", (0, len(text)), f"a {place.quote} in the query is never closed")
    return Template(tuple(part for part in [*parts, text[last:]] if part != ""))


def _no_stray_braces(text: str, offset: int) -> None:
    at = text.find("{{")
    if at >= 0:
        span = (offset + at, offset + at + 2)
        raise Fault("E0206", span, "`{{` without a name of this language and `}}`", expected="{{ name }}")


class _Place:
    """Where in a PromQL text we are: inside which quote, if any, and whether a matcher there is a regular expression."""

    def __init__(self) -> None:
        self.quote = ""
        self.regex = False
        self._escaped = False
        self._comment = False
        self._before = ""

    def read(self, text: str) -> None:
        for letter in text:
            if self._comment:
                self._comment = letter != "\n"
            elif self.quote:
                self._inside(letter)
            elif letter in "'\"`":
                self.quote = letter
                self.regex = self._before.endswith(("=~", "!~"))
            elif letter == "#":
                self._comment = True
            elif not letter.isspace():
                self._before = self._before[-1:] + letter

    def _inside(self, letter: str) -> None:
        if self._escaped:
            self._escaped = False
        elif letter == "\\" and self.quote != "`":
            self._escaped = True
        elif letter == self.quote:
            self.quote = ""
            self._before = ""


def quote_regex(value: str) -> str:
    """The value as a regular expression that matches only itself (as Go's QuoteMeta)."""
    return _REGEX_SPECIAL.sub(r"\\\g<0>", value)


def quote_promql(value: str, quote: str) -> str:
    """The value as it stands inside a PromQL string in this quote, `'` or `"`, without the quotes."""
    escaped = _TO_ESCAPE.sub(lambda found: _ESCAPES.get(found[0], f"\\x{ord(found[0]):02x}"), value)
    return escaped.replace(quote, _ESCAPES[quote])


def fill(hole: Hole, value: str) -> str:
    """The value as the hole wants it."""
    if not hole.quote:
        return value
    return quote_promql(quote_regex(value) if hole.regex else value, hole.quote)
