"""One message to one channel, by what the settings say: for `healer notify test`. No service runs, and nothing is recorded."""

from datetime import UTC, datetime
from typing import TextIO

import aiohttp
import msgspec

import notifiers
from healer.seams import SystemClock
from healer.settings.model import Settings
from healer.times import SECOND
from notifiers.message import Emphasis, Message, Ok, OkNoop, Span, Tone, line
from notifiers.sender import Unavailable


class Tried(msgspec.Struct, frozen=True):
    """Whether the channel took it, and what it said: one of `notifiers.message.Reason`, and a sentence where there is more."""

    channel: str
    reached: bool
    reason: str
    why: str = ""


async def tell(settings: Settings, channel: str, stream: TextIO) -> Tried:
    """What came of it; a channel of type terminal writes to `stream`. Raises KeyError for one that the settings do not have."""
    chosen = settings.channels[channel]
    kind = notifiers.CHANNELS[chosen.type]
    clock = SystemClock()
    proxy = chosen.proxy.reveal() if chosen.proxy is not None else None
    async with aiohttp.ClientSession(proxy=proxy) as session:
        means = notifiers.Means.alone(session, stream, clock.now)
        try:
            sender = kind.factory(channel, chosen.config, means)
        except Unavailable as error:
            return Tried(channel, False, "unavailable", str(error))
        try:
            answer = await sender.send(_message(channel, settings.server.url, clock.now()), trace_id="")
        finally:
            await sender.close()
    return Tried(channel, isinstance(answer, Ok | OkNoop), answer.reason.value, getattr(answer, "why", ""))


def _message(channel: str, url: str, now: int) -> Message:
    at = datetime.fromtimestamp(now // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Message(
        title="[TEST] healer can reach you",
        lines=(
            line("This is a test of the channel ", Span(channel, Emphasis.CODE), ", sent by a person at ", at, "."),
            line("Nothing is broken, and nothing has to be done."),
        ),
        more_url=url,
        tone=Tone.GOOD,
        code="test",
        ended=True,
    )
