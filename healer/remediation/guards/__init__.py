"""May this effect happen? Every guard there is, in the order in which they are asked. Pure.

Observed guards hold as of an observation at most `FRESH` old: the runner asks them before the lock's work is worth it, and again
when the target is ready. Counted guards are asked inside T3, where they hold in every prefix of history.
"""

from collections.abc import Sequence

from healer.remediation.guards import condition, failures, people, rates, shares, standing, target
from healer.remediation.guards.answer import Answer, Guard
from healer.remediation.guards.counted import Counted, Place
from healer.remediation.guards.observed import FRESH, Group, Observed
from healer.remediation.model import Plan, PlanStep, Refused

OBSERVED: tuple[Guard[Observed], ...] = (
    people.pause_file,
    target.target,
    target.own_machine,
    people.silenced,
    people.maintenance,
    people.freeze,
    people.cordoned,
    people.deployment,
    condition.excepted,
    condition.only_roots,
    condition.freshness,
    condition.sender_alive,
    condition.storm,
    condition.flapping,
    condition.confidence,
    condition.dwell,
    target.health_floor,
)
COUNTED: tuple[Guard[Counted], ...] = (
    standing.kill_switch,
    standing.approval,
    standing.unsettled,
    standing.opposing_action,
    failures.ineffective,
    rates.limit,
    rates.rate("rate per target"),
    rates.rate("rate per rule"),
    rates.rate("rate per action"),
    rates.rate("rate per service"),
    rates.concurrency,
    shares.share_of_siblings,
    shares.control_plane,
    failures.ramp,
)


def observe(plan: Plan, step: PlanStep, observed: Observed) -> list[Answer]:
    """What every observed guard says."""
    return [guard(plan, step, observed) for guard in OBSERVED]


def count(plan: Plan, step: PlanStep, counted: Counted) -> list[Answer]:
    """What every counted guard says."""
    return [guard(plan, step, counted) for guard in COUNTED]


def refuse(plan: Plan, step: PlanStep, observed: Observed) -> Refused | None:
    """The first no of an observed guard."""
    return refusal(observe(plan, step, observed))


def refusal(answers: Sequence[Answer]) -> Refused | None:
    """The first no."""
    return next((answer.refused for answer in answers if not answer.allows), None)


__all__ = [
    "COUNTED",
    "FRESH",
    "OBSERVED",
    "Answer",
    "Counted",
    "Group",
    "Observed",
    "Place",
    "count",
    "observe",
    "refusal",
    "refuse",
]
