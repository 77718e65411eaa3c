"""Which rules get in one another's way? Asked by `rules.compiling` once all rules of a set are there."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from rules import expressions as ex
from rules.actions import Action
from rules.patterns import is_literal, matches
from rules.problems import Report
from rules.ruleset import Execute, Rule


def warn_of_ties(rules: Iterable[Rule], reports: Mapping[str, Report]) -> None:
    """Warn where two rules of one priority name the same event in the same words."""
    first: dict[tuple[int, str], Rule] = {}
    told: set[tuple[str, str]] = set()
    for rule in rules:
        for pattern in rule.on_event:
            other = first.setdefault((rule.priority, pattern), rule)
            if other is rule or (other.name, rule.name) in told:
                continue
            told.add((other.name, rule.name))
            message = (
                f"`{rule.name}` and `{other.name}` ({other.path}:{other.line}) both listen to {pattern!r} "
                f"with priority {rule.priority}; the first one wins"
            )
            report, span = _place(rule, reports)
            report.warn("W0203", span, message, hint="give one of them a higher `priority:`")


ASKED = "RemediationRequested"
"""The event by which people ask for one thing at a time: who asks for a node to be emptied may ask for it back."""


def refuse_opposing(rules: Iterable[Rule], reports: Mapping[str, Report]) -> None:
    """Report two rules that act, and whose plans do opposing things to nodes of the same kind."""
    by_action: dict[str, list[tuple[Rule, Execute]]] = {}
    for rule in rules:
        if rule.mode in {"approve", "auto"} and rule.on_event != (ASKED,):
            for step in rule.then:
                if isinstance(step, Execute):
                    by_action.setdefault(step.action.name, []).append((rule, step))
    told: set[frozenset[str]] = set()
    for name, acting in by_action.items():
        opposing = acting[0][1].action.opposing
        pairs = _with_itself(acting) if opposing == name else _between(acting, by_action.get(opposing or "", []))
        for (one, step), (other, against) in pairs:
            names = frozenset({one.name, other.name})
            if len(names) == 1 or names in told or not _may_meet(step, against):
                continue
            told.add(names)
            later, earlier = (one, other) if (one.path, one.line) > (other.path, other.line) else (other, one)
            message = (
                f"`{later.name}` and `{earlier.name}` ({earlier.path}:{earlier.line}) would work against one another: "
                f"{step.action.name} and {against.action.name} on the same node"
            )
            report, span = _place(later, reports)
            hint = "let one rule do both (`after success:`, `on recovery:`), or set one of them to mode: suggest"
            report.error("E0506", span, message, hint=hint)


_Acting = tuple[Rule, Execute]


def _between(ones: list[_Acting], others: list[_Acting]) -> Iterator[tuple[_Acting, _Acting]]:
    return ((one, other) for one in ones for other in others)


def _with_itself(acting: list[_Acting]) -> Iterator[tuple[_Acting, _Acting]]:
    """Of an action that opposes itself (scale): where the same event asks for different values."""
    for one, other in combinations(acting, 2):
        fixed = [{k: v.value for k, v in step.parameters if isinstance(v, ex.Const)} for _, step in (one, other)]
        if fixed[0] != fixed[1] and _listen_together(one[0], other[0]):
            yield one, other


def _listen_together(one: Rule, other: Rule) -> bool:
    return any(
        left == right or (is_literal(left) and matches(right, left)) or (is_literal(right) and matches(left, right))
        for left in one.on_event
        for right in other.on_event
    )


def _may_meet(one: Execute, other: Execute) -> bool:
    """Whether both can act on one node: as far as kinds of node tell."""
    kinds = [_kinds(one.action, one), _kinds(other.action, other)]
    return not kinds[0] or not kinds[1] or bool(kinds[0] & kinds[1])


def _kinds(action: Action, step: Execute) -> set[str]:
    return {step.target.kind} if step.target.kind else set(action.accepts)


def _place(rule: Rule, reports: Mapping[str, Report]) -> tuple[Report, tuple[int, int]]:
    report = reports[rule.path]
    start = sum(len(row) + 1 for row in report.text.split("\n")[: rule.line - 1])
    return report, (start, start + 1)
