"""One canonical layout for a rule file: same tokens, same comments, same meaning. Called by `healer fmt`.

Works on tokens and not on trees, so that nothing is ever lost: what comes out has the tokens and comments of what went in, in
the same order. Only white space changes, and AND, OR and NOT are written in capitals.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from rules.names import PREFIXES
from rules.problems import Report
from rules.reading import decode, read_file
from rules.scanning import Definition, split

WIDTH: Final = 120
INDENT: Final = "  "
_TOKEN = re.compile(r'#[^\n]*|"(?:\\["\\]|[^"\n])*+"|\d[\w.]*%?|[A-Za-z_][\w.]*|==|!=|<=|>=|=~|!~|\?\?|\S')
_UPPER: Final = frozenset({"and", "or", "not"})
_SPACED: Final = frozenset(
    {"and", "or", "not", "in", "for", "is", "per", "within", "stable", "below", "on", "by", "of", "ssh", "agent"}
)
_SIGNS: Final = frozenset(
    {"==", "!=", "<", "<=", ">", ">=", "=~", "!~", "??", "+", "-", "*", "/", "=", "(", "[", "{", ",", ":", ""}
)
_STEPS: Final = frozenset({"then", "otherwise", "after success", "on recovery"})
_STEP_WORDS: Final = frozenset({"execute", "notify", "wait"})
_ONE_LINERS: Final = frozenset({"metric", "command"})


class _Token(msgspec.Struct, frozen=True):
    """One token or comment: its text, whether it begins its line, and whether an empty line is before it."""

    text: str
    first: bool
    apart: bool

    @property
    def comment(self) -> bool:
        return self.text.startswith("#")


def lay_out(path: str, content: str | bytes) -> tuple[str | None, Report]:
    """The file in its canonical layout; None where it cannot be read, and then the report says why."""
    report = decode(path, content)
    if not report.problems:
        read_file(report)
    if any(problem.severity == "error" for problem in report.problems):
        return None, report
    return _File(report.text).write(), report


def tokens_of(text: str) -> list[str]:
    """Everything but white space, as `lay_out` keeps it: comments without what is behind their last letter."""
    return [_canonical(token.text) for token in _tokens(text, 0, len(text))]


def _canonical(text: str) -> str:
    if text.startswith("#"):
        return text.rstrip()
    return text.upper() if text.lower() in _UPPER else text


def _tokens(text: str, start: int, end: int) -> list[_Token]:
    found = []
    last = start
    for match in _TOKEN.finditer(text, start, end):
        between = text[last : match.start()]
        row = text.rfind("\n", 0, match.start()) + 1
        first = not text[row : match.start()].strip("\ufeff \t\r")
        found.append(
            _Token(match[0].rstrip() if match[0].startswith("#") else match[0], first, between.count("\n") > 1)
        )
        last = match.end()
    return found


class _File:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: list[str] = []

    def write(self) -> str:
        leading: list[_Token] = []
        kind = ""
        for definition in split(self.text):
            leading, kind = self._definition(definition, leading, kind)
        self._comments(leading, "", begin=bool(self.lines))
        return "\n".join(self.lines) + "\n" if self.lines else ""

    def _definition(self, definition: Definition, leading: list[_Token], before: str) -> tuple[list[_Token], str]:
        """Write one definition; what stands behind its last token, on lines of their own, belongs to the next one."""
        start = definition.start
        tokens = _tokens(self.text, start, definition.end)
        own = [number for number, token in enumerate(tokens) if not token.comment]
        if not own:
            return [*leading, *tokens], before
        close = own[-1] + 1
        while close < len(tokens) and not tokens[close].first:
            close += 1
        opening = [*leading, *tokens[: own[0]]]
        word = tokens[own[0]]
        behind = self.text[:start]
        word_apart = word.apart or (own[0] == 0 and behind[len(behind.rstrip()) :].count("\n") > 1)
        one_liner = definition.kind in _ONE_LINERS and before == definition.kind
        if self.lines and (not one_liner or (opening[0].apart if opening else word_apart)):
            self.lines.append("")
        self._comments(opening, "", begin=False)
        if opening and word_apart:
            self.lines.append("")
        indent = "" if definition.kind == "nameless" else INDENT
        heads = {clause.head[0]: clause.word for clause in definition.clauses}
        self._body(definition, heads, indent, self._end_of(start, tokens, close))
        return tokens[close:], definition.kind

    def _end_of(self, start: int, tokens: list[_Token], close: int) -> int:
        """Where in the text the token before `close` ends."""
        end = start
        for number, match in enumerate(_TOKEN.finditer(self.text, start)):
            if number == close:
                break
            end = match.end()
        del tokens
        return end

    def _body(self, definition: Definition, heads: dict[int, str], indent: str, end: int) -> None:
        first = next(match.start() for match in _TOKEN.finditer(self.text, definition.start) if match[0][0] != "#")
        starts = sorted(head for head in heads if head > first or definition.kind == "nameless")
        bounds = [*starts, end]
        if definition.kind != "nameless":
            self._piece(_tokens(self.text, first, bounds[0]), "", INDENT, "")
        for begin, stop in zip(starts, bounds[1:], strict=True):
            word = heads[begin]
            tokens = _tokens(self.text, begin, stop)
            # Comments on lines of their own behind a clause stand before the next one.
            close = max(number for number, token in enumerate(tokens) if not token.comment) + 1
            while close < len(tokens) and not tokens[close].first:
                close += 1
            self._piece(tokens[:close], indent, indent + " " * (len(word) + 2), word)
            self._comments(tokens[close:], indent, begin=False)

    def _comments(self, comments: list[_Token], indent: str, *, begin: bool) -> None:
        for number, comment in enumerate(comments):
            if (begin and number == 0) or (number and comment.apart):
                self.lines.append("")
            self.lines.append(indent + comment.text)

    def _piece(self, tokens: list[_Token], indent: str, hang: str, word: str) -> None:
        """Write one clause, or the head of a definition, over as many lines as it needs."""
        rows = list(_rows(tokens, word))
        for number, row in enumerate(rows):
            lead = indent if number == 0 else hang
            self.lines.extend(_wrap(row, lead, hang))


def _rows(tokens: list[_Token], word: str) -> Iterator[list[_Token]]:
    """Lines that have to be: one for each step, and each comment ends one."""
    row: list[_Token] = []
    depth = 0
    seen = 0
    for token in tokens:
        if token.comment and token.first and row:
            yield row
            row = []
        starts_step = word in _STEPS and depth == 0 and token.text.lower() in _STEP_WORDS
        if starts_step and seen and row:
            yield row
            row = []
        seen += starts_step
        row.append(token)
        depth += (token.text in "([{") - (token.text in ")]}")
        if token.comment:
            yield row
            row = []
    if row:
        yield row


def _wrap(row: list[_Token], lead: str, hang: str) -> list[str]:
    """The row as one line, or, where that is too long, broken before AND and OR, or after commas, outside brackets."""
    whole = lead + _join(row)
    if len(whole) <= WIDTH:
        return [whole]
    parts: list[list[_Token]] = [[]]
    depth = 0
    for token in row:
        if depth == 0 and token.text.lower() in {"and", "or"} and parts[-1]:
            parts.append([])
        parts[-1].append(token)
        depth += (token.text in "([{") - (token.text in ")]}")
        if depth == 0 and token.text == ",":
            parts.append([])
    lines: list[str] = []
    current: list[_Token] = []
    for part in (part for part in parts if part):
        start = lead if not lines else hang
        if current and len(start + _join([*current, *part])) > WIDTH:
            lines.append(start + _join(current))
            current = []
        current = [*current, *part]
    lines.append((lead if not lines else hang) + _join(current))
    return lines


def _join(tokens: list[_Token]) -> str:
    out = ""
    before = earlier = ""
    for token in tokens:
        text = _canonical(token.text)
        if out:
            out += "  " if token.comment else " " if _is_spaced(earlier, before, text) else ""
        out += text
        earlier, before = before, text
    return out


def _is_spaced(earlier: str, before: str, text: str) -> bool:
    """Whether a blank stands between `before` and `text`; `earlier` is what stands before them."""
    if text in {",", ")", "]", "}", ":"} or before in {"(", "[", "{"}:
        return False
    if before in {"-", "+"} and (earlier in _SIGNS or earlier.lower() in _SPACED | {"when", "priority"}):
        return False
    if text == "(":
        return not (before[:1].isalpha() or before[:1] == "_") or before.lower() in _SPACED
    if text == "[" and (before[:1].isalpha() or before[:1] == "_"):
        return before.partition(".")[0] not in PREFIXES
    return True
