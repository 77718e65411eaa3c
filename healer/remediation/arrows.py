"""Where each arrow of a remediation leads: from an outcome, or from the end of patience, to the next state. Pure."""

import msgspec

from healer.executors.target import Result
from healer.remediation import undo
from healer.remediation.model import PlanStep, Remediation, State
from healer.times import HOUR, MINUTE, Micros
from rules import Rule, Verify, WaitUntil

WORDS = 160
"""Characters of a failed command's last line that people are told; what the intent keeps is longer."""


def step_of(remediation: Remediation) -> PlanStep | None:
    """The step that is next, by the way that it goes; None where its phase is done: `then`, `otherwise`, what follows a success,
    or taking back."""
    plan, number = remediation.plan, remediation.step
    if remediation.to_undo:
        end = len(plan.sequence)
    elif remediation.helped:
        end = len(plan.sequence) - len(plan.undo)
    elif number < len(plan.steps) or not (plan.steps or remediation.effect_ended_at):
        # Where `then` only tells people, what was not verified yet is in `then` still.
        end = len(plan.steps)
    else:
        end = len(plan.steps) + len(plan.otherwise)
    step = plan.sequence[number] if number < end else None
    return _by_the_other_way(step) if step is not None and remediation.other_way == number else step


def _by_the_other_way(step: PlanStep) -> PlanStep:
    """The same step, as its fallback has it."""
    way = step.fallback
    if way is None:
        return step
    fields = {name: getattr(way, name) for name in way.__struct_fields__}
    return msgspec.structs.replace(step, **fields, fallback=None)


def next_state(remediation: Remediation, result: Result, now: Micros, rule: Rule | None) -> Remediation:
    """Where the outcome of a step leads. Pure."""
    step = step_of(remediation)
    assert step is not None, "an outcome belongs to a step"
    ready: State = "undoing" if remediation.to_undo else "planned"
    ended_at = result.ended_at or now
    if result.outcome == "succeeded":
        return stepped(_acted(remediation), ended_at, result.why, now, rule)
    if step.fallback is not None and result.down and not result.started:
        why = f"{step.executor} cannot reach it ({result.why}), so {step.fallback.executor} is to do it"
        return msgspec.structs.replace(
            remediation, state=ready, attempt=remediation.attempt + 1, other_way=remediation.step, detail=why
        )
    if result.outcome == "refused" and not (result.lasting or step.best_effort):
        waits: State = "undoing" if remediation.to_undo else "waiting"
        return msgspec.structs.replace(remediation, state=waits, attempt=remediation.attempt + 1, detail=result.why)
    if not (result.started or result.lasting) and remediation.attempt < step.retry:
        return msgspec.structs.replace(remediation, state=ready, attempt=remediation.attempt + 1, detail=result.why)
    why = (result.why or f"{step.action} exited with {result.exit_code}") + _last_words(result.output)
    if step.best_effort:
        return stepped(remediation, remediation.effect_ended_at, f"{step.action}: {why}", now, rule)
    return otherwise(remediation, "failed", why, now)


def _acted(remediation: Remediation) -> Remediation:
    """The step had an effect."""
    return msgspec.structs.replace(remediation, done=tuple(dict.fromkeys((*remediation.done, remediation.step))))


def stepped(remediation: Remediation, ended_at: Micros, why: str, now: Micros, rule: Rule | None) -> Remediation:
    """A step is done: the next one, or what follows the last of its phase. Pure."""
    if remediation.to_undo:
        return undo.stepped(remediation, why, now)
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
    step = step_of(remediation)
    assert step is not None, "it waits at a step"
    clauses = {"then": rule.then, "otherwise": rule.otherwise, "after success": rule.after_success}
    written = clauses.get(step.clause, rule.on_recovery)[step.position]
    assert isinstance(written, WaitUntil), step
    return written.until


def _last_words(output: str) -> str:
    """The last line of what a command said: why it failed, more often than not."""
    lines = [line for line in (" ".join(line.split()) for line in output[-4096:].splitlines()) if line]
    return f'. It said last: "{lines[-1][:WORDS]}"' if lines else ""


def otherwise(remediation: Remediation, state: State, why: str, now: Micros) -> Remediation:
    """It did not help: take back what can be taken back, then the rule's next remedy, then the end. Pure."""
    if remediation.to_undo:
        return undo.failed(remediation, why)
    if remediation.helped:
        return msgspec.structs.replace(
            remediation, state="handed_over", detail=f"it helped, but what follows did not: {why}"
        )
    if state in ("failed", "not_verified"):
        return undo.begin(remediation, state, why, now) or undo.next_remedy(remediation, state, why, now)
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
