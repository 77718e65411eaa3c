"""From a rule that matched to the plan that is kept: steps, limits, and who is asked. Pure; called by the planner."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import msgspec

from healer.convergence.outcome import Incident
from healer.executors.typed import written
from healer.remediation.approval import ANYBODY, WITHIN
from healer.remediation.model import Asked, Limit, Plan, PlanStep
from rules import Action, Facts, LimitKey, Planned, PlannedStep, PlannedWait, Rule, limit_keys, undo_of

CLAUSES = ("then", "otherwise", "after success")
LOOKS_BY_ITSELF = ("kubernetes",)
"""Executors that need no `observe:`: what they would call tells them what to look at."""


def make_plan(
    incident: Incident,
    rule: Rule,
    rendered: Sequence[tuple[Planned, ...]],
    *,
    actions: Mapping[str, Action],
    limits: tuple[Limit, ...],
    because: tuple[str, ...],
    capped_by: str,
    approve: tuple[Asked, ...],
    recovery: bool,
) -> Plan:
    """The plan, with its hash. `rendered` are the steps of `then` (or `on recovery`), `otherwise` and `after success`."""
    names = ("on recovery", *CLAUSES[1:]) if recovery else CLAUSES
    then, otherwise, after = (_steps(planned, clause) for planned, clause in zip(rendered, names, strict=True))
    return _hashed(
        Plan(
            hash="",
            incident=incident.id,
            trace_id=incident.trace_id,
            root=incident.root.labels,
            root_starts_at=incident.root.starts_at,
            rule=rule.name,
            rule_version=rule.version,
            mode=rule.mode,
            steps=then,
            otherwise=otherwise,
            after_success=after,
            undo=_undo(rendered[0], actions) if not recovery else (),
            limits=limits,
            because=because,
            capped_by=capped_by,
            approve=approve,
            page=rule.page,
            recovery=recovery,
            allow=rule.allow,
        )
    )


def approvers_of(rule: Rule, facts: Facts, *, ask: bool) -> tuple[Asked, ...]:
    """Who is asked: those of `approve:`; without one, where the mode or a repetition asks, whoever owns the node."""
    if rule.approve and (ask or rule.mode != "suggest"):
        return tuple(Asked(each.who, each.count, each.within) for each in rule.approve)
    if rule.mode != "approve" and not ask:
        return ()
    owner = facts.node.attributes.get("owner", "") if facts.node is not None else ""
    return (Asked(owner or ANYBODY, 1, WITHIN),)


def limits_of(rule: Rule, facts: Facts) -> tuple[tuple[Limit, ...], str]:
    """What is counted for this plan; and why it is refused already, or ""."""
    found: list[Limit] = []
    for key in limit_keys(rule, facts):
        if key.key is None:
            return (), "a limit counts by something that is unknown here"
        limit, refused = _share(key, facts) if key.limit.form == "share" else (_counted(key, rule), "")
        if limit is None:
            return (), refused
        found.append(limit)
    return tuple(found), ""


def _counted(key: LimitKey, rule: Rule) -> Limit:
    """This rule's remediations, by the limit's own key."""
    name = f"{rule.name} per {key.limit.per} {key.key}"
    return Limit(key.limit.count, key.limit.window, name, "rate" if key.limit.form == "rate" else "at_once")


def _share(key: LimitKey, facts: Facts) -> tuple[Limit | None, str]:
    """At most a share of the siblings, of all rules together, may be under repair or not well; at least one.

    On how many siblings an alert fires is counted now, how many are under repair where the intent is written.
    """
    if facts.node is None or facts.around is None:
        return None, "a limit counts siblings, and there is no node"
    siblings = facts.around.siblings(facts.node.id)
    most = max(1, int(key.limit.share * len(siblings)))
    unwell = sum(facts.around.alerting(one) for one in siblings if one != facts.node.id)
    if unwell >= most:
        why = f"alerts fire on {unwell} of {len(siblings) - 1} siblings of {facts.node.id}; {key.limit.text} is {most}"
        return None, why
    return Limit(most - unwell, 0, f"repair of {key.key}", "at_once"), ""


def _steps(planned: Sequence[Planned], clause: str) -> tuple[PlanStep, ...]:
    found = []
    for one in planned:
        if isinstance(one, PlannedStep):
            found.append(_effect(one, clause))
        elif isinstance(one, PlannedWait):
            step = PlanStep("wait until", "", "", (), one.within, until=one.text, clause=clause, position=one.position)
            found.append(msgspec.structs.replace(step, destructive=False, diagnostic=True, closing=_closing(clause)))
    return tuple(found)


def _effect(one: PlannedStep, clause: str) -> PlanStep:
    argv, attributes = one.argv or written(one.call or "", one.parameters), one.target.attributes
    looks = one.executor in LOOKS_BY_ITSELF
    return PlanStep(
        action=one.action.name,
        executor=one.executor,
        node=one.target.id,
        argv=argv,
        timeout=one.timeout,
        retry=one.retry,
        idempotent=one.action.idempotent,
        destructive=one.action.destructive,
        diagnostic=one.action.diagnostic,
        call=one.call or "",
        parameters=one.parameters,
        clause=clause,
        position=one.position,
        closing=_closing(clause),
        observe=argv if looks else one.observe,
        shows="object" if looks else one.action.shows,
        address=attributes.get("address") or one.target.name,
        identity=attributes.get("machine_id") or attributes.get("uid", ""),
    )


def _undo(then: Sequence[Planned], actions: Mapping[str, Action]) -> tuple[PlanStep, ...]:
    """What takes back each of these steps, the last one first; `position` counts the steps of the plan."""
    found: list[PlanStep] = []
    for number, one in enumerate(each for each in then if isinstance(each, PlannedStep | PlannedWait)):
        back = undo_of(one, actions) if isinstance(one, PlannedStep) else None
        if back is not None:
            found.append(msgspec.structs.replace(_effect(back, "undo"), position=number))
    return tuple(reversed(found))


def _closing(clause: str) -> bool:
    return clause in ("after success", "on recovery", "undo")


def _hashed(plan: Plan) -> Plan:
    return msgspec.structs.replace(plan, hash=blake2b(msgspec.msgpack.encode(plan), digest_size=16).hexdigest())
