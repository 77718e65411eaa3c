"""One effect: what the guards say, its intent (T3), the order to the target, and the last word before it starts there."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from functools import partial

import msgspec

from healer.executors.target import Result, Target
from healer.journey.ports import StoreUnavailable
from healer.locks.ports import Hold
from healer.remediation import guards
from healer.remediation.approval import used
from healer.remediation.guards import Answer
from healer.remediation.guards.observed import Held
from healer.remediation.model import Intent, PlanStep, Refused, Remediation
from healer.remediation.observing import Observing
from healer.remediation.runner.desk import Desk
from healer.remediation.runner.settling import Settling
from healer.remediation.verify import Verifier
from healer.times import MINUTE, Micros

log = logging.getLogger(__name__)

GO_S = (0.1, 0.5)
"""Seconds at most for what was accepted to be decided, and for all guards, while a target waits for go."""
MEASURED: Micros = MINUTE
"""What was measured before an effect is not measured again for this long, while it waits for its guards."""


class LockLost(Exception):
    """What was under way was broken off: nobody could extend the lock of its target."""


class Effects:
    """Has effects. What observed guards said last is kept for the intent and for the go."""

    def __init__(self, desk: Desk, settling: Settling, verifier: Verifier, observing: Observing) -> None:
        self._desk = desk
        self._settling = settling
        self._verifier = verifier
        self.observing = observing

    async def condition(self, remediation: Remediation, step: PlanStep) -> Held | None:
        """Whether the rule's condition holds now; None where the plan is under way, or the step tidies up."""
        if step.closing:
            return None
        await self._desk.situation.settled()
        # Asked here, and believed until the go: while a target waits there is no time to ask anybody.
        await self._verifier.excepted(remediation, ask=True)
        if remediation.done or remediation.effect_ended_at:
            return None
        rule = self._desk.rule(remediation)
        if rule is None:
            return Held(None, "its rule is not known any more", self._desk.clock.now())
        return await self._verifier.still_holds(remediation, rule.when)

    async def observed(self, remediation: Remediation, step: PlanStep, held: Held | None) -> list[Answer]:
        """What every observed guard says now."""
        excepted, doubtful = await self._verifier.excepted(remediation, ask=False)
        observed = self.observing.observe(remediation, step, held)
        observed = msgspec.structs.replace(observed, excepted=excepted, doubtful=doubtful)
        return guards.observe(remediation.plan, step, observed)

    async def ask(self, remediation: Remediation, step: PlanStep, held: Held | None, *, counted: bool) -> list[Answer]:
        """The same, of what is committed by then; and the counted ones, if wanted, as far as they can be told before T3."""
        await self._desk.situation.settled()
        answers = await self.observed(remediation, step, held)
        if not counted or guards.refusal(answers) is not None:
            return answers
        place = self.observing.place(remediation.plan.rule, step.node)
        return answers + await self._desk.store.count(remediation, step, place, now=self._desk.clock.now())

    async def measured(self, remediation: Remediation) -> Remediation:
        """The remediation with what its verification's queries say before anything is done."""
        rule = self._desk.rule(remediation)
        if rule is None or remediation.done or remediation.effect_ended_at or remediation.plan.recovery:
            return remediation
        if any(one.before_at > self._desk.clock.now() - MEASURED for one in remediation.measured):
            return remediation
        measured = await self._verifier.measure(remediation, rule.verify.condition)
        return msgspec.structs.replace(remediation, measured=measured)

    async def write(
        self, remediation: Remediation, step: PlanStep, before: str, answers: Sequence[Answer]
    ) -> Intent | Refused:
        """T3. `answers` are those of the observed guards, and none is no. The intent's id says which attempt it is, so that an
        attempt cannot be written twice."""
        desk = self._desk
        now = desk.clock.now()
        return await desk.store.write_intent(
            remediation,
            step,
            intent=f"{remediation.id}.{remediation.step}.{remediation.attempt}",
            deadline=now + step.timeout + desk.grace,
            now=now,
            place=self.observing.place(remediation.plan.rule, step.node),
            before=before,
            said=tuple(map(str, answers)),
            author=desk.author,
        )

    async def execute(
        self,
        remediation: Remediation,
        step: PlanStep,
        intent: Intent,
        target: Target,
        hold: Hold,
        held: Held | None,
    ) -> Remediation | None:
        """The effect, then its outcome (T4). An unknown one is settled by probing."""
        executing = used(msgspec.structs.replace(remediation, state="executing", detail=""), intent.id)
        try:
            go = partial(self._go, remediation, step, hold, held)
            async with _while_held(hold, step):
                result = await target.run(self._desk.order(intent, step), go)
        except LockLost as error:
            result = Result("unknown", why=str(error))
        except Exception as error:
            # A mistake in an executor: what it had done by then is not known.
            log.exception("intent %s on %s", intent.id, intent.target)
            result = Result("unknown", why=f"the executor made a mistake ({type(error).__name__})")
        log.info("intent %s on %s: %s %s", intent.id, intent.target, result.outcome, result.why)
        if result.outcome == "unknown":
            return await self._settling.settle(executing)
        return await self._settling.conclude(executing, intent, result)

    async def _go(self, remediation: Remediation, step: PlanStep, hold: Hold, held: Held | None) -> bool:
        """The guards, the lock and the kill switch once more, after the target said ready: to get there may have taken long. What
        cannot be read in time counts as no."""
        try:
            async with asyncio.timeout(GO_S[1]):
                await self._desk.situation.settled(GO_S[0])
                refused = guards.refusal(await self.observed(remediation, step, held))
                return refused is None and not await self._paused(remediation, step) and not hold.lost
        except (StoreUnavailable, TimeoutError):
            return False

    async def _paused(self, remediation: Remediation, step: PlanStep) -> bool:
        place = self.observing.place(remediation.plan.rule, step.node)
        return any(switch.thrown for switch in await self._desk.store.switches() if switch.scope in place.scopes)


@asynccontextmanager
async def _while_held(hold: Hold, step: PlanStep) -> AsyncIterator[None]:
    """Break off what is inside when the lock is lost, where that is safe: what may be repeated may end halfway. Raises LockLost.

    All else goes on to its own end: the target refuses whoever comes second, and half of it could be worse than all.
    """
    try:
        async with asyncio.timeout(None) as patience:

            def lost() -> None:
                if not patience.expired():
                    patience.reschedule(0.0)

            with hold.telling(lost) if _may_end_halfway(step) else nullcontext():
                yield
    except TimeoutError as error:
        if not patience.expired():
            raise
        raise LockLost("the lock was lost while it ran, and it was broken off") from error


def _may_end_halfway(step: PlanStep) -> bool:
    return step.idempotent or step.diagnostic
