"""What is there before an effect, and what after it? A look changes nothing; what cannot be seen decides nothing."""

import asyncio
import logging

import msgspec

from healer.executors.states.reading import Change
from healer.executors.target import Order, Result, Seen, Target
from healer.remediation.model import Intent, PlanStep
from healer.remediation.proof import change_of, looks_after, proven
from healer.remediation.runner.desk import Desk

log = logging.getLogger(__name__)

LOOKED_S = 10
"""Seconds that a look at a target may take there."""
AGAIN_S = 2.0
"""Seconds between looks for an effect that may still come to show."""
OUTPUT_LIMIT = 4096
"""Characters of a step's output that are kept with its intent."""


class Looks:
    """Looks at targets."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def before(self, step: PlanStep, target: Target) -> tuple[Change, str]:
        """What the step would change, and what was seen of it. What cannot be seen stops nothing: the machine decides."""
        if not step.observe:
            return Change(""), ""
        address = step.address or self._desk.address(step.node)
        order = Order("look", 0, 0, step.node, address, step.observe, LOOKED_S, identity=step.identity)
        seen = await _seen(target, order)
        change = change_of(step, seen)
        log.info("%s on %s would change: %s", step.action, step.node, change.sentence)
        return change, seen.output[:OUTPUT_LIMIT]

    async def preview(self, step: PlanStep) -> tuple[Change | None, str]:
        """What a step would change, by a look at its target; or None, and why nobody can say."""
        target = self._desk.targets.get(step.executor)
        if target is None:
            return None, f"the executor {step.executor} is not set up here"
        if not step.observe:
            return None, f"{step.action} has no `observe:` that would tell"
        try:
            async with asyncio.timeout(LOOKED_S):
                change, _ = await self.before(step, target)
        except TimeoutError:
            return None, f"{step.node} did not answer within {LOOKED_S}s"
        return change, ""

    async def after(self, intent: Intent, result: Result) -> Result:
        """The result, once a look after it says whether it took effect, or its patience is over."""
        target = self._desk.targets.get(intent.executor)
        if target is None or not looks_after(intent, result):
            return result
        look = msgspec.structs.replace(self._desk.order(intent, None), argv=intent.observe, deadline_s=LOOKED_S)
        while True:
            after = proven(intent, result, await _seen(target, look), self._desk.clock.now())
            if after is not None:
                return after
            await asyncio.sleep(AGAIN_S)


async def _seen(target: Target, order: Order) -> Seen:
    try:
        return await target.observe(msgspec.structs.replace(order, output_limit=OUTPUT_LIMIT))
    except Exception as error:
        # A mistake in an executor: what cannot be seen decides nothing.
        log.exception("a look at %s", order.target)
        return Seen(why=f"the executor made a mistake ({type(error).__name__})")
