"""Where definitions and clauses begin and end, without understanding them.

The colon belongs to the clause's word, and strings, comments and brackets hide what looks like one, so this can be told
before any clause is read. That is what makes one mistake one error: whatever is wrong inside a clause, the next clause
begins where it begins. Called by `rules.compiling`; `rules.parsing` then reads one clause at a time.
"""

import re
from typing import Final

import msgspec

from rules.syntax import Span

RULE_CLAUSES: Final = (
    "on event",
    "when",
    "then",
    "verify",
    "after success",
    "on recovery",
    "otherwise",
    "limit",
    "repeat",
    "approve",
    "except",
    "allow",
    "mode",
    "priority",
    "runbook",
)
ACTION_CLAUSES: Final = (
    "run",
    "fallback",
    "with",
    "accepts",
    "idempotent",
    "destructive",
    "changes",
    "silences",
    "closing",
    "opposing",
    "undo",
    "timeout",
    "hard timeout",
    "observe",
    "shows",
    "fence",
)
TEST_CLAUSES: Final = ("given", "expect")
# Inside an unclosed bracket these words can hardly be the name of an argument.
_UNMISTAKABLE: Final = frozenset(
    {"on event", "when", "then", "verify", "otherwise", "after success", "on recovery", "given", "expect"}
)

_LEXEME = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | (?P<string>"(?:\\["\\]|[^"\n])*+"?)
      | (?P<definition>(?<![\w.])(?:rule|action|test|command)(?=\s*")|(?<![\w.])metric(?=\s+\w+\s*:))
      | (?P<head>(?<![\w.])(?:(?:on|after|hard)\s+)?[a-z_]\w*\s*:)
      | (?P<open>[(\[{])
      | (?P<close>[)\]}])
      | (?P<other>[\w.]+|[^\s\w])""",
    re.VERBOSE | re.IGNORECASE,
)

# Strings and comments hide what looks like a definition; nothing else does, so nothing else is looked at.
_BEGINNING = re.compile(
    r"""\#[^\n]*
      | "(?:\\["\\]|[^"\n])*+"?
      | (?<![\w.])(?P<definition>(?:rule|action|test|command)(?=\s*")|metric(?=\s+\w+\s*:))""",
    re.VERBOSE | re.IGNORECASE,
)


class Clause(msgspec.Struct, frozen=True):
    """One clause: its word in lower case, where the word stands, and where its body does."""

    word: str
    head: Span
    body: Span


class Definition(msgspec.Struct, frozen=True):
    """One definition: rule, nameless, metric, action, command or test; `lead` is the text before its first clause."""

    kind: str
    start: int
    end: int
    lead: Span
    clauses: tuple[Clause, ...]


class Chunk(msgspec.Struct, frozen=True):
    """A stretch of a file that begins where a definition does, and the word it begins with; the first is `nameless`.

    One of a `rule` or a `test` is that one definition; after others the nameless rule may stand.
    """

    kind: str
    start: int
    end: int


class _Open:
    """The definition being read."""

    def __init__(self, kind: str, start: int, lead: int) -> None:
        self.kind = kind
        self.start = start
        self.lead = lead
        self.heads: list[tuple[str, int, int]] = []
        self.last = lead

    def close(self, end: int) -> Definition:
        bounds = [*(head[1] for head in self.heads[1:]), end][: len(self.heads)]
        clauses = tuple(
            Clause(word, (start, body), (body, stop))
            for (word, start, body), stop in zip(self.heads, bounds, strict=True)
        )
        lead_end = self.heads[0][1] if self.heads else end
        return Definition(self.kind, self.start, end, (self.lead, lead_end), clauses)


def split(text: str) -> tuple[Definition, ...]:
    """Cut a file into its definitions and their clauses; text before all of them is a `nameless` with only a lead."""
    return tuple(definition for chunk in cut(text) for definition in split_chunk(text, chunk))


def cut(text: str) -> tuple[Chunk, ...]:
    """Where the definitions of a file begin: the cheap half of `split`."""
    begins = [(lexeme.group().lower(), lexeme.start()) for lexeme in _BEGINNING.finditer(text) if lexeme["definition"]]
    kinds = ["nameless", *(kind for kind, _ in begins)]
    starts = [0, *(start for _, start in begins)]
    return tuple(map(Chunk, kinds, starts, [*starts[1:], len(text)]))


def split_chunk(text: str, chunk: Chunk) -> list[Definition]:
    """The definitions that begin in one chunk of the text."""
    parts, balanced = _walk(text, chunk.start, chunk.end, forgive=False)
    # A bracket that is never closed would hide every clause after it; then the unmistakable words count all the same.
    return parts if balanced else _walk(text, chunk.start, chunk.end, forgive=True)[0]


def _walk(text: str, start: int, end: int, *, forgive: bool) -> tuple[list[Definition], bool]:
    done: list[Definition] = []
    current = _Open("nameless", start, start)
    depth = 0
    named = False
    before = ""
    for lexeme in _LEXEME.finditer(text, start, end):
        group, word = lexeme.lastgroup, lexeme.group()
        if group == "comment":
            continue
        if group == "definition":
            current = _Open(word.lower(), start, lexeme.end())
        elif group == "open":
            depth += 1
        elif group == "close":
            depth = max(0, depth - 1)
        elif group == "head":
            clause = " ".join(word[:-1].split()).lower()
            if forgive and clause in _UNMISTAKABLE:
                depth = 0
            if depth == 0:
                if current.kind == "metric" and not named:
                    named = True
                elif not _is_parameter(current, before):
                    if _leaves(current.kind, clause):
                        done.append(current.close(lexeme.start()))
                        current = _Open("nameless", lexeme.start(), lexeme.start())
                    current.heads.append((clause, lexeme.start(), lexeme.end()))
                    before = "head"
                    continue
        before = word
    done.append(current.close(end))
    return done, depth == 0


def _is_parameter(current: _Open, before: str) -> bool:
    """Whether a word with a colon is a parameter of `with:` and no clause."""
    return (
        current.kind == "action" and bool(current.heads) and current.heads[-1][0] == "with" and before in {"head", ","}
    )


def _leaves(kind: str, clause: str) -> bool:
    """Whether this clause cannot belong to the definition before it, and so begins the nameless rule."""
    return kind in {"metric", "command"} or (kind == "action" and clause == "on event")
