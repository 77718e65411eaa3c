"""A card whose button was pressed, or a command: what that does, and what the card says from then on. Used by `wecom` and
`feishu`."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import msgspec

from healer.bootstrap.pacing import in_turn
from healer.bootstrap.ways import Ways
from healer.journey.ports import StoreUnavailable
from healer.notification.message import message_of
from healer.notification.ports import LedgerRow
from healer.notification.settings import Channel
from healer.notification.story import Story
from healer.notification.wording import Speech
from healer.seams import Clock, Spawn
from healer.times import Micros
from healer.web.ports import Told as Ledger
from healer.web.pressing import Pressed, Pressing, Reply
from healer.web.spoken import Commands, Spoken
from notifiers.callback import WINDOW
from notifiers.limiter import Limiter
from notifiers.message import Message, Told
from notifiers.press import Press, Word
from notifiers.sender import Rate
from notifiers.tokens import Tokens

log = logging.getLogger(__name__)

ANSWER_S = 2.0
"""Seconds until a press is answered in any case: Feishu waits for three, WeCom for five."""
MOST_SEEN = 10_000
"""Presses that are remembered while what was signed for them is good."""
MOST_ROWS = 500
"""Rows of an incident among which the one that was pressed is looked for."""


class Done(msgspec.Struct, frozen=True):
    """What whoever pressed is told, the channel it was in, and what stands there from now on; None where the incident is over.
    `base_url` is healer's own."""

    reply: Reply
    channel: str
    message: Message | None
    base_url: str

    @property
    def alone(self) -> bool:
        """Whether it concerns nobody else: they asked something, or were refused."""
        return self.reply.loud or self.reply.rows is not None


class Cards:
    """`story(incident, channel)` is what people are told of it there now, None where it is over; `base_url` is healer's own."""

    def __init__(
        self, pressing: Pressing, ledger: Ledger, story: Callable[[str, str], Story | None], base_url: Callable[[], str]
    ) -> None:
        self._pressing = pressing
        self._ledger = ledger
        self._story = story
        self._base_url = base_url

    async def press(self, press: Press, pressed: Pressed, channels: Mapping[str, Channel]) -> Done:
        """Do it. `channels` are those of the application, at least one."""
        incident = await self._incident(pressed.data)
        channel, row = await self._place(incident, press.message_id, channels)
        speech = channels[channel].speech
        reply, url = await self._pressing.press(pressed, speech), self._base_url()
        story = self._story(incident, channel) if incident else None
        if story is None:
            return Done(reply, channel, None, url)
        matter, meant_for = (row.matter, row.meant_for) if row is not None else ("", "")
        message = message_of(story, url, matter, speech, meant_for=meant_for)
        if reply.rows is not None:
            message = msgspec.structs.replace(message, buttons=reply.rows)
        return Done(reply, channel, message, url)

    async def _incident(self, data: str) -> str:
        try:
            return await self._pressing.about(data)
        except StoreUnavailable as error:
            log.warning("of a press it is not known what it is about: %s", error)
            return ""

    async def _place(
        self, incident: str, message_id: str, channels: Mapping[str, Channel]
    ) -> tuple[str, LedgerRow | None]:
        """The channel that was pressed in, and what was told in that message; of an older one only the channel is known."""
        rows: list[LedgerRow] = []
        if incident:
            try:
                rows = await self._ledger.rows(incident=incident, limit=MOST_ROWS)
            except StoreUnavailable as error:
                log.warning("of a press it is not known where it was: %s", error)
        here = [row for row in rows if row.channel in channels]
        row = next((row for row in here if _is_of(row, message_id)), None)
        channels_told = [one.channel for one in (row, *here) if one is not None]
        return next(iter((*channels_told, *channels))), row


class Desk:
    """What the callbacks of all applications share. `cards` and `commands` are set before the first press comes."""

    def __init__(
        self,
        ways: Ways,
        spawn: Spawn,
        tokens: Tokens,
        clock: Clock,
        limiter: Limiter,
        answer_s: float = ANSWER_S,
    ) -> None:
        self.ways = ways
        self.tokens = tokens
        self.clock = clock
        self.limiter = limiter
        self.cards: Cards | None = None
        self.commands: Commands | None = None
        self._spawn = spawn
        self._answer_s = answer_s
        self._until: dict[str, Micros] = {}

    def is_new(self, key: str) -> bool:
        """Whether a press or a command came for the first time, as long as what was signed for it is good."""
        now = self.clock.now()
        for old in [one for one, until in self._until.items() if until < now]:
            del self._until[old]
        if key in self._until or len(self._until) >= MOST_SEEN:
            return False
        # A stamp may lie ahead of our clock by as much as behind it.
        self._until[key] = now + 2 * WINDOW
        return True

    async def press(self, press: Press, pressed: Pressed, channels: Mapping[str, Channel]) -> Done:
        """Do it. `channels` are those of the application, at least one."""
        assert self.cards is not None, "set before any callback is taken"
        return await self.cards.press(press, pressed, channels)

    async def hear(self, word: Word, who: str, speech: Speech, rates: Sequence[Rate]) -> Reply | None:
        """Do what was written, and wait until it can be answered within these rates; None where nobody is to be answered."""
        assert self.commands is not None, "set before any callback is taken"
        reply = await self.commands.hear(Spoken(who, word.text, word.at), speech)
        if reply is None or await in_turn(self.limiter, rates):
            return reply
        log.warning("the chat is at its rate limit: a command is not answered")
        return None

    async def in_time(self, work: Coroutine[Any, Any, None]) -> None:
        """Have it done, and wait for it no longer than the provider does: what takes longer goes on."""
        await asyncio.wait([self._spawn.start("pressed", work)], timeout=self._answer_s)


def _is_of(row: LedgerRow, message_id: str) -> bool:
    """Whether it was told in this message; what stands behind a ! in a reference is the card's code."""
    return Told.unpack(row.message_id).message_id.partition("!")[0] == message_id
