"""A whole file read: its definitions, each with its clauses as trees. Mistakes of form go to the report here.

Called by `rules.compiling`, which afterwards asks what it all means.
"""

import re
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from rules.parsing import read
from rules.problems import Fault, Report, did_you_mean
from rules.scanning import ACTION_CLAUSES, RULE_CLAUSES, TEST_CLAUSES, Clause, Definition, cut, split, split_chunk
from rules.syntax import MAX_NODES_PER_RULE, Span

MAX_FILE_BYTES: Final = 1_000_000
MAX_NAME_CHARACTERS: Final = 200

START_OF: Final = {
    "on event": "event_names",
    "when": "condition",
    "then": "steps",
    "verify": "verification",
    "after success": "steps",
    "on recovery": "steps",
    "otherwise": "steps",
    "limit": "limits",
    "repeat": "repeat",
    "approve": "approval",
    "except": "exceptions",
    "allow": "words",
    "mode": "words",
    "priority": "integer",
    "runbook": "text",
    "run": "invocation",
    "fallback": "invocation",
    "with": "parameters",
    "accepts": "words",
    "idempotent": "yes_no",
    "destructive": "yes_no",
    "changes": "words",
    "silences": "words",
    "closing": "yes_no",
    "opposing": "text",
    "undo": "undo",
    "timeout": "duration",
    "hard timeout": "duration",
    "observe": "invocation",
    "shows": "words",
    "fence": "words",
    "given": "given",
    "expect": "expectation",
}
_HEAD = re.compile(r'\s*"((?:\\["\\]|[^"\n])*+)"')
_FIRST = re.compile(r"[^\s#]\S*")


class Written(msgspec.Struct, frozen=True):
    """One clause as it was read: the tree, the text it came from, and where that stands in the file."""

    word: str
    head: Span
    tree: Any
    text: str
    base: int

    def place(self, span: Span) -> Span:
        """A span of the tree as a span of the file."""
        return span[0] + self.base, span[1] + self.base


class Draft(msgspec.Struct, frozen=True):
    """One definition as it was read. `sound` is whether every clause could be; others are compiled for their errors."""

    kind: str
    name: str
    name_span: Span
    text: str
    clauses: dict[str, Written]
    sound: bool
    tree: Any = None
    base: int = 0


def decode(path: str, content: str | bytes) -> Report:
    """The text of a file with a report on it; content that is too large or not UTF-8 is reported and left out."""
    size = len(content) if isinstance(content, bytes) else len(content.encode("utf-8", "surrogatepass"))
    if size > MAX_FILE_BYTES:
        report = Report(path, "")
        report.error("E0108", (0, 1), f"the file has {size} bytes, more than {MAX_FILE_BYTES}", hint="split it")
        return report
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.encode().decode("utf-8-sig")
    except UnicodeError as bad:
        report = Report(path, "")
        where = f" at byte {bad.start}" if isinstance(bad, UnicodeDecodeError | UnicodeEncodeError) else ""
        report.error("E0103", (0, 1), f"the file is not UTF-8 text{where}", expected="UTF-8")
        return report
    return Report(path, text)


class Part(msgspec.Struct, frozen=True):
    """A rule or a test as it stands in its file, not read yet: `kind` is rule, nameless or test, `start` its offset."""

    kind: str
    start: int
    text: str


def take_apart(report: Report) -> tuple[list[Draft], list[Part]]:
    """A file's metrics, commands and actions, read, and its rules and tests, which are read with what these define."""
    drafts: list[Draft] = []
    parts: list[Part] = []
    text = report.text
    for chunk in cut(text):
        if chunk.kind in {"rule", "test"}:
            parts.append(Part(chunk.kind, chunk.start, text[chunk.start : chunk.end]))
            continue
        for definition in split_chunk(text, chunk):
            if definition.kind == "nameless" and definition.clauses:
                parts.append(Part("nameless", definition.start, text[definition.start : definition.end]))
            elif draft := _read_definition(report, definition):
                drafts.append(draft)
    return drafts, parts


def read_part(report: Report) -> Draft:
    """The one definition of a report on a part."""
    (draft,) = filter(None, (_read_definition(report, definition) for definition in split(report.text)))
    return draft


def read_file(report: Report) -> list[Draft]:
    """The definitions of one file, in order. Mistakes of form are in the report; the rest is read all the same."""
    drafts = []
    for definition in split(report.text):
        draft = _read_definition(report, definition)
        if draft is not None:
            drafts.append(draft)
    return drafts


def _read_definition(report: Report, definition: Definition) -> Draft | None:
    if definition.kind == "nameless" and not definition.clauses:
        _refuse_stray(report, definition.lead, "a rule, metric, action, command or clause")
        return None
    text = report.text[definition.start : definition.end]
    if definition.kind in {"metric", "command"}:
        tree = _read_tree(report, definition.kind, (definition.lead[0], definition.end))
        where = (definition.start, definition.start + len(definition.kind))
        return Draft(definition.kind, "", where, text, {}, tree is not None, tree, definition.lead[0])
    errors = report.errors
    name, name_span = _read_name(report, definition)
    if definition.kind == "test":
        lines = _read_lines(report, definition)
        return Draft("test", name, name_span, text, {}, report.errors == errors, lines, definition.start)
    clauses = _read_clauses(report, definition)
    size = sum(clause.tree.size for clause in clauses.values() if hasattr(clause.tree, "size"))
    if size > MAX_NODES_PER_RULE:
        report.error("E0108", name_span, f"{size} nodes in one definition, more than {MAX_NODES_PER_RULE}")
    return Draft(definition.kind, name, name_span, text, clauses, report.errors == errors)


def _read_name(report: Report, definition: Definition) -> tuple[str, Span]:
    if definition.kind == "nameless":
        _refuse_stray(report, definition.lead, "a clause")
        stem = re.split(r"[/\\]", report.path)[-1].removesuffix(".heal")
        first = definition.clauses[0].head
        return stem, first
    start, end = definition.lead
    found = _HEAD.match(report.text, start, end)
    if not found:
        row = report.text.find("\n", start, end)
        report.error("E0102", (start, row if row >= 0 else end), "the name is not closed on its line", expected='`"`')
        return "", (start, start + 1)
    name = re.sub(r'\\(["\\])', r"\1", found[1])
    span = found.span(1)[0] - 1, found.end()
    if not name.strip() or len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        message = f"a name has 1 to {MAX_NAME_CHARACTERS} characters that can be printed"
        report.error("E0503", span, message)
    _refuse_stray(report, (found.end(), end), "a clause")
    return name, span


def _refuse_stray(report: Report, area: Span, expected: str) -> None:
    for row in re.finditer(r"[^\n]+", report.text[area[0] : area[1]]):
        found = _FIRST.search(row[0].split("#", 1)[0])
        if found:
            start = area[0] + row.start() + found.start()
            report.error("E0101", (start, start + len(found[0])), f"unexpected `{found[0]}`", expected=expected)
            return


def _read_clauses(report: Report, definition: Definition) -> dict[str, Written]:
    known = ACTION_CLAUSES if definition.kind == "action" else RULE_CLAUSES
    what = "an action" if definition.kind == "action" else "a rule"
    clauses: dict[str, Written] = {}
    for clause in definition.clauses:
        head = clause.head[0], clause.head[1]
        if clause.word not in known:
            elsewhere = clause.word in {*RULE_CLAUSES, *ACTION_CLAUSES, *TEST_CLAUSES}
            said = _SAID.get(clause.word, clause.word) if definition.kind != "action" else clause.word
            more = (
                {"hint": _whose(clause.word)}
                if elsewhere
                else did_you_mean(said, known if said == clause.word else [said])
            )
            report.error("E0104", head, f"{what} has no clause `{clause.word}:`", **more)
            meant = [] if elsewhere else get_close_matches(said, set(known) - clauses.keys(), 1)
            for word in meant:  # so that it is not missing too
                clauses[word] = Written(word, head, None, "", clause.body[0])
            continue
        if clause.word in clauses:
            line = report.place(clauses[clause.word].head[0])[0]
            report.error("E0105", head, f"`{clause.word}:` is written twice; first on line {line}")
            continue
        clauses[clause.word] = _read_clause(report, clause)
    return clauses


_SAID: Final = {
    **dict.fromkeys(("if", "where", "condition", "expr"), "when"),
    **dict.fromkeys(("do", "run", "steps", "actions", "remediation"), "then"),
    **dict.fromkeys(("on", "alert", "alerts", "event", "trigger"), "on event"),
    **dict.fromkeys(("else", "on failure", "fallback"), "otherwise"),
    "unless": "except",
    "check": "verify",
}
"""Clauses by what other languages call them."""


def _whose(word: str) -> str:
    whose = "an action" if word in ACTION_CLAUSES else "a test" if word in TEST_CLAUSES else "a rule"
    return f"`{word}:` belongs to {whose}"


def _read_lines(report: Report, definition: Definition) -> tuple[Written, ...]:
    """The clauses of a test, in order; each may stand any number of times."""
    lines = []
    for clause in definition.clauses:
        if clause.word not in TEST_CLAUSES:
            elsewhere = clause.word in {*RULE_CLAUSES, *ACTION_CLAUSES}
            known = {"hint": _whose(clause.word)} if elsewhere else did_you_mean(clause.word, TEST_CLAUSES)
            report.error("E0104", clause.head, f"a test has no clause `{clause.word}:`", **known)
            continue
        lines.append(_read_clause(report, clause))
    return tuple(lines)


def _read_clause(report: Report, clause: Clause) -> Written:
    text = report.text[clause.body[0] : clause.body[1]]
    tree = _read_tree(report, START_OF[clause.word], clause.body)
    return Written(clause.word, clause.head, tree, text, clause.body[0])


def _read_tree(report: Report, start: str, body: Span) -> Any:
    try:
        return read(start, report.text[body[0] : body[1]])
    except Fault as fault:
        span = fault.span[0] + body[0], fault.span[1] + body[0]
        report.error(fault.code, span, fault.message, **fault.more)
        return None
