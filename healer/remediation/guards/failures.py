"""What follows from what did not help? Counted guards: two that did not help end it here, several end the rule. Pure."""

from collections.abc import Sequence

from healer.remediation.guards.answer import Answer, no, yes
from healer.remediation.guards.counted import ASK_AGAIN, INEFFECTIVE, Counted, Run, scope_of
from healer.remediation.guards.rates import limits_for
from healer.remediation.model import Limit, Plan, PlanStep
from healer.times import Micros, format_duration


def ineffective(plan: Plan, step: PlanStep, counted: Counted) -> Answer:
    """After two runs on a node that did not help in a day the rule is suspended there, until a person resumes it."""
    way_out = f"see what is wrong, then `healer resume --scope '{scope_of(plan.rule, step.node)}'`"
    if counted.suspended is not None and not (step.closing or step.diagnostic):
        by, why = counted.suspended.by, counted.suspended.why
        return no("ineffective", f"{plan.rule} is suspended on {step.node} by {by}: {why}; {way_out}", ends="refused")
    said = "nothing was run here before"
    for one in limits_for("ineffective", plan, step):
        count = did_not_help(counted.runs.get(one.key, ()), counted.resumed_at)
        said = f"{count} of {one.count} runs in {format_duration(one.window)} on {step.node} that did not help"
        if count >= one.count:
            return no("ineffective", f"{said}: {way_out}", ends="refused")
    return yes("ineffective", said)


def did_not_help(runs: Sequence[Run], resumed_at: Micros) -> int:
    """How many of these ended without help, since a person resumed the rule last."""
    return sum(run.state in INEFFECTIVE for run in runs if run.at > resumed_at)


def ramp(plan: Plan, step: PlanStep, counted: Counted) -> Answer:
    """1, then 2, then 4 remediations of a rule together, as those before helped; several that did not stop the rule."""
    said = "nothing of the rule is counted for this step"
    for one in limits_for("ramp", plan, step):
        runs = counted.runs.get(one.key, ())
        ended = [run for run in runs if run.at > counted.now - one.window and not run.going]
        failed = sum(run.state in INEFFECTIVE for run in ended)
        if failed >= one.count:
            return _stopped(one, plan, ended, failed)
        most, going = one.first * together(ended), sum(run.going or run.acting for run in runs)
        said = f"{going} of at most {most} of the rule {plan.rule} under way at once, as many helped before"
        if going >= most:
            return no("ramp", said, retry_at=counted.now + ASK_AGAIN)
    return yes("ramp", said)


def together(ended: Sequence[Run]) -> int:
    """How many may be under way after these: 1, and twice as many each time that all of them helped."""
    helped = 0
    for run in ended:
        if run.state in INEFFECTIVE:
            helped = 0
        elif run.state == "succeeded":
            helped += 1
    return 1 << ((helped + 1).bit_length() - 1)


def _stopped(limit: Limit, plan: Plan, ended: Sequence[Run], failed: int) -> Answer:
    span = format_duration(limit.window)
    oldest = next(run.at for run in ended if run.state in INEFFECTIVE)
    why = f"{failed} remediations of the rule {plan.rule} did not help in {span}, {limit.count} stop it"
    return no("ramp", why, retry_at=oldest + limit.window)
