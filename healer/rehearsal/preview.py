"""What would happen for this alert now? The incident, every rule that listens with each clause's value, the plan, the guards.

Runs nothing and changes nothing: the alert goes through a fold of its own, under the charter that is in force. Called by
`healer plan` and POST /api/v1/plan.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.convergence.outcome import AlertView, Incident
from healer.journey.charter import Charter
from healer.journey.fold import Fold
from healer.journey.records import Answer as Sample
from healer.journey.records import Delivered, Entry
from healer.rehearsal.foreseen import Present, foresee
from healer.remediation.autonomy import Record, is_destructive
from healer.remediation.facts import answer_of, facts_of
from healer.remediation.guards import Observed
from healer.remediation.guards.observed import Held
from healer.remediation.model import ONLY_SUGGESTED, Plan, PlanStep, Remediation
from healer.remediation.planning import Ground, draft, render
from healer.times import HOUR, Micros, format_duration
from healer.topology.map import Map
from rules import Answer as Known
from rules import Facts, Query, Rule, evaluate, needs_of

ROUNDS = 3
"""How often answers may make further queries necessary."""
SENDER = "plan"
NOTHING_RUN = "nothing was run, and nothing was changed"

Ask = Callable[[Sequence[Query], bytes], Awaitable[list[Sample]]]


async def preview(
    labels: Mapping[str, str],
    charter: Charter,
    now: Micros,
    *,
    starts_at: Micros = 0,
    ask: Ask | None = None,
    around: Present | None = None,
) -> dict[str, Any]:
    """The preview as JSON has it. `ask` puts queries to Prometheus; without it they are unknown, and said to be."""
    said = canonical(labels)
    fold = Fold(charter, SENDER)
    begins = min(starts_at or now, now)
    fold.apply(Entry(1, now, Delivered(SENDER, (Alert(said, True, begins, 0),))))
    fold.advance(now + HOUR)
    view = fold.engine.alert(said)
    incident = fold.incident(view.incident) if view is not None and view.incident else None
    if view is None or incident is None:
        why = "nobody would be told of this alert, so no rule would look at it"
        return {"incident": None, "rules": [], "plan": None, "ran": False, "note": f"{why}; {NOTHING_RUN}"}
    shown, ready = [], []
    for rule in charter.ruleset.listening(incident.root.name):
        facts = await _facts(rule, incident, fold, charter, now, ask)
        shown.append(_rule(rule, facts))
        if shown[-1]["would_start"]:
            ready.append((rule, facts))
    return {
        "incident": _incident(incident, view),
        "rules": shown,
        "plan": await _plan(*ready[0], Scene(incident, view, charter, fold.map, around)) if ready else None,
        "ran": False,
        "note": NOTHING_RUN,
    }


async def _facts(rule: Rule, incident: Incident, fold: Fold, charter: Charter, now: Micros, ask: Ask | None) -> Facts:
    """The facts, with answers to what this rule asks, where somebody can be asked."""
    answers: dict[str, Known] = {}
    for _ in range(ROUNDS):
        facts = facts_of(
            incident,
            fold.map,
            now,
            health=charter.health,
            answers=answers,
            held_since={},
            fires=lambda node: any(each.status != "resolved" for each in fold.engine.on_node(node)),
            calendars=charter.calendars,
            changed=fold.lately.newest,
        )
        conditions = (rule.when, *rule.exceptions, rule.verify.condition)
        asked = (need for each in conditions for need in evaluate(each, facts).needs)
        needs = tuple(dict.fromkeys((*asked, *needs_of(rule, facts))))
        if ask is None or not needs:
            break
        for sample in await ask(needs, incident.root.labels):
            answers[sample.query] = answer_of(sample)
    return facts


def _incident(incident: Incident, view: AlertView) -> dict[str, Any]:
    return {
        "title": incident.title,
        "severity": incident.severity,
        "node": view.node or None,
        "told_after": format_duration(max(0, incident.opened_at - view.onset)),
        "status": view.status,
    }


def _rule(rule: Rule, facts: Facts) -> dict[str, Any]:
    """One rule that listens, clause by clause."""
    when = evaluate(rule.when, facts)
    exceptions = [evaluate(each, facts) for each in rule.exceptions]
    clauses = [{"clause": "when", "value": when.value, "because": list(when.because)}]
    clauses += [{"clause": "except", "value": each.value, "because": list(each.because)} for each in exceptions]
    unknown = [query.text for each in (when, *exceptions) for query in each.needs]
    return {
        "rule": rule.name,
        "path": f"{rule.path}:{rule.line}",
        "mode": rule.mode,
        "priority": rule.priority,
        "clauses": clauses,
        "not_asked": list(dict.fromkeys(unknown)),
        "would_start": when.value is True and all(each.value is False for each in exceptions),
    }


class Scene(msgspec.Struct, frozen=True):
    """The incident on paper, what decides about it, and who knows what is around it."""

    incident: Incident
    view: AlertView
    charter: Charter
    topology: Map
    around: Present | None


async def _plan(rule: Rule, facts: Facts, scene: Scene) -> dict[str, Any]:
    charter = scene.charter
    rendered = render(rule, facts)
    unearned = ""
    if rule.mode == "auto" and not rule.approve and is_destructive(rule):
        record = scene.around.record if scene.around is not None else Record()
        unearned = record.unearned(rule, rendered.kinds, charter.autonomy, facts.now)
    drafted = draft(
        scene.incident,
        rule,
        facts,
        Ground(charter.guards, charter.ruleset.actions, scene.topology),
        rendered,
        because=evaluate(rule.when, facts).because,
        capped_by=charter.cap or (ONLY_SUGGESTED if rule.mode == "suggest" and not rule.diagnostic else ""),
        ask=bool(unearned),
    )
    plan = drafted.plan
    at = Remediation("plan", plan, "planned", created_at=facts.now, deadline=facts.now + HOUR)

    observed = _observed(scene, rule, facts)

    async def shown(steps: Sequence[PlanStep]) -> list[dict[str, Any]]:
        return [await foresee(step, at, observed, scene.around) for step in steps]

    return {
        "rule": rule.name,
        "mode": rule.mode,
        "would_be": "refused" if drafted.refusals else _outcome(plan),
        "refusals": list(drafted.refusals),
        "capped_by": plan.capped_by or None,
        "asks_because": unearned or None,
        "approve": [
            {"who": each.who, "people": each.count, "within": format_duration(each.within)} for each in plan.approve
        ],
        "steps": await shown(plan.steps),
        "undo": await shown(plan.undo),
        "otherwise": await shown(plan.otherwise),
        "after_success": await shown(plan.after_success),
        "verify": rule.verify.text,
        "limits": [limit.text for limit in rule.limits],
        "note": "guards answer as of now, and are asked again right before an effect",
    }


def _outcome(plan: Plan) -> str:
    if plan.mode == "observe":
        return "observed"
    if plan.capped_by:
        return "suggested"
    return "awaiting_approval" if plan.approve else "run"


def _observed(scene: Scene, rule: Rule, facts: Facts) -> Observed:
    """What the paper says: the alert alone, and the rule's conditions as they were found."""
    verdicts = [evaluate(each, facts) for each in rule.exceptions]
    holds, doubtful = (
        next(("; ".join(each.because) for each in verdicts if each.value is value), "") for value in (True, None)
    )
    return Observed(
        now=facts.now,
        incident=scene.incident,
        root=scene.view,
        on_target=(),
        above_target=(),
        silences_age=None,
        excepted=holds,
        doubtful=doubtful,
        bounds=scene.charter.guards,
        held=Held(True, "the rule matches", facts.now),
    )
