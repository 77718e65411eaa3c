"""What has each rule done, what would it have done, and what may it do now? Read by `healer rules list` and GET /api/v1/rules.

Counted over the remediations that the store still has, so the numbers reach as far back as it keeps them; what a rule has
earned is the fold's own record, which forgets nothing.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from healer.journey.charter import Charter
from healer.remediation.autonomy import Autonomy, Record, Standing, is_destructive, lacking
from healer.remediation.model import UNDER_WAY, Remediation
from healer.times import Micros, format_rfc3339
from rules import Execute, Rule

COUNTED = 10_000
"""Remediations that are looked at: the newest."""
WOULD_HAVE = frozenset({"suggested", "observed"})


def records(charter: Charter, newest: Sequence[Remediation], record: Record, now: Micros) -> list[dict[str, Any]]:
    """One record per rule, in the order of the files."""
    states: dict[str, Counter[str]] = {}
    agreed: Counter[str] = Counter()
    for one in newest:
        states.setdefault(one.plan.rule, Counter())[one.state] += 1
        agreed[one.plan.rule] += bool(one.agreed)
    return [
        {
            **_named(rule),
            **_mode(rule, charter, record.of(rule), now),
            **_counted(states.get(rule.name, Counter())),
            "agreed": agreed[rule.name],
        }
        for rule in charter.ruleset.rules
    ]


def _named(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "path": f"{rule.path}:{rule.line}",
        "version": rule.version,
        "listens_to": list(rule.on_event),
        "priority": rule.priority,
        "actions": sorted({step.action.name for step in rule.then if isinstance(step, Execute)}),
    }


def _mode(rule: Rule, charter: Charter, standings: Sequence[Standing], now: Micros) -> dict[str, Any]:
    """The mode as written and as it is in force, and what the rule has shown on each kind of node."""
    force, why = in_force(rule, charter.cap)
    if force == "auto" and is_destructive(rule):
        force, why = _earned(standings, charter.autonomy, now)
    shown = [
        {
            "kind": one.kind,
            "verified": one.verified,
            "wrong_at": format_rfc3339(one.wrong_at) if one.wrong_at else None,
            "wrong": one.wrong or None,
            "trusted": not lacking(one, charter.autonomy, now),
        }
        for one in sorted(standings, key=lambda one: one.kind)
    ]
    return {"mode": rule.mode, "mode_in_force": force, "why": why or None, "record": shown}


def _earned(standings: Sequence[Standing], terms: Autonomy, now: Micros) -> tuple[str, str]:
    """`auto` where the record says so of every kind of node that the rule was seen on."""
    if not standings and not terms.successes:
        return "auto", ""
    lacks = [why for one in standings if (why := lacking(one, terms, now))]
    if not standings:
        return "approve", f"auto is not earned yet: 0 of {terms.successes} verified successes"
    trusted = [one.kind for one in standings if not lacking(one, terms, now)]
    if not lacks:
        return "auto", ""
    alone = f"; it acts alone on a {' or '.join(trusted)}" if trusted else ""
    return "approve", "; ".join(lacks) + alone


def _counted(states: Counter[str]) -> dict[str, int]:
    return {
        "matched": sum(states.values()),
        "would_have_run": sum(states[state] for state in WOULD_HAVE),
        "not_started": sum(states[state] for state in ("refused", "superseded", "expired", "rejected")),
        "under_way": sum(states[state] for state in UNDER_WAY),
        "verified": states["succeeded"],
        "failed": states["failed"] + states["not_verified"] + states["handed_over"],
    }


def in_force(rule: Rule, cap: str) -> tuple[str, str]:
    """The mode that a rule has now, whatever it has shown, and why it is not the one written, or ""."""
    if rule.mode == "observe":
        return "observe", ""
    if cap and not (rule.diagnostic and cap == "dry run"):
        return "suggest", "" if rule.mode == "suggest" else cap
    if rule.diagnostic and rule.mode == "suggest":
        return "auto", "its actions change nothing"
    if rule.approve and rule.mode == "auto":
        return "approve", "its `approve:` asks"
    return rule.mode, ""
