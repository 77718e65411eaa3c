"""A card whose button was pressed: what the press does, and what the card says from then on. Used by `applications`."""

import logging
from collections.abc import Callable, Mapping

import msgspec

from healer.journey.ports import StoreUnavailable
from healer.notification.message import message_of
from healer.notification.ports import LedgerRow
from healer.notification.settings import Channel
from healer.notification.story import Story
from healer.web.ports import Told as Ledger
from healer.web.pressing import Pressed, Pressing, Reply
from notifiers.message import Message, Told
from notifiers.press import Press

log = logging.getLogger(__name__)

MOST_ROWS = 500
"""Rows of an incident among which the one that was pressed is looked for."""


class Done(msgspec.Struct, frozen=True):
    """What whoever pressed is told, the channel it was in, and what stands there from now on; None where the incident is over."""

    reply: Reply
    channel: str
    message: Message | None

    @property
    def alone(self) -> bool:
        """Whether it concerns nobody else: they asked something, or were refused."""
        return self.reply.loud or self.reply.rows is not None


class Cards:
    """`story(incident)` is what people are told of it now, None where it is over; `base_url` is healer's own."""

    def __init__(
        self, pressing: Pressing, ledger: Ledger, story: Callable[[str], Story | None], base_url: Callable[[], str]
    ) -> None:
        self._pressing = pressing
        self._ledger = ledger
        self._story = story
        self.base_url = base_url

    async def press(self, press: Press, pressed: Pressed, channels: Mapping[str, Channel]) -> Done:
        """Do it. `channels` are those of the application, at least one."""
        incident = await self._incident(pressed.data)
        row = await self._row(incident, press.message_id, channels)
        channel = row.channel if row is not None else next(iter(channels))
        speech = channels[channel].speech
        reply = await self._pressing.press(pressed, speech)
        story = self._story(incident) if incident else None
        if story is None:
            return Done(reply, channel, None)
        matter, meant_for = (row.matter, row.meant_for) if row is not None else ("", "")
        message = message_of(story, self.base_url(), matter, speech, meant_for=meant_for)
        if reply.rows is not None:
            message = msgspec.structs.replace(message, buttons=reply.rows)
        return Done(reply, channel, message)

    async def _incident(self, data: str) -> str:
        try:
            return await self._pressing.about(data)
        except StoreUnavailable as error:
            log.warning("of a press it is not known what it is about: %s", error)
            return ""

    async def _row(self, incident: str, message_id: str, channels: Mapping[str, Channel]) -> LedgerRow | None:
        """What was told in the message that was pressed."""
        if not incident or not message_id:
            return None
        try:
            rows = await self._ledger.rows(incident=incident, limit=MOST_ROWS)
        except StoreUnavailable:
            return None
        here = [row for row in rows if row.channel in channels and _is_of(row, message_id)]
        return here[0] if here else None


def _is_of(row: LedgerRow, message_id: str) -> bool:
    """Whether it was told in this message; what stands behind a ! in a reference is the card's code."""
    return Told.unpack(row.message_id).message_id.partition("!")[0] == message_id
