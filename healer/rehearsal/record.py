"""What has each rule done, what would it have done, and what may it do now? Read by `healer rules list` and GET /api/v1/rules.

Counted over the remediations that the store still has, so the numbers reach as far back as it keeps them.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from healer.journey.charter import Charter
from healer.remediation.model import UNDER_WAY, Remediation
from rules import Execute, Rule

COUNTED = 10_000
"""Remediations that are looked at: the newest."""
WOULD_HAVE = frozenset({"suggested", "observed"})
NOT_STARTED = frozenset({"refused", "superseded", "expired", "rejected"})


def records(charter: Charter, newest: Sequence[Remediation]) -> list[dict[str, Any]]:
    """One record per rule, in the order of the files."""
    by_rule: dict[str, Counter[str]] = {}
    for one in newest:
        by_rule.setdefault(one.plan.rule, Counter())[one.state] += 1
    return [_record(rule, charter, by_rule.get(rule.name, Counter())) for rule in charter.ruleset.rules]


def _record(rule: Rule, charter: Charter, states: Counter[str]) -> dict[str, Any]:
    force, why = in_force(rule, charter.cap)
    return {
        "name": rule.name,
        "path": f"{rule.path}:{rule.line}",
        "version": rule.version,
        "listens_to": list(rule.on_event),
        "priority": rule.priority,
        "mode": rule.mode,
        "mode_in_force": force,
        "why": why or None,
        "actions": sorted({step.action.name for step in rule.then if isinstance(step, Execute)}),
        "matched": sum(states.values()),
        "would_have_run": sum(states[state] for state in WOULD_HAVE),
        "not_started": sum(states[state] for state in NOT_STARTED),
        "under_way": sum(states[state] for state in UNDER_WAY),
        "verified": states["succeeded"],
        "failed": states["failed"] + states["not_verified"] + states["handed_over"],
    }


def in_force(rule: Rule, cap: str) -> tuple[str, str]:
    """The mode that a rule has now, and why it is not the one written, or ""."""
    if rule.mode == "observe":
        return "observe", ""
    if cap and not (rule.diagnostic and cap == "dry run"):
        return "suggest", "" if rule.mode == "suggest" else cap
    if rule.diagnostic and rule.mode == "suggest":
        return "auto", "its actions change nothing"
    if rule.approve and rule.mode == "auto":
        return "approve", "its `approve:` asks"
    return rule.mode, ""
