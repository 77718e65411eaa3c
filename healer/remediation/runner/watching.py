"""What is only watched: an answer of people, a step that waits, and whether it helped."""

import asyncio
import logging

import msgspec

from healer.remediation.approval import pass_on
from healer.remediation.arrows import otherwise, step_of, until_of, verified, verifying, waiting
from healer.remediation.model import BEFORE_INTENT, UNDER_WAY, Measured, Remediation
from healer.remediation.runner.desk import Desk
from healer.remediation.verify import Seen, Verifier, said

log = logging.getLogger(__name__)

VERIFY_S = 5.0
"""Seconds between looks whether it helped."""


class Watching:
    """Looks again and again, until it is as it should be or time is up."""

    def __init__(self, desk: Desk, verifier: Verifier) -> None:
        self._desk = desk
        self._verifier = verifier

    async def ask(self, remediation: Remediation) -> Remediation | None:
        """Somebody has to agree: until then it waits, and when nobody does the next are asked, or it expires."""
        desk = self._desk
        await desk.situation.settled()
        if desk.is_over(remediation):
            return await desk.end(remediation, "superseded", "the incident was over before anybody agreed")
        if desk.clock.now() > remediation.deadline:
            await desk.move(pass_on(remediation, desk.clock.now()), "awaiting_approval")
        return None

    async def wait_until(self, remediation: Remediation) -> Remediation | None:
        """A step that waits: it has no effect, so it needs no intent."""
        desk = self._desk
        rule, step = desk.rule(remediation), step_of(remediation)
        if rule is None:
            why = "its rule changed meanwhile, so nothing says what to wait for"
            return await desk.end(remediation, "handed_over", why)
        if desk.is_over(remediation) and step is not None and not step.closing:
            return await self.leave_off(remediation)
        seen = await self._verifier.look(remediation, until_of(remediation, rule).condition)
        why = "; ".join(seen.because[-3:])
        after = waiting(remediation, seen.value is True, why, desk.clock.now(), rule)
        if after != remediation:
            if not await desk.move(after, remediation.state):
                return await desk.again(remediation)
            return after if after.state in UNDER_WAY else None
        await asyncio.sleep(VERIFY_S)
        return await desk.again(remediation)

    async def leave_off(self, remediation: Remediation) -> Remediation | None:
        """Its incident is over, so no further step starts; what had an effect is verified all the same."""
        then, step = len(remediation.plan.steps), remediation.step
        if 0 < step < then or then < step < then + len(remediation.plan.otherwise):
            return await self.watch(remediation)
        return await self._desk.end(remediation, "superseded", "the incident was over before this could begin")

    async def watch(self, remediation: Remediation) -> Remediation | None:
        """All steps are done: from now on it is verified."""
        after = verifying(remediation, self._desk.clock.now(), self._desk.rule(remediation))
        return after if await self._desk.move(after, remediation.state) else None

    async def verify(self, remediation: Remediation) -> Remediation | None:
        """By a signal that the effect did not produce, with samples later than its end, stable for the stated time."""
        desk = self._desk
        rule = desk.rule(remediation)
        if rule is None:
            why = "its rule changed meanwhile, so nothing says what would be better"
            return await desk.end(remediation, "handed_over", why)
        seen = await self._verifier.look(remediation, rule.verify.condition)
        now = desk.clock.now()
        if seen.value:
            since = remediation.stable_since or now
            if now - since >= rule.verify.stable:
                after = verified(measured(remediation, seen), rule.verify.text, now)
                log.info("remediation %s: %s", remediation.id, rule.verify.text)
                await desk.move(after, "verifying")
                return after if after.state in UNDER_WAY else None
            if since != remediation.stable_since:
                remediation = msgspec.structs.replace(remediation, stable_since=since)
                await desk.move(remediation, "verifying")
        elif remediation.stable_since:
            remediation = msgspec.structs.replace(remediation, stable_since=0)
            await desk.move(remediation, "verifying")
        if now >= remediation.deadline and not remediation.stable_since:
            after = otherwise(measured(remediation, seen), "not_verified", "; ".join(seen.because[-3:]), now)
            await desk.move(after, "verifying")
            return after if after.state in BEFORE_INTENT or after.state == "undoing" else None
        await asyncio.sleep(VERIFY_S)
        return remediation


def measured(remediation: Remediation, seen: Seen) -> Remediation:
    """The remediation with what its queries say now beside what they said before."""
    found = {one.query: one for one in remediation.measured}
    for text, answer in seen.answers:
        before = found.get(text, Measured(text))
        found[text] = msgspec.structs.replace(before, after=said(answer), after_at=answer.sampled_at or 0)
    return msgspec.structs.replace(remediation, measured=tuple(found.values()))
