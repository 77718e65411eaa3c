"""Short ways to say what a rule test needs: compiled text, a condition, facts about one host."""

from collections.abc import Collection

import msgspec

from rules import Answer, Compiled, Facts, NodeFact, Problem, Rule, RuleSet, Source, Verdict, compile_files, evaluate
from rules.expressions import Expression

SECOND = 1_000_000
NOW = 1_767_751_200 * SECOND

HOST = NodeFact("host/web-1", "web-1", "host", {"instance": "web-1:9100", "owner": "team-a"})
RACK = NodeFact("rack/r1", "r1", "rack", {"instance": "r1-switch"})
FACTS = Facts(
    now=NOW,
    alertname="HostDown",
    severity="error",
    labels={"env": "prod", "port": "8080", "name": "nginx.service"},
    node=HOST,
    ancestors={"rack": RACK, "zone": None},
    starts_at=NOW - 60 * SECOND,
    onset=NOW - 90 * SECOND,
    suppressed=4,
)

SEED = """\
# health-check-fail
on event: "node_unreachable"
when: cpu_load > 95% AND duration > 30s
then: execute("reboot_node", timeout: 45s, retry: 2)
"""


def compiled(text: str, path: str = "rules/mine.heal", lacks: Collection[str] = ()) -> Compiled:
    """One file compiled with the shipped metrics and actions, and no shipped rules."""
    return compile_files([Source(path, text)], packs=False, lacks=lacks)


def problems(text: str, lacks: Collection[str] = ()) -> list[Problem]:
    """What the compiler says about one file."""
    return list(compiled(text, lacks=lacks).problems)


def ruleset(text: str) -> RuleSet:
    """The rule set of a text that must compile."""
    result = compiled(text)
    assert result.ruleset is not None, [f"{p.line}:{p.column} {p.code} {p.message}" for p in result.problems]
    return result.ruleset


def rule(clauses: str) -> Rule:
    """The one rule `r` of these clauses; `on event` and `then` are added where they are missing."""
    text = 'rule "r"\n' + clauses
    if "on event:" not in clauses:
        text += '\n  on event: "HostDown"'
    if "then:" not in clauses:
        text += '\n  then: notify("oncall")'
    found = ruleset(text).named("r")
    assert found is not None
    return found


def condition(text: str) -> Expression:
    """A condition, compiled."""
    when = rule(f"  when: {text}").when
    assert when is not None
    return when


def verdict(text: str, facts: Facts = FACTS) -> Verdict:
    """The verdict on a condition."""
    return evaluate(condition(text), facts)


def answered(text: str, value: float | None, facts: Facts = FACTS, why: str | None = None) -> Verdict:
    """The verdict on a condition once every query it asks got this answer."""
    first = evaluate(condition(text), facts)
    answers = {need.key: Answer(value, facts.now, why) for need in first.needs}
    assert answers, "nothing was asked"
    return evaluate(condition(text), msgspec.structs.replace(facts, answers=answers))
