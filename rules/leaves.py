"""From tokens to the leaves of a tree: spans, literals, measures. Used by `rules.building` and what is built on it."""

import re
from typing import Any

import msgspec
from lark import Token

from rules import syntax
from rules.problems import Fault
from rules.syntax import MAX_NESTING, Span, Tree
from rules.units import BadQuantity, Type, read_quantity


def unquote(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text[1:-1])


def span_of(first: Any, last: Any) -> Span:
    start = first.start_pos if isinstance(first, Token) else first.span[0]
    end = last.end_pos if isinstance(last, Token) else last.span[1]
    return int(start or 0), int(end or 0)


def literal(token: Token, *wanted: Type) -> syntax.Literal:
    span = span_of(token, token)
    try:
        kind, value = read_quantity(str(token))
    except BadQuantity as bad:
        raise Fault("E0109", span, str(bad)) from None
    if wanted and kind not in wanted:
        examples = {Type.DURATION: "a duration such as 30s", Type.NUMBER: "a number", Type.PERCENTAGE: "a percentage"}
        expected = " or ".join(examples[kind] for kind in wanted)
        raise Fault("E0109", span, f"{token} is a {kind}", expected=expected)
    return syntax.Literal(span=span, type=kind, value=value)


def micros(token: Token | None) -> int | None:
    return None if token is None else int(literal(token, Type.DURATION).value)


def measure(span: Span, *children: Any) -> dict[str, Any]:
    """Span, depth and size of a node over its children. Raises Fault beyond the limit on nesting."""
    depth = 1 + max((child.depth for child in children), default=0)
    if depth > MAX_NESTING:
        raise Fault(
            "E0108", span, f"nested deeper than {MAX_NESTING}", hint="name a part as a metric, or split the rule"
        )
    return {"span": span, "depth": depth, "size": 1 + sum(child.size for child in children)}


def label_of(label: Token) -> str:
    return label[:-1].rstrip()


def regrouped(inner: Tree, *, depth: int, span: Span) -> Tree:
    return msgspec.structs.replace(inner, depth=depth, span=span)
