"""Which series does an expression read? Asked so that the time of their samples can be found out. Pure.

Prometheus stamps the result of an expression with the time of asking, and only of a plain selector does `timestamp()` tell
when the sample was taken. So the selectors are picked out of the text, each with its offset, and without its range.
"""

import re

_TOKEN = re.compile(
    r"""
    (?P<blank>\s+|\#[^\n]*)
  | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
  | (?P<number>(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)(?:[a-z]+\d*)*)
  | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
  | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_KEYWORDS = frozenset({"and", "or", "unless", "atan2", "bool", "offset", "inf", "nan", "start", "end"})
_LABELS_FOLLOW = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_AGGREGATED = frozenset({"(", "by", "without"})
"""What follows a function or an aggregation."""
_Token = tuple[str, str]


def selectors(expression: str) -> tuple[str, ...]:
    """The vector selectors in a PromQL expression, each once, in order; a text that is no PromQL gives anything."""
    tokens = [(str(found.lastgroup), found[0]) for found in _TOKEN.finditer(expression) if found.lastgroup != "blank"]
    found: dict[str, None] = {}
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        if kind == "name" and text.lower() in _LABELS_FOLLOW:
            at = _behind(tokens, at + 1, "(", ")") if following == "(" else at + 1
        elif text == "[":
            at = _behind(tokens, at, "[", "]")
        elif text == "{" or (kind == "name" and text.lower() not in _KEYWORDS and following.lower() not in _AGGREGATED):
            end = at if text == "{" else at + 1
            if end < len(tokens) and tokens[end][1] == "{":
                end = _behind(tokens, end, "{", "}")
            selector = "".join(each for _, each in tokens[at:end])
            at = _behind(tokens, end, "[", "]") if end < len(tokens) and tokens[end][1] == "[" else end
            modifiers, at = _modifiers(tokens, at)
            found[selector + modifiers] = None
        else:
            at += 1
    return tuple(found)


def _behind(tokens: list[_Token], at: int, opening: str, closing: str) -> int:
    """The place after the bracket that closes the one at `at`."""
    depth = 0
    while at < len(tokens):
        depth += (tokens[at][1] == opening) - (tokens[at][1] == closing)
        at += 1
        if not depth:
            break
    return at


def _modifiers(tokens: list[_Token], at: int) -> tuple[str, int]:
    """`offset 5m` and `@ 1700000000` after a selector, and the place behind them."""
    written = ""
    while at < len(tokens) and tokens[at][1].lower() in ("offset", "@"):
        end = at + 1
        while end < len(tokens) and tokens[end][1] in ("-", "+"):
            end += 1
        end += 1
        if end < len(tokens) and tokens[end][1] == "(":
            end = _behind(tokens, end, "(", ")")
        written += " " + " ".join(text for _, text in tokens[at:end])
        at = end
    return written, at
