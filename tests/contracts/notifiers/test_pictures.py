"""Channels that take pictures: one arrives as it was drawn, below its message, and is never worth a word of those who wait."""

import asyncio
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp
import pytest

from notifiers.breaker import Breaker
from notifiers.channel import Channel
from notifiers.clock import SECOND, ManualClock
from notifiers.feishu_app import FeishuAppConfig, FeishuAppSender
from notifiers.limiter import MemoryLimiter
from notifiers.message import Answer, Message, NotTried, Ok, Permanent, Reason, Told
from notifiers.retry import TELEGRAM
from notifiers.secret import Secret
from notifiers.sender import Illustrated, Sender
from notifiers.telegram import TelegramConfig, TelegramSender
from notifiers.tokens import MemoryTokenCache, Tokens
from notifiers.webhook import WebhookConfig, WebhookSender
from notifiers.wecom import WecomConfig, WecomSender
from notifiers.wecom_app import WecomAppConfig, WecomAppSender
from tests.simulation.world import SimRandom
from tests.standins.feishu_app import FeishuAppStandin
from tests.standins.provider import PNG, Fault, Provider
from tests.standins.robots import WecomStandin
from tests.standins.telegram import TelegramStandin
from tests.standins.wecom_app import WecomAppStandin

TOKEN, KEY = "123456:AAsecret", "693a91f6-7aoc-4bc4-97a0"
STORY = Message("[CRIT broken] rack r17 down, cn-1")


def picture() -> bytes:
    """The smallest PNG: one white pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return PNG + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\x00\xff")) + chunk(b"IEND", b"")


KINDS = pytest.mark.parametrize("kind", ["telegram", "wecom", "wecom_app", "feishu_app"])


class Taker(NamedTuple):
    sender: Sender
    standin: TelegramStandin | Provider
    shown: Callable[[], list[bytes]]


@asynccontextmanager
async def taker(kind: str) -> AsyncIterator[Taker]:
    async with aiohttp.ClientSession() as session:
        if kind == "telegram":
            async with TelegramStandin(TOKEN) as telegram:
                chat = TelegramConfig(token=Secret(TOKEN), chat_id=-5, api_url=telegram.url, pictures=True)
                sender = TelegramSender("ops", chat, session)
                yield Taker(sender, telegram, lambda: [shown for _, shown in telegram.photos])
        elif kind == "wecom_app":
            async with WecomAppStandin("ww0", KEY, 7, ("ann",), clock=time.time) as company:
                whom = WecomAppConfig(
                    corp_id="ww0", agent_id=7, secret=Secret(KEY), users=("ann",), api_url=company.url, pictures=True
                )
                tokens = Tokens(MemoryTokenCache(), lambda: 1)
                application = WecomAppSender("ops", whom, session, tokens, lambda: 1)
                yield Taker(application, company, lambda: company.pictures)
        elif kind == "feishu_app":
            async with FeishuAppStandin("cli_1", KEY, ("oc_1",), clock=time.time) as feishu:
                app = FeishuAppConfig(app_id="cli_1", secret=Secret(KEY), to="oc_1", api_url=feishu.url, pictures=True)
                tokens = Tokens(MemoryTokenCache(), lambda: 1)
                bot = FeishuAppSender("ops", app, session, tokens, lambda: 1)
                yield Taker(bot, feishu, lambda: [shown for _, shown in feishu.pictures])
        else:
            async with WecomStandin(KEY, clock=time.time) as wecom:
                robot = WecomConfig(key=Secret(KEY), api_url=wecom.url, pictures=True)
                yield Taker(WecomSender("ops", robot, session, lambda: 1), wecom, lambda: wecom.pictures)


async def told_and_shown(taken: Taker, shown: bytes) -> Answer:
    answer = await taken.sender.send(STORY, trace_id="")
    assert isinstance(answer, Ok)
    assert isinstance(taken.sender, Illustrated)
    return await taken.sender.show(answer.reference, shown, trace_id="")


@KINDS
async def test_a_picture_arrives_as_it_was_drawn(kind: str) -> None:
    """Every byte of it, after the message that it belongs to."""
    async with taker(kind) as taken:
        assert isinstance(await told_and_shown(taken, picture()), Ok)
        assert taken.shown() == [picture()]


async def test_a_picture_answers_its_message() -> None:
    """Where a message can be answered, people see which one it belongs to."""
    async with taker("telegram") as taken:
        await told_and_shown(taken, picture())
        assert isinstance(taken.standin, TelegramStandin)
        ((answered, _),) = taken.standin.photos
        assert (-5, answered) in taken.standin.messages
        assert taken.standin.requests[-1].body["disable_notification"] == "true"


@KINDS
async def test_what_is_no_picture_is_refused_without_harm(kind: str) -> None:
    """An answer of the closed set, without the secret in it."""
    async with taker(kind) as taken:
        answer = await told_and_shown(taken, b"GIF89a")
        assert isinstance(answer, Permanent)
        assert not answer.disable
        taken.standin.faults.append(Fault.BAD_GATEWAY)
        assert isinstance(taken.sender, Illustrated)
        failed = await taken.sender.show(Told("om_1" if kind == "feishu_app" else "1", "-5"), picture(), trace_id="")
        assert not isinstance(failed, Ok)
        assert TOKEN not in repr((answer, failed))
        assert KEY not in repr((answer, failed))


async def test_a_picture_of_feishu_stands_below_its_card() -> None:
    """It is uploaded for that, within what Feishu takes; a token that is known no more is fetched anew."""
    async with taker("feishu_app") as taken:
        feishu, sender = taken.standin, taken.sender
        assert isinstance(feishu, FeishuAppStandin)
        assert isinstance(sender, Illustrated)
        told = await sender.send(STORY, trace_id="")
        assert isinstance(told, Ok)
        feishu.forget_tokens()
        answer = await sender.show(told.reference, picture(), trace_id="")
        assert isinstance(answer, Ok)
        assert [id for id, _ in feishu.pictures] == [told.reference.message_id]
        feishu.image_bytes = 100
        refused = await sender.show(told.reference, PNG + bytes(100), trace_id="")
        assert isinstance(refused, Permanent)
        assert (refused.reason, "234006" in refused.why, len(feishu.pictures)) == (Reason.BAD_MESSAGE, True, 1)
        strange = await sender.show(Told("7", "-5"), picture(), trace_id="")
        assert isinstance(strange, Permanent)


def channel_of(sender: Sender, clock: ManualClock) -> Channel:
    breaker, limiter = Breaker("ops", clock), MemoryLimiter(clock)
    return Channel(sender, breaker=breaker, limiter=limiter, backoff=TELEGRAM, random=SimRandom(1), sleep=asyncio.sleep)


async def test_no_word_waits_for_a_picture() -> None:
    """When the rate is reached a picture is left out, and what is next to be told goes first."""
    async with taker("telegram") as taken:
        clock = ManualClock()
        channel = channel_of(taken.sender, clock)
        assert channel.takes_pictures
        told = [await channel.send(STORY, trace_id="") for _ in range(3)]
        assert isinstance(told[-1], Ok)
        answer = await channel.show(told[-1].reference, picture(), trace_id="")
        assert isinstance(answer, NotTried)
        assert answer.reason is Reason.RATE_LIMITED
        clock.move(4 * SECOND)
        taken.standin.enforce_rates = False
        assert isinstance(await channel.show(told[-1].reference, picture(), trace_id=""), Ok)


async def test_a_channel_without_pictures_says_so() -> None:
    """Whoever draws asks first."""
    config = WebhookConfig(url=Secret("http://127.0.0.1:9/"), secret=Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    async with aiohttp.ClientSession() as session:
        channel = channel_of(WebhookSender("hook", config, session, lambda: 1), ManualClock())
        assert not channel.takes_pictures
