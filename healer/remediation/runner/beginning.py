"""From a plan to its next effect: what is refused waits, until the deadline; the lock, the look, and then the effect."""

import asyncio
import logging

import msgspec

from healer.executors.states.reading import Change
from healer.executors.target import Target
from healer.locks.ports import Hold, LockService
from healer.locks.together import belonging, hold_all
from healer.remediation import guards
from healer.remediation.approval import all_steps, unapproved
from healer.remediation.arrows import otherwise, step_of, stepped
from healer.remediation.guards.observed import Held
from healer.remediation.model import PlanStep, Refused, Remediation, State
from healer.remediation.runner.desk import Desk
from healer.remediation.runner.effect import Effects
from healer.remediation.runner.looks import Looks
from healer.remediation.runner.watching import Watching
from healer.remediation.steps import asks_its_target

log = logging.getLogger(__name__)

GUARD_S = (5.0, 60.0)
"""Seconds between attempts of what a guard refused; they double up to the second where the target itself refuses."""
RATES = frozenset({"limit", "rate per target", "rate per rule", "rate per action", "rate per service", "ramp"})
"""Guards that say for certain when waiting will have helped; of all others people may change their mind."""
LOCK_S = 30.0
"""Seconds to wait for a target's lock."""


class No(msgspec.Struct, frozen=True):
    """It was refused, in the state in which the remediation then is."""

    remediation: Remediation
    refused: Refused


class Beginning:
    """Brings a remediation to its next effect."""

    def __init__(self, desk: Desk, locks: LockService, looks: Looks, effects: Effects, watching: Watching) -> None:
        self._desk = desk
        self._locks = locks
        self._looks = looks
        self._effects = effects
        self._watching = watching

    async def begin(self, remediation: Remediation) -> Remediation | None:
        """Up to the effect, and its outcome."""
        desk = self._desk
        step = step_of(remediation)
        if step is None:
            return await self._watching.watch(remediation)
        if step.until:
            return await self._watching.wait_until(remediation)
        late = unapproved(remediation, desk.clock.now())
        if late or desk.clock.now() > remediation.deadline:
            why = late or remediation.detail or "it could not begin in time"
            return await desk.end(remediation, "handed_over", why)
        if desk.rule(remediation) is None and not (remediation.done or remediation.effect_ended_at):
            return await desk.end(remediation, "superseded", "its rule changed before it could begin")
        target = desk.targets.get(step.executor)
        if target is None:
            return await self._without(remediation, step)
        # Asked before the lock: an answer of Prometheus may take longer than others should wait for the target.
        remediation = await self._effects.measured(remediation)
        held = await self._effects.condition(remediation, step)
        after: Remediation | No | None
        try:
            async with hold_all(self._locks, self._to_lock(remediation, step), LOCK_S, desk.clock) as hold:
                after = await self._locked(remediation, step, target, hold, held)
        except TimeoutError as error:
            after = No(remediation, Refused("lock", str(error) or f"somebody else holds the lock of {step.node}"))
        if isinstance(after, No):
            over = desk.is_over(remediation) and not step.closing
            return await (self._watching.leave_off(after.remediation) if over else self._wait(after))
        if after is not None and (after.state == "waiting" or (after.state == "undoing" and after.attempt)):
            await asyncio.sleep(min(GUARD_S[0] * 2 ** min(after.attempt - 1, 10), GUARD_S[1]))
            return await desk.again(after)
        return after

    def _to_lock(self, remediation: Remediation, step: PlanStep) -> tuple[str, ...]:
        """The step's target, with those of the same plan that contain it or are part of it."""
        topology = self._desk.situation.topology
        others = {other.node for other in all_steps(remediation.plan)}

        def above(node: str) -> list[str]:
            number = topology.index.id(node)
            return [topology.index.name(each) for each, _ in topology.above(number)] if number >= 0 else []

        return belonging(step.node, others, above) if len(others) > 1 else (step.node,)

    async def _locked(
        self, remediation: Remediation, step: PlanStep, target: Target, hold: Hold, held: Held | None
    ) -> Remediation | No | None:
        """With the target's lock: guards, look, intent, effect; where there is nothing to change, none of it."""
        # T3 counts by itself; it is counted before where that spares a target the look, or the store another refused T3.
        counted = asks_its_target(step) or remediation.state != "planned"
        # Within the lock: waiting for it may have taken longer than an observation is good for.
        answers = await self._effects.ask(remediation, step, held, counted=counted)
        refused = guards.refusal(answers)
        if refused is not None:
            return No(remediation, refused)
        change, before = await self._looks.before(step, target)
        if change.verdict != "change":
            return await self._unchanged(remediation, step, change)
        if counted:  # the store was asked meanwhile, and the target
            answers = await self._effects.observed(remediation, step, held)
        written = guards.refusal(answers) or await self._effects.write(remediation, step, before, answers)
        if isinstance(written, Refused):
            return No(remediation, written)
        log.info("intent %s: %s on %s, token %d", written.id, step.action, step.node, written.token)
        return await self._effects.execute(remediation, step, written, target, hold, held)

    async def _without(self, remediation: Remediation, step: PlanStep) -> Remediation | None:
        """Nothing here can carry out the step."""
        why = f"{step.action} needs the executor {step.executor}, which is not set up here"
        if not step.best_effort:
            return await self._desk.end(remediation, "refused", why)
        now = self._desk.clock.now()
        after = stepped(remediation, remediation.effect_ended_at, why, now, self._desk.rule(remediation))
        return await self._desk.again(after) if await self._desk.move(after, remediation.state) else None

    async def _unchanged(self, remediation: Remediation, step: PlanStep, change: Change) -> Remediation | None:
        """Nothing to do is a step done, recorded as such; what cannot work is a step failed, before anything was run."""
        desk, now = self._desk, self._desk.clock.now()
        said = f"{step.action} on {step.node}: {change.sentence}"
        if change.verdict == "impossible":
            after = otherwise(remediation, "failed", said, now)
        else:
            after = stepped(remediation, now, said, now, desk.rule(remediation))
        log.info("remediation %s: %s", remediation.id, said)
        return await desk.again(after) if await desk.move(after, remediation.state) else None

    async def _wait(self, no: No) -> Remediation | None:
        """Say who refused and why, and wait; or end, where waiting never helps."""
        remediation, refused = no.remediation, no.refused
        why = f"{refused.guard}: {refused.why}"
        if refused.guard == "state":
            return None
        too_late = refused.guard in RATES and refused.retry_at >= remediation.deadline
        if refused.ends or too_late:
            # What has had an effect already is a person's; the rest makes room for a plan for what fires now.
            ends = "handed_over" if remediation.done else refused.ends or "refused"
            return await self._desk.end(remediation, ends, why)
        waiting = remediation
        state: State = "undoing" if remediation.to_undo else "waiting"
        if remediation.state != state or remediation.detail != why:
            waiting = msgspec.structs.replace(remediation, state=state, detail=why)
            if not await self._desk.move(waiting, remediation.state):
                return None
        await asyncio.sleep(GUARD_S[0])
        return await self._desk.again(waiting)
