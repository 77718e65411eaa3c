"""Which alerts somebody means: Alertmanager's matchers over label sets.

Settings, topology mappings, silences, routes and API filters are written with them. A label that is missing matches as
the empty string; a regular expression matches the whole value and is run by RE2, so no pattern can take long. Pure.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec
import re2

Operator = Literal["=", "!=", "=~", "!~"]

MAX_TEXT = 4096
"""Characters of one matcher. A longer one is a mistake or an attack."""
MAX_PATTERN_BYTES = 1 << 20
"""Memory that RE2 may use for one compiled pattern, bytes."""
PATTERNS = 1024
"""Compiled patterns kept."""
REMEMBERED = 2048
"""Answers kept per pattern: asking RE2 costs microseconds, remembering a tenth of one."""

_NAME = r'"(?:[^"\\]|\\.)*"|[^\s{}!=~,"\'`\\]+'
_VALUE = r'"(?:[^"\\]|\\.)*"|(?!")[^",{}]*'
_MATCHER = re.compile(rf"\s*({_NAME})\s*(=~|!~|!=|=)\s*({_VALUE})\s*", re.DOTALL)
_ESCAPE = re.compile(r'\\(["\\n])')


class MatcherError(ValueError):
    """A text that is no matcher; the message says what was expected, and where."""


class Matcher(msgspec.Struct, frozen=True):
    """One condition on one label. Build it with `parse_matcher` or `Matcher.of`, which refuse a bad pattern."""

    name: str
    op: Operator
    value: str

    @classmethod
    def of(cls, name: str, value: str, *, is_regex: bool = False, is_equal: bool = True) -> "Matcher":
        """From the fields of Alertmanager's API. Raises MatcherError."""
        op: Operator = ("=~" if is_equal else "!~") if is_regex else ("=" if is_equal else "!=")
        if not name:
            raise MatcherError("a matcher needs the name of a label")
        if is_regex:
            compile_pattern(value)
        return cls(name, op, value)

    @property
    def is_regex(self) -> bool:
        return self.op in ("=~", "!~")

    @property
    def is_equal(self) -> bool:
        return self.op in ("=", "=~")

    def matches(self, value: str) -> bool:
        """Does it hold for a label of this value ("" for a missing label)?"""
        found = _asker(self.value)(value) if self.is_regex else value == self.value
        return found is self.is_equal

    def __str__(self) -> str:
        bare = re.fullmatch(r"[A-Za-z_:][A-Za-z0-9_:]*", self.name)
        return f"{self.name if bare else _quote(self.name)}{self.op}{_quote(self.value)}"


class Matchers:
    """Matchers that must all hold. Immutable; none of them holds for everything."""

    __slots__ = ("_all", "_tests", "names")

    names: frozenset[str]
    """The labels that are read: equal values of these give equal answers."""

    def __init__(self, matchers: Iterable[Matcher] = ()) -> None:
        self._all = tuple(matchers)
        self._tests = tuple((one.name, one.value, one.is_regex, one.is_equal) for one in self._all)
        self.names = frozenset(one.name for one in self._all)

    def matches(self, labels: Mapping[str, str]) -> bool:
        for name, value, is_regex, is_equal in self._tests:
            actual = labels.get(name, "")
            if (_asker(value)(actual) if is_regex else actual == value) is not is_equal:
                return False
        return True

    def __iter__(self) -> Iterator[Matcher]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Matchers) and self._all == other._all

    def __hash__(self) -> int:
        return hash(self._all)

    def __str__(self) -> str:
        return "{" + ", ".join(map(str, self._all)) + "}"

    def __repr__(self) -> str:
        return f"Matchers({self})"


def parse_matcher(text: str) -> Matcher:
    """Read one matcher: `severity="critical"`, `alertname=~".*Down"`, `"any name"!=x`. Raises MatcherError.

    In quotes, `\\"`, `\\\\` and `\\n` are escapes and any other backslash is itself, as Alertmanager has it.
    """
    matcher, end = _parse_at(text, 0)
    if end != len(text):
        raise MatcherError(
            f"{text!r}: expected the end after {str(matcher)!r}, found {text[end:]!r}; one matcher at a time"
        )
    return matcher


def parse_matchers(texts: str | Iterable[str]) -> Matchers:
    """Read matchers that must all hold: a list of texts, or one text `a="b", c!="d"` with or without braces."""
    if not isinstance(texts, str):
        return Matchers(parse_matcher(text) for text in texts)
    inner = texts.strip()
    if inner.startswith("{"):
        if not inner.endswith("}"):
            raise MatcherError(f"{texts!r}: expected a closing brace at the end")
        inner = inner[1:-1]
    found: list[Matcher] = []
    position = 0
    while inner[position:].strip():
        matcher, position = _parse_at(inner, position)
        found.append(matcher)
        if position < len(inner):
            if inner[position] != ",":
                raise MatcherError(f"{texts!r}: expected a comma or the end, found {inner[position:]!r}")
            position += 1
    return Matchers(found)


@functools.lru_cache(maxsize=PATTERNS)
def compile_pattern(pattern: str) -> Any:
    """The pattern by RE2: no look-around, no back references, linear time; `.` matches newlines. Raises MatcherError.

    It takes and gives UTF-8 bytes, which spares re2's translation of offsets: a third of the time.
    """
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.max_mem = MAX_PATTERN_BYTES
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        reason = error.args[0]
        said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise MatcherError(f"{pattern!r} is no regular expression in RE2's syntax: {said}") from None


@functools.lru_cache(maxsize=PATTERNS)
def _asker(pattern: str) -> Callable[[str], bool]:
    """Does the pattern match a whole value? Remembered, because the same few values come again and again."""
    fullmatch = compile_pattern(pattern).fullmatch

    @functools.lru_cache(maxsize=REMEMBERED)
    def ask(value: str) -> bool:
        return fullmatch(value.encode()) is not None

    return ask


def _parse_at(text: str, position: int) -> tuple[Matcher, int]:
    if len(text) > MAX_TEXT:
        raise MatcherError(f"a matcher of {len(text)} characters: at most {MAX_TEXT} are read")
    found = _MATCHER.match(text, position)
    if not found:
        raise MatcherError(f"{text[position:]!r}: {_expected(text[position:])}")
    name, op, value = found.groups()
    matcher = Matcher.of(_unquote(name), _unquote(value.rstrip()), is_regex="~" in op, is_equal=not op.startswith("!"))
    return matcher, found.end()


def _expected(text: str) -> str:
    example = 'write name="value", with one of = != =~ !~ between'
    if text.count('"') % 2:
        return f"a quote is not closed; {example}"
    if not re.search(r"[=~]", text):
        return f"expected an operator; {example}"
    if re.match(r"\s*[=!~]", text):
        return f"expected the name of a label before the operator; {example}"
    return f"expected a matcher; {example}, and a name with other characters in quotes"


def _unquote(text: str) -> str:
    if not text.startswith('"'):
        return text
    return _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], text[1:-1])


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
