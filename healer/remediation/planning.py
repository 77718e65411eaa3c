"""From a rule that matched to the plan that is kept: steps, limits, and who is asked. Pure; called by the planner."""

from collections.abc import Mapping
from hashlib import blake2b

import msgspec

from healer.convergence.outcome import Incident
from healer.remediation.approval import ANYBODY, WITHIN
from healer.remediation.diagnosing import with_diagnostics
from healer.remediation.limiting import limits_here, limits_of
from healer.remediation.model import Asked, Plan
from healer.remediation.settings import Guards
from healer.remediation.steps import steps_of
from healer.remediation.taking_back import undo_of
from healer.topology.map import Map
from rules import Action, Facts, Planned, PlannedStep, Refusal, Rule, render_steps


class Ground(msgspec.Struct, frozen=True):
    """What every plan is made on: the installation's guards, the catalogue of actions, the topology."""

    bounds: Guards
    actions: Mapping[str, Action]
    topology: Map


class Rendered(msgspec.Struct, frozen=True):
    """The clauses of a rule for one incident, every parameter filled in; `then` is `on recovery` when the incident is over."""

    then: tuple[Planned, ...]
    otherwise: tuple[Planned, ...] = ()
    after: tuple[Planned, ...] = ()
    recovery: bool = False

    @property
    def kinds(self) -> list[str]:
        """The kinds of node that would be touched, sorted."""
        steps = (*self.then, *self.otherwise, *self.after)
        return sorted({one.target.kind for one in steps if isinstance(one, PlannedStep)})


class Draft(msgspec.Struct, frozen=True):
    """A plan; and why it is refused already, in sentences."""

    plan: Plan
    refusals: tuple[str, ...]


def render(rule: Rule, facts: Facts, *, recovery: bool = False) -> Rendered:
    """What a rule would do about an incident; `recovery`: what it wants done when the incident is over."""
    if recovery:
        return Rendered(render_steps(rule, facts, clause="on recovery"), recovery=True)
    otherwise, after = (render_steps(rule, facts, clause=clause) for clause in ("otherwise", "after success"))
    return Rendered(render_steps(rule, facts), otherwise, after)


def draft(
    incident: Incident,
    rule: Rule,
    facts: Facts,
    ground: Ground,
    rendered: Rendered,
    *,
    because: tuple[str, ...],
    capped_by: str,
    ask: bool = False,
) -> Draft:
    """The plan for what was rendered. `ask`: somebody has to agree, whatever the rule's mode says."""
    recovery = rendered.recovery
    limits, unlimited = ((), "") if recovery else limits_of(rule, facts)
    every = (*rendered.then, *rendered.otherwise, *rendered.after)
    refusals = [f"{one.step}: {one.why}" for one in every if isinstance(one, Refusal)]
    first = steps_of(rendered.then, "on recovery" if recovery else "then")
    second = steps_of(rendered.otherwise, "otherwise")
    if ground.bounds.diagnostics and not recovery:
        first, second = with_diagnostics(first, second, ground.actions, ground.topology)
    if not recovery:
        limits += limits_here(ground.bounds, rule, (*first, *second), ground.topology)
    plan = Plan(
        hash="",
        incident=incident.id,
        trace_id=incident.trace_id,
        root=incident.root.labels,
        root_starts_at=incident.root.starts_at,
        rule=rule.name,
        rule_version=rule.version,
        mode=rule.mode,
        steps=first,
        otherwise=second,
        after_success=steps_of(rendered.after, "after success"),
        limits=limits,
        because=because,
        capped_by=capped_by,
        approve=() if recovery else approvers_of(rule, facts, ask=ask),
        page=rule.page,
        recovery=recovery,
        allow=rule.allow,
        undo=() if recovery else undo_of((*first, *second), rendered.then, rendered.otherwise, ground.actions),
    )
    return Draft(_hashed(plan), (*refusals, *filter(None, (unlimited,))))


def approvers_of(rule: Rule, facts: Facts, *, ask: bool) -> tuple[Asked, ...]:
    """Who is asked: those of `approve:`; without one, where the mode or a repetition asks, whoever owns the node."""
    if rule.approve and (ask or rule.mode != "suggest"):
        return tuple(Asked(each.who, each.count, each.within) for each in rule.approve)
    if rule.mode != "approve" and not ask:
        return ()
    owner = facts.node.attributes.get("owner", "") if facts.node is not None else ""
    return (Asked(owner or ANYBODY, 1, WITHIN),)


def _hashed(plan: Plan) -> Plan:
    return msgspec.structs.replace(plan, hash=blake2b(msgspec.msgpack.encode(plan), digest_size=16).hexdigest())
