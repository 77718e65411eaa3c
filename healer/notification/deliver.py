"""Bring what people know up to what they are wanted to know: one worker a channel, the told ledger in between.

A row is claimed, its newest revision sent or edited in, and the ledger told; what fails is a row again with a time not to
try before. Nothing is remembered here, so a crash at any point leaves a row that somebody else claims.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from healer.notification.ports import Claim, ToldLedger
from healer.notification.story import State, Story
from healer.seams import Clock, Random
from healer.times import MINUTE, SECOND, Micros
from notifiers.message import (
    Ambiguous,
    Answer,
    Emphasis,
    Line,
    Message,
    Migrated,
    NotTried,
    Ok,
    OkNoop,
    Permanent,
    RateLimited,
    Span,
    Told,
    Tone,
    Transient,
    line,
)

log = logging.getLogger(__name__)

LEASE: Micros = 2 * MINUTE
"""A claim lasts so long; longer than the channel's own tries and time-outs together."""
AT_ONCE = 8
"""Rows claimed at a time."""
LOOK_S = 5.0
"""Seconds between looks at the ledger when nobody says that there is something new: the poll behind each wake-up."""
BACK_OFF: tuple[Micros, Micros] = (2 * SECOND, 5 * MINUTE)
"""The first and the longest pause between rows' attempts; full jitter in between."""
GIVE_UP = 60
"""Failures in a row after which a row is a dead letter: about four hours."""

_TONES: dict[State, Tone] = {
    "broken": Tone.BROKEN,
    "healing": Tone.WORKING,
    "healed": Tone.GOOD,
    "needs you": Tone.NEEDS_YOU,
    "over": Tone.NEUTRAL,
}


class Sender(Protocol):
    """A channel's recipient (see `notifiers.sender.Sender`)."""

    @property
    def can_edit(self) -> bool: ...

    async def send(self, message: Message, *, trace_id: str) -> Answer: ...

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer: ...


class Deliverer:
    """Sends what the ledger says is wanted. `count(channel, reason)` counts attempts for /metrics."""

    def __init__(
        self,
        ledger: ToldLedger,
        senders: Mapping[str, Sender],
        clock: Clock,
        random: Random,
        *,
        base_url: str,
        count: Callable[[str, str], None],
    ) -> None:
        self._ledger = ledger
        self._senders = senders
        self._clock = clock
        self._random = random
        self._base_url = base_url
        self._count = count
        self._awake = {channel: asyncio.Event() for channel in senders}
        self.accepts: dict[str, bool] = {}

    def wake(self) -> None:
        """Something is wanted told."""
        for event in self._awake.values():
            event.set()

    async def run(self, channel: str) -> None:
        """Work for one channel until cancelled."""
        awake = self._awake[channel]
        while True:
            awake.clear()
            claims = await self._ledger.claim(channel, now=self._clock.now(), lease=LEASE, limit=AT_ONCE)
            for claim in claims:
                await self._tell(self._senders[channel], claim)
            if not claims:
                await self._sleep(channel, awake)

    async def _sleep(self, channel: str, awake: asyncio.Event) -> None:
        due = await self._ledger.next_due(channel)
        wait = LOOK_S if due is None else min(max(due - self._clock.now(), 0) / SECOND, LOOK_S)
        try:
            async with asyncio.timeout(wait):
                await awake.wait()
        except TimeoutError:
            pass

    async def _tell(self, sender: Sender, claim: Claim) -> None:
        """One row: send it, or edit what was sent; a message that is gone is sent anew."""
        story = msgspec.msgpack.decode(claim.story, type=Story)
        message = message_of(story, self._base_url)
        answer: Answer | None = None
        if claim.message_id and sender.can_edit:
            answer = await sender.edit(Told.unpack(claim.message_id), message, trace_id=story.trace_id)
            if isinstance(answer, Permanent) and answer.send_anew:
                answer = None
        if answer is None:
            answer = await sender.send(message, trace_id=story.trace_id)
        self._count(claim.channel, answer.reason)
        await self._record(claim, answer)

    async def _record(self, claim: Claim, answer: Answer) -> None:
        now = self._clock.now()
        self.accepts[claim.channel] = isinstance(answer, Ok | OkNoop)
        match answer:
            case Ok(reference=reference) | OkNoop(reference=reference):
                await self._ledger.told(claim, message_id=reference.pack(), now=now)
            case Permanent(why=why):
                log.error("channel %s refused incident %s: %s", claim.channel, claim.incident, why)
                await self._ledger.failed(claim, not_before=now, why=why, dead=True)
            case RateLimited(retry_after=wait, why=why) | NotTried(retry_after=wait, why=why):
                # Being busy says nothing against the row, so it does not bring it nearer to being a dead letter.
                await self._ledger.failed(claim, not_before=now + max(wait, SECOND), why=why, dead=False)
            case Transient(retry_after=wait, why=why) | Ambiguous(retry_after=wait, why=why):
                pause = max(wait, self._pause(claim.attempts))
                dead = claim.attempts + 1 >= GIVE_UP
                await self._ledger.failed(claim, not_before=now + pause, why=why, dead=dead)
            case Migrated(why=why):
                await self._ledger.failed(claim, not_before=now, why=why, dead=False)

    def _pause(self, attempts: int) -> Micros:
        first, longest = BACK_OFF
        return int(self._random.uniform(0.5, 1.0) * min(first * 2 ** min(attempts, 20), longest))


def message_of(story: Story, base_url: str) -> Message:
    """The story as a channel's message."""
    url = f"{base_url}/api/v1/incidents/{story.incident}" if base_url else ""
    lines: list[Line] = [line(Span(story.lines[0], Emphasis.STRONG)) if story.lines else ()]
    lines += [line(text) if text else () for text in story.lines[1:]]
    lines += [
        (),
        line("incident ", Span(story.incident, Emphasis.CODE, url), " trace ", Span(story.trace_id, Emphasis.CODE)),
    ]
    return Message(
        title=story.title,
        lines=tuple(lines),
        more_url=url,
        tone=_TONES[story.state],
        silent=story.severity in ("info", "warning") and story.state != "needs you",
    )
