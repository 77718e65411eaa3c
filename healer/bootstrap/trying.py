"""One message to one channel, by what the settings say: for `healer notify test`. No service runs, and nothing is recorded."""

from typing import TextIO

import aiohttp
import msgspec

import notifiers
from healer.notification.wording import Speech
from healer.seams import SystemClock
from healer.settings.model import Settings
from healer.times import Micros
from notifiers.message import Message, Ok, OkNoop, Tone, line
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
            message = _message(channel, chosen.speech, settings.server.url, clock.now())
            answer = await sender.send(message, trace_id="")
        finally:
            await sender.close()
    return Tried(channel, isinstance(answer, Ok | OkNoop), answer.reason.value, getattr(answer, "why", ""))


def _message(channel: str, speech: Speech, url: str, now: Micros) -> Message:
    return Message(
        title=speech.say("test"),
        lines=(
            line(speech.say("test of", channel=channel, at=speech.clocks(now))),
            line(speech.say("test only")),
        ),
        more_url=url,
        more=speech.say("more"),
        tone=Tone.GOOD,
        code="test",
        ended=True,
    )
