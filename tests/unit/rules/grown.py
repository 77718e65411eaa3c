"""Rule files grown from bytes by the grammar itself: every byte is one choice, and no bytes are the shortest text.

The productions are those that lark compiled from rules/grammar.lark, so nothing that is added to the grammar is left out; a
part of the conditions is grown by type instead, because few words that stand where they may also agree. Used by
test_grown_files, where hypothesis draws (and shortens) the bytes, and by the coverage-guided harness beside it.
"""

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from lark.grammar import NonTerminal, Symbol, Terminal
from lark.lexer import PatternStr

from rules import Facts, NodeFact
from rules.parsing import _parser
from rules.reading import START_OF
from rules.scanning import ACTION_CLAUSES, RULE_CLAUSES, TEST_CLAUSES

MAX_DEPTH: Final = 24
"""Productions within one another before only the shortest are taken."""

WORDS: Final = {
    "STRING": (
        *('"X"', '"oncall"', '"host/a"', '"a.service"', '".*"', '"(?i)a+"', '"("', '""', '"{{ labels.x }}"'),
        *("\"up{i='{{ node.instance }}'}\"", '"{{ labels"', '"Fri 18:00 - Mon 08:00 UTC"', '"restart_service"'),
        *('"reboot_node"', '"collect_diagnostics"', '"\\\\"', '"/bin/x"', '"{p}"', '"2026-01-07T10:00:00Z"', '"sre"'),
    ),
    "QUANTITY": ("3", "0", "5m", "30s", "95%", "2GiB", "1h30m", "0.5", "30m1h", "9999w", "1e309", "20", "7q"),
    "BOOLEAN": ("yes", "no", "true", "FALSE"),
    "LABEL": ("unit:", "timeout:", "retry:", "on:", "kind:", "alias:", "p:", "message:", "escalate:", "delay:", "x :"),
    "PLACEHOLDER": ("command {p}", "command {x}"),
    "NAME": (
        *("severity", "duration", "labels.x", "node", "labels", "kind", "resolved", "critical", "value", "onset"),
        *("annotations.summary", "confidence", "root_is", "burn_rate", "objective", "change", "change.sha", "owner"),
        *("target", "siblings", "suppressed", "alertname", "topology.rack", "node.zone", "cpu_load", "host", "rack"),
        *("query", "healthy", "count", "rate", "forecast", "ancestors", "descendants", "alerting", "known", "number"),
        *("lower", "changed_within", "is_ancestor", "nearest", "find", "window", "calendar", "ssh", "http", "string"),
        *("integer", "auto", "suggest", "any", "nothing", "succeeded", "rule", "page", "unfenced", "storm", "nowhere"),
    ),
}
"""What stands for a terminal that is a pattern and no word."""

AFTER: Final = {
    **dict.fromkeys([("_FOR", "QUANTITY"), ("_STABLE", "QUANTITY"), ("_WITHIN", "QUANTITY")], ("5m", "1s", "20m")),
    **dict.fromkeys([("PER", "QUANTITY"), ("_AFTER", "QUANTITY"), ("_TO", "QUANTITY")], ("5m", "1h", "0s")),
    ("PER", "NAME"): ("node", "rule", "action", "topology.rack", "labels.x"),
    ("AT_MOST", "QUANTITY"): ("20%", "1", "3"),
}
"""What mostly stands for a terminal right after another one."""

TYPED: Final = {
    "number": ("3", "value", "suppressed", "siblings", "burn_rate", "load", "number(labels.x)", "{number} * {number}"),
    "duration": ("5m", "duration", "clock_skew", "{duration} + {duration}", "{duration} * {number}", "now_is_no_name"),
    "percentage": ("95%", "cpu_load", "confidence", "disk_used ?? 50%", "{percentage} - {percentage}"),
    "bytes": ("2GiB", "memory_available", "{bytes} / {number}"),
    "string": ("labels.x", '"prod"', "annotations.x", "root_is", "objective", 'labels.y ?? "a"', "lower({string})"),
    "list": ("ancestors(rack)", "descendants(host)", "alerting(descendants(host))", "ancestors()"),
    "condition": (
        *("resolved", "{number} > {number}", "{duration} >= {duration}", "{percentage} < {percentage}"),
        *("{bytes} <= {bytes}", "{string} == {string}", '{string} =~ "a.*"', "{string} in [{string}, {string}]"),
        *("severity >= error", "kind == host", "healthy(node)", "alerting(owner)", "known({number})", "yes"),
        *("count({list}) > {number}", "{string} in {list}", "changed_within(30m)", "is_ancestor(nearest(rack), node)"),
        *("({condition} AND {condition})", "({condition} OR {condition})", "(NOT {condition})", "({condition}) for 5m"),
        *('window("22:00 - 06:00 UTC")', 'calendar("freeze")', "query(\"up{{a='{{{{ labels.x }}}}'}}\") == {number}"),
        *("rate(load, 5m) > {number}", "forecast(disk_used, 4h) > {percentage}", "onset - onset > {duration}"),
    ),
}
"""Phrases by the type of their value; `{type}` is one of that type."""
USUAL: Final = {
    **dict.fromkeys(
        ("then", "otherwise", "on recovery", "after success"),
        (
            'notify("oncall", message: "{{ node.name }}")',
            'execute("collect_diagnostics")',
            'wait until resolved within 5m execute("reboot_node", on: nearest(host))',
            'execute("restart_service", unit: annotations.x, on: find(kind: host, alias: labels.x))',
        ),
    ),
    "limit": ("1 per 1h per node", "at most 20% of siblings", "at most 1 at a time per topology.rack"),
    "repeat": ("skip while running per node", "summarize beyond 3 per 1h per rule", "again after 15m"),
    "approve": ('"sre"', '2 of "sre" within 10m else page'),
    "mode": ("suggest", "approve", "observe"),
    "allow": ("storm", "unfenced, storm"),
    "accepts": ("host", "any"),
    **dict.fromkeys(("timeout", "hard timeout"), ("45s", "1h")),
    "changes": ("nothing",),
    "silences": ("source",),
    "fence": ("none", "target"),
    "shows": ("boot", "disk"),
    "with": ('p: string =~ "[a-z]+"', "p: integer from 1 to 5 = 2"),
    "given": ('node "host/a" {x: "y"}', "cpu_load is 95%, unknown after 5m", '"sre" rejects after 1m'),
    "expect": ("nothing", 'no execute("reboot_node")', "outcome succeeded", 'suggested execute("reboot_node")'),
    "priority": ("5", "-5"),
}
"""Bodies of clauses as people write them."""
_HOLE: Final = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")


def grown(data: bytes) -> str:
    """A rule file: a few definitions, most of whose clauses can be read."""
    growth = _Growth(data)
    return "\n".join(growth.definition() for _ in range(1 + growth.below(2)))


def grown_facts(data: bytes) -> Facts:
    """Facts, of which most are there, and some are strange."""
    growth = _Growth(data)
    number = (None, 0, 1, -1, 2**62, 10**15)
    text = ("x", "prod", "", "'", "\\", "9" * 400, "\ud800", "-x", "1e999", "a.service")
    node = NodeFact("host/a", growth.one_of(text), "host", {"zone": growth.one_of(text), "instance": "a:9100"})
    rack = NodeFact("rack/r1", "r1", "rack")
    return Facts(
        now=number[growth.below(5) + 1] or 0,
        alertname=growth.one_of(text),
        severity=(None, "critical", "strange")[growth.below(3)],
        labels={"x": growth.one_of(text)},
        annotations={"x": growth.one_of(text)},
        node=node if growth.below(4) else None,
        ancestors={"rack": rack if growth.below(3) else None},
        owner=rack if growth.below(2) else None,
        starts_at=number[growth.below(6)],
        onset=number[growth.below(6)],
        suppressed=number[growth.below(6)],
        resolved=(None, True, False)[growth.below(3)],
        value=(None, math.nan, math.inf, 1e308, 0.0)[growth.below(5)],
        confidence=(None, 0.5)[growth.below(2)],
        changed_at=number[growth.below(6)],
        calendars={"freeze": ((0, 2**62),)} if growth.below(2) else {},
        around=_Around() if growth.below(3) else None,
    )


class _Around:
    """`rules.Surroundings` of a host in a rack."""

    def above(self, node: str, kind: str | None) -> Sequence[str]:
        return ("rack/r1",) if node == "host/a" and kind in {None, "rack"} else ()

    def below(self, node: str, kind: str | None) -> Sequence[str]:
        return ("host/a",) if node == "rack/r1" and kind in {None, "host"} else ()

    def alerting(self, node: str) -> bool:
        return node == "rack/r1"

    def siblings(self, node: str) -> Sequence[str]:
        return ("host/a", "host/b") if node == "host/a" else ()

    def find(self, kind: str | None, where: Mapping[str, str]) -> Sequence[NodeFact]:
        return (NodeFact("host/b", "b", "host"),) if kind in {None, "host"} and where.get("alias") == "x" else ()


@cache
def productions() -> dict[str, tuple[tuple[Symbol, ...], ...]]:
    """By the name of each nonterminal its expansions, the shallowest first."""
    found: dict[str, list[tuple[Symbol, ...]]] = {}
    for rule in _parser().rules:
        found.setdefault(rule.origin.name, []).append(tuple(rule.expansion))
    depth: dict[str, int] = {}
    while len(depth) < len(found):
        known = {
            name: 1 + min(reached)
            for name, expansions in found.items()
            if name not in depth
            and (reached := [deep for each in expansions if (deep := _depth(each, depth)) is not None])
        }
        assert known, found.keys() - depth.keys()
        depth |= known
    return {
        name: tuple(sorted(expansions, key=lambda each: (_depth(each, depth), len(each))))
        for name, expansions in found.items()
    }


def _depth(expansion: tuple[Symbol, ...], known: dict[str, int]) -> int | None:
    parts = [known.get(each.name) for each in expansion if isinstance(each, NonTerminal)]
    return None if None in parts else max((part for part in parts if part is not None), default=0)


@cache
def spellings(terminal: str) -> tuple[str, ...]:
    """How a terminal may be written."""
    if terminal in WORDS:
        return WORDS[terminal]
    pattern = next(each.pattern for each in _parser().terminals if each.name == terminal)
    if isinstance(pattern, PatternStr):
        return (pattern.value,)
    text = re.sub(r"\(\?[=!].*\)|\\b", "", pattern.value).replace(r"\s+", " ")
    alternatives = re.fullmatch(r"\(\?:(.*)\)", text)
    spelled = tuple((alternatives[1] if alternatives else text).replace("\\", "").split("|"))
    shape = re.compile(pattern.to_regexp())
    assert all(any(shape.match(each + after) for after in ("", ' "', " (")) for each in spelled), terminal
    return spelled


class _Growth:
    """Reads choices off the bytes; when they are used up every choice is the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._last = ""

    def below(self, count: int) -> int:
        if self._at >= len(self._data):
            return 0
        self._at += 1
        return self._data[self._at - 1] % count

    def one_of(self, options: tuple[str, ...]) -> str:
        return options[self.below(len(options))]

    def definition(self) -> str:
        match self.below(8):
            case 0 | 1 | 2:
                return self._rule(f'rule "r{self.below(4)}"\n')
            case 3:
                return self._rule("")
            case 4:
                return 'action "a"\n  run: ssh ["/bin/x"]\n' + self._clauses(ACTION_CLAUSES, 4)
            case 5:
                given = '  given: alert "X" {node: "host/a"} from 0s to 10m\n'
                return 'test "t"\n' + given + self._clauses(TEST_CLAUSES, 4) + "  expect: nothing\n"
            case 6:
                return f"metric {self.branch('metric', 0)}\n"
            case _:
                return f"command {self.branch('command', 0)}\n"

    def _rule(self, head: str) -> str:
        grown = self.below(8) == 7
        when = f"  when: {self.branch('condition', 0) if grown else self.typed('condition', 0)}\n"
        step = '  then: execute("restart_service", unit: labels.x)\n' if self.below(3) else '  then: notify("oncall")\n'
        return f'{head}  on event: "X"\n{when}{step}' + self._clauses(RULE_CLAUSES[3:], 3)

    def _clauses(self, words: tuple[str, ...], most: int) -> str:
        text = ""
        for _ in range(self.below(most)):
            word = self.one_of(words)
            by_type = word in {"verify", "except"} and self.below(8) != 7
            body = self.typed("condition", 0) if by_type else self.usual(word)
            text += f"  {word}: {body}\n"
        return text

    def usual(self, word: str) -> str:
        """A body that is right as a rule, and now and then whatever the grammar allows."""
        return self.one_of(USUAL[word]) if word in USUAL and self.below(3) else self.branch(START_OF[word], 0)

    def branch(self, name: str, depth: int) -> str:
        """A text that this nonterminal derives."""
        options = productions()[name]
        expansion = options[self.below(len(options)) if depth < MAX_DEPTH else 0]
        parts = []
        for symbol in expansion:
            if isinstance(symbol, Terminal):
                parts.append(self.spelled(symbol.name))
            else:
                parts.append(self.branch(symbol.name, depth + 1))
        return " ".join(parts)

    def spelled(self, terminal: str) -> str:
        usual = AFTER.get((self._last, terminal))
        self._last = terminal
        return self.one_of(usual if usual and self.below(8) != 7 else spellings(terminal))

    def typed(self, kind: str, depth: int) -> str:
        """A phrase of this type."""
        options = TYPED[kind]
        phrase = options[self.below(len(options))] if depth < 4 else options[0]
        return (
            _HOLE.sub(lambda hole: self.typed(hole[1], depth + 1), phrase).replace("{{{{", "{{").replace("}}}}", "}}")
        )
