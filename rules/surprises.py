"""What was expected here, and what was found? From lark's surprise to a sentence. Called by `rules.parsing`."""

import re
from collections.abc import Iterable
from typing import Final

from lark import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from rules.problems import Fault

_OPERATORS: Final = {"COMPARE", "MATCHES", "IN", "SIGN", "SCALE", "DEFAULT", "_AND", "_OR", "_FOR"}
_WORDING: Final = {
    "STRING": "a string in double quotes",
    "QUANTITY": "a number, percentage, duration or size",
    "BOOLEAN": "yes or no",
    "NAME": "a name",
    "LABEL": "a name with a colon",
    "PLACEHOLDER": "`command {parameter}`",
    "EXECUTE": "execute(...)",
    "_EXECUTE": "execute(...)",
    "NOTIFY": "notify(...)",
    "WAIT_UNTIL": "wait until",
    "_STABLE": "stable",
    "_WITHIN": "within",
    "_ELSE": "else",
    "_FROM": "from",
    "_TO": "to",
    "PER": "per",
    "AT_MOST": "at most",
    "OF_SIBLINGS": "of siblings",
    "AT_A_TIME": "at a time",
    "_EQUALS": "`=`",
    "_COMMA": "`,`",
    "_COLON": "`:`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "MATCHES": "`=~`",
    "IN": "in",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "WAY": "skip, wait, ask or summarize",
    "_WHILE_RUNNING": "while running",
    "_AFTER_SUCCESS": "after success",
    "APPROVAL_BY": "approval by",
    "APPROVES": "approves or rejects",
    "TIME": 'time "..."',
    "CALENDAR": 'calendar "..."',
    "CHANGE": 'change "..."',
    "NODE": 'node "..."',
    "ALERT": 'alert "..."',
    "QUERY": 'query("...")',
    "$END": "the end of the clause",
}
_VALUE: Final = {"STRING", "QUANTITY", "NAME", "BOOLEAN"}
_FOUND = re.compile(r'"(?:\\["\\]|[^"\n])*+"?|[A-Za-z_][\w.]*|\d[\w.]*%?|[=!<>]=|=~|!~|\?\?|&&|\|\||.', re.DOTALL)
_ELSEWHERE: Final = {
    "&&": "write AND",
    "||": "write OR",
    "!": "write NOT",
    "=": "write == to compare",
    "%": "`%` is a unit and stands right after its number, as in 95%; there is no modulo",
    "'": 'strings stand in double quotes, as in "web-1"',
    **{word: f"a time is a number with its unit: 1{word[0]}" for word in ("second", "minute", "hour", "day", "week")},
}
_BELOW: Final = "steps stand one below the other, with nothing between them"
_IN_PLACE: Final = (
    # what was found, what would have been right there, the hint
    (re.compile("is|equals|eq"), "COMPARE", "write == to compare"),
    (re.compile("[,;-]"), "WAIT_UNTIL", _BELOW),
    (re.compile("and|then", re.IGNORECASE), "WAIT_UNTIL", _BELOW),
    (re.compile("/"), "STRING", 'a pattern stands in double quotes, as in =~ "web-.*"'),
    (
        re.compile(r"[a-z_]\w*", re.IGNORECASE),
        "WAIT_UNTIL",
        'an action is called by name: execute("restart_service", ...)',
    ),
    (re.compile("for"), "_FROM", "say from when to when, as in: from 0s to 1h"),
)
_TIMES: Final = re.compile("(sec|second|min|minute|hr|hour|day|week)s?", re.IGNORECASE)


def explain(surprise: UnexpectedInput, text: str) -> Fault:
    """The fault in the words of somebody who reads the clause, at offsets into `text`."""
    wanted: set[str] = set()
    offset: int | None = surprise.pos_in_stream
    at_end = False
    if isinstance(surprise, UnexpectedToken):
        wanted = set(surprise.accepts or surprise.expected)
        at_end = surprise.token.type == "$END"
    elif isinstance(surprise, UnexpectedCharacters):
        wanted = set(surprise.allowed or ())
    expected = _expected(wanted, inside=_inside_brackets(text[: offset or 0]))
    if at_end or offset is None or offset >= len(text):
        end = len(_without_comments(text).rstrip())
        open_end = {"hint": "nothing follows the last comma"} if text[:end].endswith(",") else {}
        return Fault("E0101", (end, end + 1), "the clause breaks off here", expected=expected, **open_end)
    match = _FOUND.match(text, offset)
    found = match.group() if match else text[offset]
    span = (offset, offset + len(found))
    if found.startswith('"') and (len(found) == 1 or not found.endswith('"') or found.endswith('\\"')):
        return Fault("E0102", span, "the string is not closed on its line", expected='a closing `"`')
    if found in {"==", "!=", "<", "<=", ">", ">=", "=~", "!~"} and "_AND" in wanted:
        hint = "write a < b AND b < c"
        return Fault("E0111", span, "comparisons do not chain", expected=expected, hint=hint)
    more = {"hint": _ELSEWHERE[found]} if found in _ELSEWHERE else {}
    if expected == _WORDING["STRING"] and re.fullmatch(r"[A-Za-z_][\w.]*", found):
        more = {"hint": f'write "{found}"'}
    if not more:
        more = _hint_in_place(found, wanted, text[:offset])
    return Fault("E0101", span, f"unexpected `{found}`", expected=expected, **more)


def _hint_in_place(found: str, wanted: set[str], before: str) -> dict[str, str]:
    """What people write in this place who come from another language, and what it is called here."""
    if found.startswith('"') and (name := re.search(r"(\w+)\s*$", before)) and wanted & {"LPAR", "_IS", "IS"}:
        return {"hint": f"write {name[1]}({found})"}
    if _TIMES.fullmatch(found) and (number := re.search(r"(\d+)\s*$", before)):
        return {"hint": f"write {number[1]}{found[0].lower()}"}
    for pattern, right, hint in _IN_PLACE:
        if pattern.fullmatch(found) and wanted & {right, f"_{right}"}:
            return {"hint": hint}
    return {}


def _without_comments(text: str) -> str:
    return re.sub(r'("(?:\\["\\]|[^"\n])*+"?)|#[^\n]*', lambda m: m[1] or " " * len(m[0]), text)


def _expected(terminals: Iterable[str], *, inside: bool) -> str:
    left = set(terminals)
    if left >= _VALUE:
        return "a value"
    if len(left & _OPERATORS) > 2:
        return "an operator, `,` or `)`" if inside else "an operator or the end of the clause"
    return " or ".join(sorted({_WORDING.get(terminal, terminal.strip("_").lower()) for terminal in left}))


def _inside_brackets(text: str) -> bool:
    plain = re.sub(r'"(?:\\["\\]|[^"\n])*+"?|#[^\n]*', "", text)
    return sum(plain.count(letter) for letter in "([") > sum(plain.count(letter) for letter in ")]")
