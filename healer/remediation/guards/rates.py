"""How often, and how many at once? Counted guards: a remediation counts once under each key of its plan. Pure.

It counts from its last intent; with an unsettled intent it counts whatever the window or its state says.
"""

from collections.abc import Iterator

from healer.remediation.guards.answer import Answer, Guard, no, yes
from healer.remediation.guards.counted import ASK_AGAIN, Counted
from healer.remediation.model import GuardName, Limit, Plan, PlanStep
from healer.times import format_duration


def limit(plan: Plan, step: PlanStep, counted: Counted) -> Answer:
    """What the rule's own `limit:` says."""
    return _first("limit", plan, step, counted, "no limit of the rule counts this step")


def concurrency(plan: Plan, step: PlanStep, counted: Counted) -> Answer:
    """How many remediations may be under way together, of all rules (`guards.at_once`)."""
    return _first("concurrency", plan, step, counted, "what only looks is not counted")


def rate(name: GuardName) -> Guard[Counted]:
    """A line of `guards.rates`, over all rules."""

    def rate(plan: Plan, step: PlanStep, counted: Counted) -> Answer:
        return _first(name, plan, step, counted, "nothing of that kind is counted here")

    rate.__doc__ = f"How many remediations in a time: {name} (`guards.rates`)."
    return rate


def limits_for(name: GuardName, plan: Plan, step: PlanStep) -> Iterator[Limit]:
    """The limits of a plan that this guard has to hold for a step."""
    return (one for one in plan.limits if one.guard == name and one.applies(step))


def _first(name: GuardName, plan: Plan, step: PlanStep, counted: Counted, none: str) -> Answer:
    """The first limit that refuses; else what all of them say."""
    said = []
    for one in limits_for(name, plan, step):
        if one.form not in ("rate", "at_once"):
            continue
        answer = _at_once(one, counted) if one.form == "at_once" else _over(one, counted)
        if not answer.allows:
            return answer
        said.append(answer.why)
    return yes(name, "; ".join(said) or none)


def _at_once(limit: Limit, counted: Counted) -> Answer:
    """Those that have acted and are not at an end. One that only waits to begin holds nobody up."""
    count = sum(run.going or run.acting for run in counted.runs.get(limit.key, ()))
    why = f"{count} of at most {limit.count} under way at once for {limit.key}"
    if count < limit.count:
        return yes(limit.guard, why)
    if not limit.count:
        return no(limit.guard, why, ends="refused")
    return no(limit.guard, why, retry_at=counted.now + ASK_AGAIN)


def _over(limit: Limit, counted: Counted) -> Answer:
    """Those within the window, and those that may still act."""
    found = [run for run in counted.runs.get(limit.key, ()) if run.acting or run.at > counted.now - limit.window]
    why = f"{len(found)} of at most {limit.count} in {format_duration(limit.window)} for {limit.key}"
    too_many = len(found) - limit.count + 1
    if too_many <= 0:
        return yes(limit.guard, why)
    leaving = [run.at + limit.window for run in found if not run.acting]
    if limit.count and len(leaving) >= too_many:
        return no(limit.guard, why, retry_at=leaving[too_many - 1])
    return no(limit.guard, why, ends="refused")
