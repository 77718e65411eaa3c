"""One step of a rule as a plan keeps it, with everything that it takes to run it. Pure; called where plans are made."""

from collections.abc import Sequence

import msgspec

from healer.executors.typed import written
from healer.remediation.model import PlanStep, Way
from rules import Planned, PlannedStep, PlannedWait

LOOKS_BY_ITSELF = {"kubernetes": "object", "helm": "object", "redfish": "object", "http": ""}
"""Executors that need no `observe:`: what they would call tells them what to look at. With the kind of state that they show."""


def asks_its_target(step: PlanStep) -> bool:
    """Whether a look before the step asks anybody; what would be called over HTTP is said from memory."""
    return bool(step.observe) and LOOKS_BY_ITSELF.get(step.executor) != ""


def steps_of(planned: Sequence[Planned], clause: str) -> tuple[PlanStep, ...]:
    """The steps of a clause that do something, or wait. People are told by the story."""
    found = []
    for one in planned:
        if isinstance(one, PlannedStep):
            found.append(effect(one, clause))
        elif isinstance(one, PlannedWait):
            step = PlanStep("wait until", "", "", (), one.within, until=one.text, clause=clause, position=one.position)
            found.append(msgspec.structs.replace(step, destructive=False, diagnostic=True, closing=_closing(clause)))
    return tuple(found)


def effect(one: PlannedStep, clause: str) -> PlanStep:
    """An effect, written for one clause."""
    argv = one.argv or written(one.call or "", one.parameters)
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
        shows=LOOKS_BY_ITSELF[one.executor] if looks else one.action.shows,
        address=one.target.address,
        identity=one.target.identity,
        version=one.action.version,
        opposing=one.action.opposing or "",
        fallback=_fallback(one),
    )


def _fallback(one: PlannedStep) -> Way | None:
    """The other way. What only the first executor could look at is not looked at by another."""
    other = one.fallback
    if other is None:
        return None
    argv = other.argv or written(other.call or "", one.parameters)
    if other.executor in LOOKS_BY_ITSELF:
        return Way(other.executor, argv, other.call or "", argv, LOOKS_BY_ITSELF[other.executor])
    return Way(other.executor, argv, other.call or "")


def _closing(clause: str) -> bool:
    return clause in ("after success", "on recovery", "undo")
