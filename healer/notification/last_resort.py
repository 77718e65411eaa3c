"""Tells people from memory that healer is blind: its store is lost, so no alert is taken, told or treated.

Started by `healer.assembly` in every replica. It depends on nothing but the channels marked `last_resort`: no ledger, no
incident. Each hears it once, and once when healer sees again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Literal

from healer.journey.ports import StoreUnavailable
from healer.notification.deliver import Sender
from healer.notification.wording import PLAIN, Speech
from healer.seams import Clock
from healer.times import SECOND, Micros, format_duration
from notifiers.message import Ambiguous, Emphasis, Message, Ok, OkNoop, Span, Tone, line

log = logging.getLogger(__name__)

PROBE_S = 10.0
"""Seconds between two looks at the store, and for one of them to succeed."""
BLIND_AFTER: Micros = 30 * SECOND
"""A store that is away for longer is lost; a disk that pauses, or a backup, is not."""
TELL_S = 90.0
"""Seconds for one channel to take the message; after that it is tried at the next look."""

NOBODY_SPECIAL: Mapping[str, Speech] = MappingProxyType({})
"""Everybody is spoken to in plain English."""
Sight = Literal["sees", "blind"]


class LastResort:
    """`probe` writes a little into the store and raises StoreUnavailable when it cannot. `place` says which healer this is,
    `speech` how the readers of each channel are spoken to."""

    def __init__(
        self,
        probe: Callable[[], Awaitable[None]],
        senders: Mapping[str, Sender],
        clock: Clock,
        place: str,
        speech: Mapping[str, Speech] = NOBODY_SPECIAL,
    ) -> None:
        self._probe = probe
        self._senders = senders
        self._speech = speech
        self._clock = clock
        self._place = place
        self._lost_at: Micros | None = None
        self._blind_since: Micros = 0
        self._wanted: Sight = "sees"
        self._known: dict[str, Sight] = dict.fromkeys(senders, "sees")
        self._why = ""

    def use(self, senders: Mapping[str, Sender], place: str, speech: Mapping[str, Speech] = NOBODY_SPECIAL) -> None:
        """Tell these from now on; who was told that healer is blind is told when it sees again."""
        self._senders, self._place, self._speech = senders, place, speech
        self._known = {name: self._known.get(name, "sees") for name in senders}

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(PROBE_S)

    async def look(self) -> None:
        """Look once, and tell whoever believes something else."""
        try:
            async with asyncio.timeout(PROBE_S):
                await self._probe()
        except StoreUnavailable as error:
            self._lost(str(error))
        except TimeoutError:
            self._lost(f"it did not answer within {PROBE_S:g} s")
        else:
            self._lost_at, self._wanted = None, "sees"
        wrong = [channel for channel, known in self._known.items() if known != self._wanted]
        await asyncio.gather(*(self._tell(channel) for channel in wrong))

    def _lost(self, why: str) -> None:
        now = self._clock.monotonic()
        self._why = why
        if self._lost_at is None:
            self._lost_at = now
            if self._wanted == "sees":
                self._blind_since = self._clock.now()
        if now - self._lost_at >= BLIND_AFTER:
            self._wanted = "blind"

    async def _tell(self, channel: str) -> None:
        wanted, sender = self._wanted, self._senders[channel]
        message = self._message(self._speech.get(channel, PLAIN))
        try:
            async with asyncio.timeout(TELL_S):
                answer = await sender.send(message, trace_id="")
        except TimeoutError:
            answer = Ambiguous(f"no answer within {TELL_S:g} s")
        # Here an answer that got lost counts as told: one message too few is better than one every ten seconds.
        if isinstance(answer, Ok | OkNoop | Ambiguous) and channel in self._known:
            self._known[channel] = wanted
        log.warning("last resort: %s: %s (%s)", channel, message.title, answer.reason)

    def _message(self, speech: Speech) -> Message:
        since = speech.clocks(self._blind_since)
        if self._wanted == "sees":
            lasted = format_duration(max(self._clock.now() - self._blind_since, 0) // SECOND * SECOND)
            title, tone = speech.say("sees"), Tone.GOOD
            words = [speech.say("was blind", lasted=lasted, at=since), speech.say("sees means")]
        else:
            title, tone = speech.say("blind", at=speech.minute(self._blind_since)), Tone.NEEDS_YOU
            words = [speech.say("blind means"), speech.say("blind look"), self._why]
        place = line(speech.say("healer at"), Span(self._place, Emphasis.CODE))
        return Message(title=title, lines=(*(line(each) for each in words), place), tone=tone)
