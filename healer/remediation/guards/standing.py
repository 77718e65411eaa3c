"""Does anything stand against an effect at this instant: a switch, a missing approval, another effect? Counted guards. Pure."""

from healer.remediation.guards.answer import Answer, no, yes
from healer.remediation.guards.counted import ASK_AGAIN, Counted
from healer.remediation.model import Plan, PlanStep


def kill_switch(_plan: Plan, _step: PlanStep, counted: Counted) -> Answer:
    """The switches of everything, of the rule, of the rule on this node, of the cluster. Not plainly released is thrown."""
    for switch in counted.thrown:
        return no("kill switch", f"{switch.scope} was paused by {switch.by}: {switch.why}")
    return yes("kill switch", f"none of {', '.join(counted.place.scopes)} is paused")


def approval(plan: Plan, _step: PlanStep, counted: Counted) -> Answer:
    """Whoever was asked has agreed to this plan, as many as were asked, and not too long ago; one approval is for one run."""
    if not plan.approve:
        return yes("approval", "nobody is asked")
    if counted.unapproved:
        return no("approval", counted.unapproved, ends="refused")
    return yes("approval", "whoever was asked has agreed")


def unsettled(_plan: Plan, step: PlanStep, counted: Counted) -> Answer:
    """One effect at a time on a node, on what it stands on, and on what stands on it; until the outcome is known."""
    for other in counted.unsettled:
        if other.target == step.node or other.target in counted.place.above or step.node in other.above:
            return no("unsettled", f"intent {other.intent} on {other.target} has no outcome yet")
    return yes("unsettled", f"no effect on {step.node}, above it or beneath it is without an outcome")


def opposing_action(_plan: Plan, step: PlanStep, counted: Counted) -> Answer:
    """What takes back what another remediation does to this node waits until that is at its end."""
    for key in opposing_keys(step):
        for run in counted.runs.get(key, ()):
            if run.going or run.acting:
                why = f"remediation {run.remediation} is {run.state} with the opposite of {step.action} on {step.node}"
                return no("opposing action", why, retry_at=counted.now + ASK_AGAIN)
    return yes("opposing action", f"nothing opposite to {step.action} is under way on {step.node}")


def opposing_keys(step: PlanStep) -> tuple[str, ...]:
    """Under which keys somebody who does the opposite has reserved it, whichever of the two actions names the other."""
    against = f"against:{step.action}@{step.node}"
    return (f"do:{step.opposing}@{step.node}", against) if step.opposing else (against,)


def keys_of(step: PlanStep) -> tuple[str, ...]:
    """Under which keys the step itself is reserved."""
    do = f"do:{step.action}@{step.node}"
    return (do, f"against:{step.opposing}@{step.node}") if step.opposing else (do,)
