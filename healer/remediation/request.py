"""What does somebody have to know before they agree to a plan? Everything that speaks for it, and against. Pure.

Shown by the API, the command line and whoever asks in a chat.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from healer.convergence.fixed import ONE
from healer.convergence.outcome import Incident
from healer.remediation.approval import ANYBODY, all_steps, code_of, destroyed
from healer.remediation.model import PlanStep, Remediation
from healer.times import Micros

LAST = 3
"""Earlier runs on the same targets that are shown."""
NAMED = 5
"""Nodes that are named of those that are touched as well."""


class Beneath(msgspec.Struct, frozen=True):
    """What a fault of a node reaches: how many nodes, and some of their names."""

    count: int
    some: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """One thing that would be done: what, to what, and with which words or parameters."""

    clause: str
    action: str
    target: str
    words: tuple[str, ...]
    parameters: tuple[tuple[str, str | float | int | bool], ...]
    destructive: bool


class Earlier(msgspec.Struct, frozen=True):
    """A run on one of the same targets before."""

    remediation: str
    rule: str
    state: str
    detail: str
    at: Micros


class Request(msgspec.Struct, frozen=True):
    """The question. `confirm` are the targets that have to be named for a second yes; `expires` is an instant."""

    code: str
    steps: tuple[Step, ...]
    why: tuple[str, ...]
    confidence: str
    touches: tuple[str, ...]
    doubts: tuple[str, ...]
    earlier: tuple[Earlier, ...]
    who: str
    people: int
    agreed: tuple[str, ...]
    expires: Micros
    if_nobody: str
    confirm: tuple[str, ...]


def request_of(
    remediation: Remediation,
    incident: Incident | None,
    past: Sequence[Remediation],
    beneath: Mapping[str, Beneath],
) -> Request:
    """The question that a remediation asks now. `past` are others, newest first; `beneath` is by target."""
    plan = remediation.plan
    asked = plan.approve[remediation.asked]
    steps = all_steps(plan)
    targets = {step.node for step in steps}
    earlier = [one for one in past if one.id != remediation.id and _touched(one) & targets][:LAST]
    return Request(
        code=code_of(plan.hash),
        steps=tuple(_step(step) for step in steps),
        why=plan.because,
        confidence=_confidence(incident),
        touches=tuple(_touch(target, beneath[target]) for target in sorted(targets) if target in beneath),
        doubts=tuple(_doubts(remediation, incident, earlier, steps, beneath)),
        earlier=tuple(_earlier(one) for one in earlier),
        who=asked.who,
        people=asked.count,
        agreed=remediation.agreed,
        expires=remediation.deadline,
        if_nobody=_if_nobody(remediation),
        confirm=destroyed(plan),
    )


def _step(step: PlanStep) -> Step:
    return Step(step.clause, step.action, step.node, step.argv, step.parameters, step.destructive)


def _touched(remediation: Remediation) -> set[str]:
    """The targets on which a remediation had an effect, or may have had."""
    steps = (*remediation.plan.steps, *remediation.plan.otherwise)
    acted = remediation.effect_ended_at or remediation.step or remediation.state in ("executing", "verifying")
    return {step.node for step in steps} if acted else set()


def _confidence(incident: Incident | None) -> str:
    if incident is None:
        return "the incident is not known any more"
    sure = incident.confidence
    known = f"{sure.right} of {sure.of} such roots proved right here"
    if sure.value is None:
        return f"how sure the root is, is not known yet ({known})"
    return f"{sure.value / ONE:.0%} sure of the root ({known})"


def _touch(target: str, beneath: Beneath) -> str:
    if not beneath.count:
        return f"nothing beneath {target}"
    names = ", ".join(beneath.some[:NAMED])
    more = beneath.count - min(len(beneath.some), NAMED)
    return f"{beneath.count} beneath {target}: {names}" + (f" and {more} more" if more else "")


def _doubts(
    remediation: Remediation,
    incident: Incident | None,
    earlier: Sequence[Remediation],
    steps: Sequence[PlanStep],
    beneath: Mapping[str, Beneath],
) -> Iterator[str]:
    """Why one might not."""
    for step in steps:
        if step.destructive:
            undone = "" if step.idempotent else ", and what it did cannot be repeated safely"
            yield f"{step.action} on {step.node} is destructive{undone}"
        if step.fallback is not None:
            how = step.fallback.call or " ".join(step.fallback.argv)
            yield f"where {step.executor} cannot reach {step.node}, {step.fallback.executor} does it by {how}"
    for target in sorted(destroyed(remediation.plan)):
        if (found := beneath.get(target)) and found.count:
            yield f"{found.count} nodes beneath {target} go with it"
    failed = [one for one in earlier if one.state != "succeeded"]
    if failed:
        yield f"{len(failed)} of the last {len(earlier)} runs here did not help"
    if incident is not None and incident.flapping:
        yield "the incident comes and goes"
    if incident is not None and incident.storm:
        yield "many things broke at once: the cause may lie elsewhere"
    if incident is not None and incident.confidence.value is None:
        yield "nothing shows yet how often such roots are right here"
    if remediation.plan.rule and not earlier:
        yield "nothing was run here before"


def _earlier(one: Remediation) -> Earlier:
    return Earlier(one.id, one.plan.rule, one.state, one.detail, one.changed_at)


def _if_nobody(remediation: Remediation) -> str:
    plan = remediation.plan
    following = plan.approve[remediation.asked + 1 :]
    then = "nothing runs, and that is said"
    if following:
        return f"then {' and then '.join(one.who for one in following)} is asked; if nobody agrees, {then}"
    who = "whoever is responsible" if plan.approve[remediation.asked].who == ANYBODY else "people"
    return f"{then}: {'somebody is paged' if plan.page else f'the incident needs {who}'}"
