"""Reading one clause: text in, `rules.syntax` out, or one Fault that says what was expected.

lark builds the tree by LALR(1) with a contextual lexer, straight into our own nodes (`rules.building`). Called by
`rules.reading` for every clause that `rules.scanning` found.
"""

from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from lark import Lark, UnexpectedInput

from rules.building_tests import Builder
from rules.surprises import explain

STARTS: Final = (
    "event_names",
    "condition",
    "verification",
    "steps",
    "limits",
    "exceptions",
    "approval",
    "words",
    "repeat",
    "integer",
    "duration",
    "text",
    "yes_no",
    "invocation",
    "parameters",
    "metric",
    "command",
    "undo",
    "given",
    "expectation",
)
MAX_REMEMBERED: Final = 16_384
"""Clauses whose trees are kept, each of at most so many characters."""
MAX_REMEMBERED_CHARACTERS: Final = 500


def read(start: str, text: str) -> Any:
    """Read one clause's body. Raises Fault with offsets into `text`.

    The same clause is read once a process: what is compiled again is what was changed.
    """
    return _remembered(start, text) if len(text) <= MAX_REMEMBERED_CHARACTERS else _read(start, text)


def _read(start: str, text: str) -> Any:
    try:
        return _parser().parse(text, start=start)
    except UnexpectedInput as surprise:
        raise explain(surprise, text) from None


_remembered = lru_cache(maxsize=MAX_REMEMBERED)(_read)


@cache
def _parser() -> Lark:
    grammar = files("rules").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer="contextual",
        start=list(STARTS),
        transformer=Builder(),
        maybe_placeholders=True,
    )
