"""What could stand here, and what does this word mean? For editors: text and a place in it, words out. Pure.

Works on text that may be half written: `rules.scanning` says in which clause a place is, whatever is wrong there. Served by
`healer lsp`.
"""

import re
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from rules import manual
from rules.names import FUNCTIONS, NAMES, PREFIXES
from rules.ruleset import MODES, RuleSet
from rules.scanning import ACTION_CLAUSES, RULE_CLAUSES, TEST_CLAUSES, split

Kind = Literal["clause", "name", "function", "metric", "action", "parameter", "value", "keyword"]
MAX_OFFERED: Final = 200
"""Words that are offered at one place."""
_STEPS: Final = frozenset({"then", "otherwise", "after success", "on recovery"})
_CONDITIONS: Final = frozenset({"when", "verify", "except"})
_CALLED: Final = re.compile(r'\b(?:execute|notify)\s*\(\s*"([^"\n]*)"[^()]*$')
_OPENED: Final = re.compile(r'\b(execute|undo|opposing|notify|calendar)\s*(?:\(|:|)\s*"([^"\n]*)$')
_COVERED: Final = re.compile(r"[\w.]")
_ALONE: Final = frozenset({"rule", "action", "test", "metric", "command"})
_LINES: Final = {
    "given": {
        "node": 'node "host/a" {instance: "a"} below "rack/r1"',
        "alert": 'alert "Name" {node: "host/a", severity: "critical"} from 0s to 1h',
        "query": 'query("PromQL") is 0, 1 after 4m',
        "execute": 'execute("reboot_node") on "host/a" fails',
        "calendar": 'calendar "freeze" is free',
        "change": 'change "acme/shop" {state: "running"} on "workload/shop" from 5m',
        "time": 'time "2026-01-07T10:00:00+08:00"',
    },
    "expect": {
        "execute": 'execute("x", parameter: value) on "host/a" by "rule"',
        "suggested": 'suggested execute("x")',
        "no": 'no execute("x")',
        "nothing": "nothing was run, suggested, asked or told",
        "approval by": 'approval by "sre"',
        "notify": 'notify("oncall")',
        "outcome": "outcome succeeded",
    },
}
"""What the lines of a test begin with, each with an example."""


class Offer(msgspec.Struct, frozen=True):
    """One word that could stand here: what is put in, and what it means."""

    word: str
    kind: Kind
    detail: str = ""


class Place(msgspec.Struct, frozen=True):
    """Where in a file one is: in which kind of definition, in which clause ("" before its first), what stands before."""

    kind: str
    clause: str
    before: str


def place_of(text: str, offset: int) -> Place:
    """The place at a character offset."""
    definition = next((each for each in reversed(split(text)) if each.start <= offset), None)
    if definition is None:
        return Place("nameless", "", text[:offset])
    if definition.kind in {"metric", "command"}:
        return Place(definition.kind, definition.kind, text[definition.start : offset])
    for clause in reversed(definition.clauses):
        if clause.body[0] <= offset:
            return Place(definition.kind, clause.word, text[clause.body[0] : offset])
    return Place(definition.kind, "", text[definition.start : offset])


def complete(
    text: str, offset: int, known: RuleSet, channels: Iterable[str] = (), calendars: Iterable[str] = ()
) -> list[Offer]:
    """What could stand at a place, given all that is defined; the client narrows it down by what is typed."""
    place = place_of(text, offset)
    opened = _OPENED.search(place.before)
    if opened:
        named = {"notify": channels, "calendar": calendars}.get(opened[1])
        return _actions(known) if named is None else [Offer(name, "value") for name in sorted(named)]
    offered: list[Offer] = []
    row = text[text.rfind("\n", 0, offset) + 1 : offset]
    if not row.strip() or re.fullmatch(r"\s*[a-z ]*", row, re.IGNORECASE):
        offered += _clauses(place.kind)
    if called := _CALLED.search(place.before):
        offered += _parameters(called[1], known)
    if place.clause in _CONDITIONS or place.clause in _STEPS or place.kind == "metric" or called:
        offered += _words(known)
    if place.clause in _STEPS:
        offered += [
            Offer("execute", "keyword", 'execute("action", ...)'),
            Offer("notify", "keyword", 'notify("channel")'),
        ]
    if place.kind == "test" and re.fullmatch(r"\s*\w*", place.before):
        offered += [Offer(word, "keyword", shown) for word, shown in _LINES.get(place.clause, {}).items()]
    if place.clause == "mode":
        offered += [Offer(mode, "value") for mode in MODES]
    return list({one.word: one for one in offered}.values())[:MAX_OFFERED]


def hover(text: str, offset: int, known: RuleSet) -> str | None:
    """What the word at a place means, in a few lines of Markdown; None where there is nothing to say."""
    start, end = offset, offset
    while start > 0 and _COVERED.match(text[start - 1]):
        start -= 1
    while end < len(text) and _COVERED.match(text[end]):
        end += 1
    word = text[start:end].strip(".")
    clause = _clause_at(text, offset)
    if clause is not None:
        return clause
    if word in known.actions and text[start - 1 : start] == '"':
        return _of_action(word, known)
    if word in known.metrics:
        metric = known.metrics[word]
        return f"`{word}`: {metric.type}, a metric ({metric.path}:{metric.line})"
    prefix, dot, _ = word.partition(".")
    if dot and prefix in manual.PREFIXES:
        return f"`{word}`: {manual.PREFIXES[prefix]}"
    if word in manual.FUNCTIONS:
        entry = manual.FUNCTIONS[word]
        return f"`{entry.written}`: {entry.means}"
    if word in manual.NAMES:
        return f"`{word}`: {NAMES[word]}, {manual.NAMES[word]}"
    return None


def _clause_at(text: str, offset: int) -> str | None:
    for definition in split(text):
        for clause in definition.clauses:
            if clause.head[0] <= offset < clause.head[1]:
                entries = {"action": manual.ACTION, "test": manual.TEST}.get(definition.kind, manual.RULE)
                entry = entries.get(clause.word)
                return f"`{entry.written}`\n\n{entry.means}" if entry else None
    return None


def _of_action(name: str, known: RuleSet) -> str:
    action = known.actions[name]
    taken = ", ".join(f"{each.name}: {each.type}" for each in action.parameters) or "nothing"
    risk = "changes nothing" if action.diagnostic else "destructive" if action.destructive else "not destructive"
    where = ", ".join(action.accepts) or "any node"
    return f"`{name}`: by {action.run.executor}, on {where}; {risk}\n\ntakes {taken} ({action.path}:{action.line})"


def _clauses(kind: str) -> list[Offer]:
    words = {"action": ACTION_CLAUSES, "test": TEST_CLAUSES}.get(kind, RULE_CLAUSES)
    entries = {"action": manual.ACTION, "test": manual.TEST}.get(kind, manual.RULE)
    return [Offer(f"{word}:", "clause", entries[word].means) for word in words] + [
        Offer(word, "keyword", "a definition") for word in sorted(_ALONE)
    ]


def _actions(known: RuleSet) -> list[Offer]:
    return [
        Offer(name, "action", f"{action.run.executor}, {', '.join(action.accepts) or 'any node'}")
        for name, action in sorted(known.actions.items())
    ]


def _parameters(action: str, known: RuleSet) -> list[Offer]:
    found = known.actions.get(action)
    own = [Offer(f"{each.name}:", "parameter", str(each.type)) for each in found.parameters] if found else []
    return [*own, *(Offer(f"{word}:", "parameter") for word in ("on", "timeout", "retry"))]


def _words(known: RuleSet) -> list[Offer]:
    names = [Offer(name, "name", f"{kind}, {manual.NAMES[name]}") for name, kind in NAMES.items()]
    prefixes = [Offer(f"{name}.", "name", manual.PREFIXES[name]) for name in PREFIXES]
    functions = [Offer(name, "function", manual.FUNCTIONS[name].written) for name in FUNCTIONS]
    metrics = [Offer(name, "metric", str(metric.type)) for name, metric in sorted(known.metrics.items())]
    return [
        *names,
        *prefixes,
        *functions,
        *metrics,
        *(Offer(word, "keyword") for word in ("AND", "OR", "NOT", "for", "in")),
    ]
