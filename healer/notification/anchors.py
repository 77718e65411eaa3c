"""A chat that keeps the audit log's anchors: people's phones are hard to rewrite. Made by `healer.bootstrap`."""

import asyncio
from typing import Protocol

from healer.audit.anchor import Anchor
from healer.audit.places import NotTaken
from healer.times import format_rfc3339
from notifiers.message import Answer, Emphasis, Message, Ok, OkNoop, Span, line

TELL_S = 60.0
"""Seconds for the channel to take one."""


class Sender(Protocol):
    """A channel's recipient, of which nothing is wanted but to be told."""

    async def send(self, message: Message, *, trace_id: str) -> Answer: ...


class ChannelPlace:
    """`healer.audit.places.Place` over one channel. The last line is the anchor, as `healer audit verify` reads it."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def take(self, anchor: Anchor) -> None:
        words = f"Entry {anchor.place} of the audit log, {format_rfc3339(anchor.at)}."
        statement = line(Span(anchor.line(), Emphasis.CODE))
        message = Message(title="healer audit anchor", lines=(line(words), statement), silent=True)
        try:
            async with asyncio.timeout(TELL_S):
                answer = await self._sender.send(message, trace_id="")
        except TimeoutError:
            raise NotTaken(f"no answer within {TELL_S:g} s") from None
        if not isinstance(answer, Ok | OkNoop):
            raise NotTaken(answer.reason)
