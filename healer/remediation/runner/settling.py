"""What became of an effect? Its outcome is stored with the next state (T4); an unknown one is probed, never repeated."""

import asyncio
import logging

import msgspec

from healer.executors.target import Result
from healer.remediation.arrows import next_state
from healer.remediation.model import Intent, Remediation
from healer.remediation.overdue import MARGIN
from healer.remediation.runner.desk import Desk
from healer.remediation.runner.looks import OUTPUT_LIMIT, Looks

log = logging.getLogger(__name__)

PROBE_S = (2.0, 60.0)
"""Seconds between probes of an unknown outcome: the first, and the longest."""


class Settling:
    """Finds out, and stores what it found."""

    def __init__(self, desk: Desk, looks: Looks) -> None:
        self._desk = desk
        self._looks = looks

    async def settle(self, remediation: Remediation) -> Remediation | None:
        """Find out what became of an effect whose outcome was not seen: by us, or by whoever ran before us."""
        desk, pause = self._desk, PROBE_S[0]
        while True:
            left = [one for one in await desk.store.unsettled() if one.remediation == remediation.id]
            if not left:
                return await self._after_unseen_outcome(remediation)
            intent = left[0]
            if (intent.step, intent.attempt) != (remediation.step, remediation.attempt):
                # Somebody else settled ours meanwhile and went on: what follows from this one follows for what is stored now.
                return await desk.again(remediation)
            result = await self.probe(intent)
            if result.outcome != "unknown":
                log.info("intent %s on %s, by a probe: %s %s", intent.id, intent.target, result.outcome, result.why)
                # A way on which an answer was lost is not to be relied on.
                result = msgspec.structs.replace(result, down=not result.started)
                return await self.conclude(remediation, intent, result)
            if desk.clock.now() > intent.deadline + MARGIN:
                # The intent stays unsettled, and its target untouched, until a probe or a person settles it.
                return await desk.end(remediation, "handed_over", f"the outcome is unknown: {result.why}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, PROBE_S[1])

    async def conclude(self, remediation: Remediation, intent: Intent, result: Result) -> Remediation | None:
        """T4: outcome and next state in one transaction."""
        desk = self._desk
        result = await self._looks.after(intent, result)
        now = desk.clock.now()
        after = next_state(remediation, result, now, desk.rule(remediation))
        if not await desk.store.settle_intent(settled(intent, result), after, was="executing", now=now):
            return await desk.again(remediation)
        return await desk.again(after)

    async def probe(self, intent: Intent) -> Result:
        """Ask the target what became of an intent, with a newer token."""
        desk = self._desk
        target = desk.targets.get(intent.executor)
        if target is None:
            return Result("unknown", why=f"the executor {intent.executor} is not set up any more")
        probe = await desk.store.begin_probe(intent.id, now=desk.clock.now())
        if probe is None:
            return Result("unknown", why="settled by somebody else")
        order = desk.order(msgspec.structs.replace(intent, token=probe.token), None)
        try:
            return await target.probe(order)
        except Exception as error:
            # A mistake in an executor is an answer that did not come: others are probed all the same.
            log.exception("probe of intent %s on %s", intent.id, intent.target)
            return Result("unknown", why=f"the executor made a mistake ({type(error).__name__})")

    async def _after_unseen_outcome(self, remediation: Remediation) -> Remediation | None:
        """The outcome is in the store already: go on from there."""
        stored = await self._desk.again(remediation)
        if stored is not None and stored.state == "executing":
            return await self._desk.end(stored, "handed_over", "it was executing, and no intent says what")
        return stored


def settled(intent: Intent, result: Result) -> Intent:
    """The intent with its outcome, which is known."""
    assert result.outcome != "unknown"
    return msgspec.structs.replace(
        intent,
        outcome=result.outcome,
        exit_code=result.exit_code,
        output=result.output[-OUTPUT_LIMIT:],
        why=result.why,
    )
