"""Bring what people know up to what they are wanted to know: one worker a channel, the told ledger in between.

A row is claimed, its newest revision sent or edited in, and the ledger told; what fails is a row again with a time not to
try before. Nothing is remembered here, so a crash at any point leaves a row that somebody else claims. People are told at
least once: a send whose answer was lost is sent again, and may be there twice; an edit never is.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Protocol

import msgspec

from healer.journey.ports import StoreUnavailable
from healer.notification.bundle import BUNDLED, bundle_of, is_news, is_shared, may_share, shared
from healer.notification.calling import REMINDER, is_elsewhere
from healer.notification.conduct import PLAIN as NOTHING_SPECIAL
from healer.notification.conduct import Conduct, passes_on
from healer.notification.message import TONES, message_of
from healer.notification.ports import Claim, Only, ToldLedger
from healer.notification.story import State, Story
from healer.notification.wording import PLAIN, Speech, worded
from healer.seams import Clock, Random
from healer.telemetry.logs import within_trace
from healer.times import MINUTE, SECOND, Micros
from notifiers.message import (
    Ambiguous,
    Answer,
    Message,
    Migrated,
    NotTried,
    Ok,
    OkNoop,
    Permanent,
    RateLimited,
    Reason,
    Told,
    Transient,
)

log = logging.getLogger(__name__)

TELL_S = 150.0
"""Seconds for one row: an edit and, where the message is gone, a send, each with the channel's own tries and waits. What
takes longer is cut off, and counts as ambiguous."""
LEASE: Micros = 3 * MINUTE
"""A claim lasts so long. It is longer than `TELL_S`, so that nobody else claims what this process may still be sending."""
LOOK_S = 5.0
"""Seconds between looks at the ledger when nobody says that there is something new: the poll behind each wake-up."""
RETRY_S = 1.0
"""Seconds between attempts to tell the store what was told."""
BACK_OFF: tuple[Micros, Micros] = (2 * SECOND, 5 * MINUTE)
"""The first and the longest pause between rows' attempts; jitter over the upper half."""
LONGEST_REST: Micros = MINUTE
"""A channel that says that it is busy is left alone for as long as it asks, and looked at again after this at most."""
GIVE_UP = 60
"""Failures in a row after which a row is a dead letter: about four hours."""


_ENDED: tuple[State, ...] = ("healed", "over")

_decoder = msgspec.msgpack.Decoder(Story)


class Sender(Protocol):
    """A channel's recipient (see `notifiers.sender.Sender`)."""

    @property
    def can_edit(self) -> bool: ...

    @property
    def edits_once(self) -> bool:
        """Whether a message that cannot be edited again and again can be edited once, for news."""
        ...

    async def send(self, message: Message, *, trace_id: str) -> Answer: ...

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer: ...


Illustrate = Callable[[str, str, Told, str], Awaitable[None]]
"""Sends a picture of an incident after a message that is new: (channel, incident, the message, trace id). Never raises for what
the outside does."""


async def _no_pictures(_channel: str, _incident: str, _told: Told, _trace_id: str) -> None:
    """Words are enough."""


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
        speech: Mapping[str, Speech] = MappingProxyType({}),
        conduct: Mapping[str, Conduct] = MappingProxyType({}),
        redact: Callable[[str], str] = str,
    ) -> None:
        self._ledger = ledger
        self._senders = dict(senders)
        self._clock = clock
        self._random = random
        self._base_url = base_url
        self._speech = dict(speech)
        self._conduct = dict(conduct)
        self._count = count
        self._redact = redact
        self._shut: dict[str, Micros] = {}
        """Until when a channel with a fallback is not tried: its breaker is open."""
        self._crowded: set[str] = set()
        """The channels whose rate is reached: what waits for them is told together."""
        self._hushed: set[str] = set()
        """The channels in their quiet hours."""
        self._awake = {channel: asyncio.Event() for channel in senders}
        self.accepts: dict[str, bool] = {}
        self.illustrate: Illustrate = _no_pictures
        """Set by whoever can draw."""

    def use(
        self,
        senders: Mapping[str, Sender],
        base_url: str,
        speech: Mapping[str, Speech] = MappingProxyType({}),
        conduct: Mapping[str, Conduct] = MappingProxyType({}),
    ) -> None:
        """Tell by these from now on. What is being sent goes on by its own sender; `run` of a channel that has none waits."""
        before, self._senders, self._base_url = self._senders, dict(senders), base_url
        self._speech, self._conduct = dict(speech), dict(conduct)
        for channel in before.keys() | senders.keys():
            if before.get(channel) is not senders.get(channel):
                # What the one before it could not deliver says nothing of this one.
                self.accepts.pop(channel, None)
                self._shut.pop(channel, None)
            self._awake.setdefault(channel, asyncio.Event()).set()

    def wake(self) -> None:
        """Something is wanted told."""
        for event in self._awake.values():
            event.set()

    @property
    def accepting(self) -> bool:
        """Whether no channel failed when it was last used. One that was not used yet is believed."""
        return all(self.accepts.values())

    async def run(self, channel: str) -> None:
        """Work for one channel until cancelled, one message at a time: the most urgent, and of those the oldest."""
        awake = self._awake[channel]
        while True:
            awake.clear()
            sender = self._senders.get(channel)
            if sender is None:
                await awake.wait()
                continue
            try:
                claims = await self._claim(channel, sender)
                if not claims:
                    self._crowded.discard(channel)
                    await self._sleep(channel, awake, sender)
            except StoreUnavailable as error:
                log.warning("channel %s waits for the store: %s", channel, error)
                await asyncio.sleep(LOOK_S)
                continue
            if not claims:
                continue
            sender = self._senders.get(channel, sender)
            serve = self._serve(claims[0], sender) if len(claims) == 1 else self._serve_together(claims, sender)
            rest = await serve
            if rest:
                await asyncio.sleep(rest / SECOND)

    async def _claim(self, channel: str, sender: Sender) -> list[Claim]:
        """The next row; where the channel's rate is reached also those that may share its message."""
        conduct, now = self._conduct.get(channel, NOTHING_SPECIAL), self._clock.now()
        only = conduct.only(now, can_edit=sender.can_edit)
        if only != "all":
            self._hushed.add(channel)
        elif channel in self._hushed:
            # What waited for the morning is told together.
            self._hushed.discard(channel)
            self._crowded.add(channel)
        claims = await self._ledger.claim(channel, now=now, lease=LEASE, limit=1, only=only)
        crowded = conduct.bundles and channel in self._crowded
        if not crowded or not all(may_share(claim, _story(claim)) for claim in claims):
            return claims
        others: Only = "beginning" if only == "all" else "urgent beginning"
        more = await self._ledger.claim(channel, now=now, lease=LEASE, limit=BUNDLED - 1, only=others)
        return [*claims, *more]

    async def _sleep(self, channel: str, awake: asyncio.Event, sender: Sender) -> None:
        now = self._clock.now()
        only = self._conduct.get(channel, NOTHING_SPECIAL).only(now, can_edit=sender.can_edit)
        due = await self._ledger.next_due(channel, only, now=now)
        wait = LOOK_S if due is None else min(max(due - now, 0) / SECOND, LOOK_S)
        try:
            async with asyncio.timeout(wait):
                await awake.wait()
        except TimeoutError:
            pass

    async def _serve(self, claim: Claim, sender: Sender) -> Micros:
        """Tell one row and record what came of it. Returns for how long the channel wants to be left alone."""
        story = _story(claim)
        with within_trace(story.trace_id):
            answer = self._left_alone(claim.channel) or await self._tell(claim, story, sender)
            self._hear(claim.channel, answer, sender)
            await self._record(claim, story, answer, sender)
            shows = not claim.message_id and (not claim.matter or is_elsewhere(claim.matter))
            if isinstance(answer, Ok) and shows and story.state not in _ENDED:
                await self.illustrate(claim.channel, claim.incident, answer.reference, story.trace_id)
        return self._rest(claim.channel, answer)

    async def _serve_together(self, claims: Sequence[Claim], sender: Sender) -> Micros:
        """Tell several incidents in one message. What is no news, or asks a person for something, is not among them."""
        channel, speech = claims[0].channel, self._speech.get(claims[0].channel, PLAIN)
        stories = {claim: _story(claim) for claim in claims}
        for claim, story in stories.items():
            if not may_share(claim, story):
                await self._record(claim, story, NotTried(0, Reason.RATE_LIMITED), sender)
            elif not is_news(claim, story):
                await self._record(claim, story, OkNoop(Told.unpack(claim.message_id)), sender)
        news = [claim for claim, story in stories.items() if may_share(claim, story) and is_news(claim, story)]
        if len(news) < 2:
            return await self._serve(news[0], sender) if news else 0
        said = [worded(stories[claim], speech) for claim in news]
        message = bundle_of(said, self._base_url, speech, TONES[said[0].state])
        message = msgspec.structs.replace(message, key=" ".join(map(_key, news)))
        answer = self._left_alone(channel) or await self._within(lambda: sender.send(message, trace_id=""), channel)
        self._hear(channel, answer, sender)
        if isinstance(answer, Permanent) and not answer.disable:
            # Whatever is wrong with it may be wrong with one of them only: each has its own fate.
            self._crowded.discard(channel)
            answer = Transient(answer.why, answer.reason)
        for claim in news:
            await self._record(claim, stories[claim], answer, sender, together=True)
        return self._rest(channel, answer)

    def _left_alone(self, channel: str) -> NotTried | None:
        """The answer of a channel whose breaker is open, without asking it: what waits there is passed on at once."""
        left = self._shut.get(channel, 0) - self._clock.now()
        return NotTried(left, Reason.BREAKER_OPEN, why="it failed too often of late") if left > 0 else None

    def _hear(self, channel: str, answer: Answer, sender: Sender) -> None:
        self._count(channel, answer.reason)
        if self._senders.get(channel) is not sender:
            return
        self._learn(channel, answer)
        if isinstance(answer, RateLimited) or answer.reason is Reason.RATE_LIMITED:
            self._crowded.add(channel)
        if isinstance(answer, NotTried) and answer.reason is Reason.BREAKER_OPEN and self._fallback(channel):
            wait = min(answer.retry_after, LONGEST_REST)
            self._shut.setdefault(channel, 0)
            self._shut[channel] = max(self._shut[channel], self._clock.now() + wait)

    def _rest(self, channel: str, answer: Answer) -> Micros:
        """For how long the channel wants to be left alone; not while another one is told in its place."""
        if not isinstance(answer, RateLimited | NotTried) or self._left_alone(channel):
            return 0
        return min(answer.retry_after, LONGEST_REST)

    def _fallback(self, channel: str) -> str:
        """Who is told in its place, "" for nobody."""
        fallback = self._conduct.get(channel, NOTHING_SPECIAL).fallback
        return fallback if fallback in self._senders else ""

    async def _tell(self, claim: Claim, story: Story, sender: Sender) -> Answer:
        """Send it, or edit what was sent; a message that is gone is sent anew. Where nothing can be edited people hear news."""
        if not _can_edit(claim, sender) and not is_news(claim, story):
            return OkNoop(Told.unpack(claim.message_id))
        speech = self._speech.get(claim.channel, PLAIN)
        message = message_of(story, self._base_url, claim.matter, speech, meant_for=claim.meant_for)
        message = msgspec.structs.replace(message, key=_key(claim))

        async def tell() -> Answer:
            if _edits(claim, sender):
                answer = await sender.edit(Told.unpack(claim.message_id), message, trace_id=story.trace_id)
                if not (isinstance(answer, Permanent) and answer.send_anew):
                    return answer
            return await sender.send(message, trace_id=story.trace_id)

        return await self._within(tell, claim.channel)

    async def _within(self, tell: Callable[[], Awaitable[Answer]], channel: str) -> Answer:
        """What came of it within `TELL_S`."""
        try:
            async with asyncio.timeout(TELL_S):
                answer = await tell()
        except TimeoutError:
            return Ambiguous(f"no answer within {TELL_S:g} s")
        except Exception as error:  # a mistake in one channel's code is that row's failure; other rows go on
            log.exception("channel %s", channel)
            answer = Ambiguous(f"{type(error).__name__}: {error}")
        return self._readable(answer)

    def _readable(self, answer: Answer) -> Answer:
        """The answer as it may be kept: whoever failed may have quoted the URL, and the token in it."""
        if isinstance(answer, Ok | OkNoop):
            return answer
        return msgspec.structs.replace(answer, why=self._redact(answer.why))

    def _learn(self, channel: str, answer: Answer) -> None:
        """Does the channel accept messages? Being asked to wait, or one message refused, says nothing of that."""
        match answer:
            case Ok() | OkNoop():
                self.accepts[channel] = True
            case Transient() | Ambiguous() | NotTried(reason=Reason.BREAKER_OPEN) | Permanent(disable=True):
                self.accepts[channel] = False
            case _:
                pass

    async def _record(
        self, claim: Claim, story: Story, answer: Answer, sender: Sender, *, together: bool = False
    ) -> None:
        """Tell the ledger, and do not stop before it knows: what is sent and not recorded would be sent again."""
        now = self._clock.now()
        while True:
            try:
                if isinstance(answer, Ok) and together:
                    message_id = shared(answer.reference)
                    await self._ledger.told(claim, message_id=message_id, now=now, said=story.title)
                else:
                    await self._settle(claim, story, answer, sender, now)
            except StoreUnavailable as error:
                log.warning("the ledger does not know yet what %s was told: %s", claim.channel, error)
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def _settle(self, claim: Claim, story: Story, answer: Answer, sender: Sender, now: Micros) -> None:
        once = self._conduct.get(claim.channel, NOTHING_SPECIAL).once
        unsure = once and isinstance(answer, Ambiguous) and not _edits(claim, sender)
        last = unsure or claim.attempts + 1 >= GIVE_UP
        fallback = self._fallback(claim.channel) if passes_on(claim, story, answer, last=last) else ""
        failed = partial(self._ledger.failed, now=now, fallback=fallback)
        match answer:
            case OkNoop(reference=reference) if not _can_edit(claim, sender):
                # What people are called for in a message of its own is said there.
                said = story.title if story.called and not claim.matter else claim.said
                await self._ledger.told(claim, message_id=reference.pack(), now=now, said=said)
            case Ok(reference=reference) | OkNoop(reference=reference):
                said = story.state if sender.can_edit else story.title
                await self._ledger.told(claim, message_id=reference.pack(), now=now, said=said)
            case Permanent(why=why):
                log.error("channel %s refused incident %s: %s", claim.channel, claim.incident, why)
                await failed(claim, why=why, dead=True)
            case RateLimited(retry_after=wait, why=why) | NotTried(retry_after=wait, why=why):
                await failed(claim, pause=max(wait, SECOND), why=why, counts=False)
            case Transient(retry_after=wait, why=why) | Ambiguous(retry_after=wait, why=why):
                pause = max(wait, self._pause(claim.attempts))
                await failed(claim, pause=pause, why=why, dead=last)
            case Migrated(chat_id=chat, why=why):
                log.warning("channel %s moved to chat %s: put that into the configuration", claim.channel, chat)
                await failed(claim, why=why, counts=False)
        if fallback:
            self._awake[fallback].set()

    def _pause(self, attempts: int) -> Micros:
        first, longest = BACK_OFF
        return int(self._random.uniform(0.5, 1.0) * min(first * 2 ** min(attempts, 20), longest))


def _can_edit(claim: Claim, sender: Sender) -> bool:
    return sender.can_edit and not is_shared(claim.message_id)


def _edits(claim: Claim, sender: Sender) -> bool:
    """Whether what was sent is changed, if it can be any more."""
    there = bool(claim.message_id) and not is_shared(claim.message_id)
    return there and (sender.can_edit or sender.edits_once)


def _key(claim: Claim) -> str:
    """The same for whoever tells this again; not where what was told is gone, nor of the next reminder, which reads the same."""
    which = claim.revision if claim.matter == REMINDER else claim.message_id
    return f"{claim.incident}/{claim.channel}/{claim.matter}/{claim.meant_for}/{which}"


def _story(claim: Claim) -> Story:
    return _decoder.decode(claim.story)
