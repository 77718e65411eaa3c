"""Where each arrow of a remediation leads: from an outcome, or from the end of patience, to the next state. Pure."""

import msgspec

from healer.executors.target import Result
from healer.remediation.model import Plan, PlanStep, Remediation, State
from healer.times import HOUR, MINUTE, Micros
from rules import Rule, Verify, WaitUntil

WORDS = 160
"""Characters of a failed command's last line that people are told; what the intent keeps is longer."""


def steps_of(remediation: Remediation) -> tuple[PlanStep, ...]:
    """The steps of the phase it is in: those of `then`, or all, when it has come to `otherwise`."""
    plan = remediation.plan
    if remediation.undoing:
        return (*plan.steps, *plan.otherwise, *plan.after_success, *plan.undo)
    if remediation.helped:
        return (*plan.steps, *plan.otherwise, *plan.after_success)
    # Where `then` only tells people, what was not verified yet is in `then` still.
    in_then = remediation.step < len(plan.steps) or not (plan.steps or remediation.effect_ended_at)
    return plan.steps if in_then else (*plan.steps, *plan.otherwise)


def next_state(remediation: Remediation, result: Result, now: Micros, rule: Rule | None) -> Remediation:
    """Where the outcome of a step leads. Pure."""
    step = steps_of(remediation)[remediation.step]
    ended_at = result.ended_at or now
    if result.outcome == "succeeded":
        return stepped(remediation, ended_at, result.why, now, rule)
    if result.outcome == "refused" and not result.lasting:
        return msgspec.structs.replace(remediation, state="waiting", attempt=remediation.attempt + 1, detail=result.why)
    if not (result.started or result.lasting) and remediation.attempt < step.retry:
        return msgspec.structs.replace(remediation, state="planned", attempt=remediation.attempt + 1, detail=result.why)
    why = result.why or f"{step.action} exited with {result.exit_code}"
    return otherwise(remediation, "failed", why + _last_words(result.output), now)


def stepped(remediation: Remediation, ended_at: Micros, why: str, now: Micros, rule: Rule | None) -> Remediation:
    """A step is done: the next one, or what follows the last of its phase. Pure."""
    plan = remediation.plan
    then, all_steps = len(plan.steps), len(plan.steps) + len(plan.otherwise)
    after = msgspec.structs.replace(
        remediation,
        step=remediation.step + 1,
        attempt=0,
        effect_ended_at=ended_at,
        detail=why,
        state="planned",
        waits_until=0,
        stable_since=0,
    )
    if remediation.undoing:
        return _undone(after, now) if after.step == len(steps_of(remediation)) else _undo_next(after, now)
    if remediation.helped:
        return _ended(after, "it helped") if after.step == all_steps + len(plan.after_success) else after
    if plan.recovery:
        return _ended(after, "the incident is over") if after.step == then else after
    return verifying(after, now, rule) if after.step in (then, all_steps) else after


def _ended(remediation: Remediation, why: str) -> Remediation:
    return msgspec.structs.replace(remediation, state="succeeded", detail=f"{why}, and what follows was done")


def verified(remediation: Remediation, why: str, now: Micros) -> Remediation:
    """It helped: what the rule wants done then, or the end. Pure."""
    plan = remediation.plan
    if not plan.after_success:
        return msgspec.structs.replace(remediation, state="succeeded", detail=why)
    return msgspec.structs.replace(
        remediation,
        state="planned",
        helped=True,
        step=len(plan.steps) + len(plan.otherwise),
        attempt=0,
        detail=why,
        deadline=now + HOUR,
        stable_since=0,
    )


def waiting(remediation: Remediation, holds: bool, why: str, now: Micros, rule: Rule) -> Remediation:
    """A step that waits was looked at: whether it holds, and for how long by now. Pure.

    The same remediation means that it goes on waiting.
    """
    until = until_of(remediation, rule)
    if not remediation.waits_until:
        remediation = msgspec.structs.replace(
            remediation, state="waiting", waits_until=now + until.within, detail=f"waiting until {until.text}"
        )
    if holds:
        since = remediation.stable_since or now
        if now - since >= until.stable:
            return stepped(remediation, remediation.effect_ended_at, "", now, rule)
        return msgspec.structs.replace(remediation, stable_since=since)
    remediation = msgspec.structs.replace(remediation, stable_since=0)
    if now >= remediation.waits_until:
        return otherwise(remediation, "failed", f"{until.text} did not come true in time: {why}", now)
    return remediation


def until_of(remediation: Remediation, rule: Rule) -> Verify:
    """What the step that waits is waiting for."""
    step = steps_of(remediation)[remediation.step]
    clauses = {"then": rule.then, "otherwise": rule.otherwise, "after success": rule.after_success}
    written = clauses.get(step.clause, rule.on_recovery)[step.position]
    assert isinstance(written, WaitUntil), step
    return written.until


def _last_words(output: str) -> str:
    """The last line of what a command said: why it failed, more often than not."""
    lines = [line for line in (" ".join(line.split()) for line in output[-4096:].splitlines()) if line]
    return f'. It said last: "{lines[-1][:WORDS]}"' if lines else ""


def otherwise(remediation: Remediation, state: State, why: str, now: Micros) -> Remediation:
    """The next remedy, where the rule has one that was not tried; else the end. Pure."""
    plan, step = remediation.plan, remediation.step
    if remediation.undoing:
        detail = f"{remediation.undoing}; and what was done before could not be taken back: {why}"
        return msgspec.structs.replace(remediation, state="handed_over", detail=detail)
    if remediation.helped:
        return msgspec.structs.replace(
            remediation, state="handed_over", detail=f"it helped, but what follows did not: {why}"
        )
    if state == "failed" and (back := _taken_back(plan, step)) is not None:
        return _undo_next(msgspec.structs.replace(remediation, step=back, undoing=why, attempt=0), now)
    # All steps of `then` were done when they were not verified; when one failed after them, it was one of `otherwise`.
    untried = step < len(plan.steps) or (step == len(plan.steps) and state == "not_verified")
    if plan.otherwise and untried and state in ("failed", "not_verified"):
        # Steps of `then` that were not run are stepped over; those of `otherwise` have an hour, like the first.
        deadline = now + HOUR
        return msgspec.structs.replace(
            remediation,
            state="planned",
            step=len(plan.steps),
            attempt=0,
            detail=why,
            deadline=deadline,
            stable_since=0,
            waits_until=0,
            doubted=state == "not_verified",
        )
    return msgspec.structs.replace(remediation, state=state, detail=why)


def _taken_back(plan: Plan, failed: int) -> int | None:
    """Where undoing begins when this step has failed: at what takes back the last of those done before; None: nothing does."""
    if failed >= len(plan.steps):
        return None
    before = (number for number, one in enumerate(plan.undo) if one.position < failed)
    first = next(before, None)
    return None if first is None else len(plan.steps) + len(plan.otherwise) + len(plan.after_success) + first


def _undo_next(remediation: Remediation, now: Micros) -> Remediation:
    return msgspec.structs.replace(
        remediation, state="undoing", detail=remediation.undoing, deadline=now + HOUR, stable_since=0, waits_until=0
    )


def _undone(remediation: Remediation, now: Micros) -> Remediation:
    """All is taken back: the next remedy, where the rule has one; else the end."""
    why = f"{remediation.undoing}; what was done before is taken back"
    plan = remediation.plan
    after = msgspec.structs.replace(remediation, undoing="", attempt=0, detail=why)
    if not plan.otherwise:
        return msgspec.structs.replace(after, state="undone")
    return msgspec.structs.replace(after, state="planned", step=len(plan.steps), deadline=now + HOUR)


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
