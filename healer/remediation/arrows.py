"""Where each arrow of a remediation leads: from an outcome, or from the end of patience, to the next state. Pure."""

import msgspec

from healer.executors.target import Result
from healer.remediation.model import PlanStep, Remediation, State
from healer.times import HOUR, MINUTE, Micros
from rules import Rule

WORDS = 160
"""Characters of a failed command's last line that people are told; what the intent keeps is longer."""


def steps_of(remediation: Remediation) -> tuple[PlanStep, ...]:
    """The steps of the phase it is in: those of `then`, or all, when it has come to `otherwise`."""
    plan = remediation.plan
    # Where `then` only tells people, what was not verified yet is in `then` still.
    in_then = remediation.step < len(plan.steps) or not (plan.steps or remediation.effect_ended_at)
    return plan.steps if in_then else (*plan.steps, *plan.otherwise)


def next_state(remediation: Remediation, result: Result, now: Micros, rule: Rule | None) -> Remediation:
    """Where the outcome of a step leads. Pure."""
    plan, step = remediation.plan, steps_of(remediation)[remediation.step]
    ended_at = result.ended_at or now
    if result.outcome == "succeeded":
        last = remediation.step + 1 in (len(plan.steps), len(plan.steps) + len(plan.otherwise))
        after = msgspec.structs.replace(
            remediation,
            step=remediation.step + 1,
            attempt=0,
            effect_ended_at=ended_at,
            detail=result.why,
            state="planned",
        )
        return verifying(after, now, rule) if last else after
    if result.outcome == "refused" and not result.lasting:
        return msgspec.structs.replace(remediation, state="waiting", attempt=remediation.attempt + 1, detail=result.why)
    if not (result.started or result.lasting) and remediation.attempt < step.retry:
        return msgspec.structs.replace(remediation, state="planned", attempt=remediation.attempt + 1, detail=result.why)
    why = result.why or f"{step.action} exited with {result.exit_code}"
    return otherwise(remediation, "failed", why + _last_words(result.output), now)


def _last_words(output: str) -> str:
    """The last line of what a command said: why it failed, more often than not."""
    lines = [line for line in (" ".join(line.split()) for line in output[-4096:].splitlines()) if line]
    return f'. It said last: "{lines[-1][:WORDS]}"' if lines else ""


def otherwise(remediation: Remediation, state: State, why: str, now: Micros) -> Remediation:
    """The next remedy, where the rule has one that was not tried; else the end. Pure."""
    plan, step = remediation.plan, remediation.step
    # All steps of `then` were done when they were not verified; when one failed after them, it was one of `otherwise`.
    untried = step < len(plan.steps) or (step == len(plan.steps) and state == "not_verified")
    if plan.otherwise and untried and state in ("failed", "not_verified"):
        # Steps of `then` that were not run are stepped over; those of `otherwise` have an hour, like the first.
        deadline = now + HOUR
        return msgspec.structs.replace(
            remediation, state="planned", step=len(plan.steps), attempt=0, detail=why, deadline=deadline, stable_since=0
        )
    return msgspec.structs.replace(remediation, state=state, detail=why)


def verifying(remediation: Remediation, now: Micros, rule: Rule | None) -> Remediation:
    """From now on, and for as long as the rule says, it is watched. Pure."""
    within = rule.verify.within if rule is not None else 15 * MINUTE
    return msgspec.structs.replace(
        remediation,
        state="verifying",
        stable_since=0,
        effect_ended_at=remediation.effect_ended_at or now,
        deadline=(remediation.effect_ended_at or now) + within,
    )
