"""What did not help is taken back, newest first; then comes the rule's next remedy, if it has one. Pure; part of the arrows.

What is taken back is what was done and has an action that undoes it; not the step that failed, which may have done nothing.
"""

from typing import Literal

import msgspec

from healer.remediation.model import Remediation, State
from healer.times import HOUR, Micros

PATIENCE: Micros = HOUR
"""How long the steps that take back, and those of `otherwise`, may wait to begin."""


def begin(remediation: Remediation, state: State, why: str, now: Micros) -> Remediation | None:
    """Begin to take back; None where there is nothing to be taken back."""
    plan = remediation.plan
    first = len(plan.sequence) - len(plan.undo)
    by_step = {step.position: first + number for number, step in enumerate(plan.undo)}
    numbers = tuple(by_step[done] for done in reversed(remediation.done) if done in by_step)
    if not numbers:
        return None
    because: Literal["failed", "not_verified"] = "failed" if state == "failed" else "not_verified"
    return msgspec.structs.replace(
        remediation,
        state="undoing",
        to_undo=numbers,
        after_undo=because,
        failed_at=remediation.step,
        step=numbers[0],
        attempt=0,
        detail=why,
        deadline=now + PATIENCE,
        stable_since=0,
        waits_until=0,
        doubted=because == "not_verified",
    )


def stepped(remediation: Remediation, why: str, now: Micros) -> Remediation:
    """One step was taken back: the next one, or what the rule says then."""
    back, *left = remediation.to_undo
    undone = remediation.plan.sequence[back].position
    after = msgspec.structs.replace(
        remediation,
        to_undo=tuple(left),
        done=tuple(step for step in remediation.done if step not in (undone, back)),
        attempt=0,
        detail=why or remediation.detail,
    )
    if left:
        return msgspec.structs.replace(after, state="undoing", step=left[0])
    because = after.after_undo or "not_verified"
    back_where = msgspec.structs.replace(after, step=after.failed_at, after_undo="", failed_at=0)
    found = next_remedy(back_where, because, after.detail, now)
    return (
        found
        if found.state == "planned"
        else msgspec.structs.replace(found, state="undone", detail=_said(found.detail))
    )


def failed(remediation: Remediation, why: str) -> Remediation:
    """What was done can be neither kept nor taken back: a person's turn."""
    return msgspec.structs.replace(remediation, state="handed_over", detail=f"taking it back failed: {why}")


def next_remedy(remediation: Remediation, state: State, why: str, now: Micros) -> Remediation:
    """The rule's `otherwise`, where it was not tried; else the end."""
    plan, step = remediation.plan, remediation.step
    # All steps of `then` were done when they were not verified; when one failed after them, it was one of `otherwise`.
    untried = step < len(plan.steps) or (step == len(plan.steps) and state == "not_verified")
    if not (plan.otherwise and untried):
        return msgspec.structs.replace(remediation, state=state, detail=why)
    # Steps of `then` that were not run are stepped over.
    return msgspec.structs.replace(
        remediation,
        state="planned",
        step=len(plan.steps),
        attempt=0,
        detail=why,
        deadline=now + PATIENCE,
        stable_since=0,
        waits_until=0,
        doubted=state == "not_verified",
    )


def _said(why: str) -> str:
    return f"it did not help, and was taken back{f': {why}' if why else ''}"
