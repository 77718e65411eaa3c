"""A channel behind a proxy: its messages, token and presses go by it, those of others do not, and nobody reads its password."""

import asyncio
import io
from contextlib import AsyncExitStack

import aiohttp
import pytest

from healer.bootstrap.bots import Bots
from healer.bootstrap.trying import tell
from healer.bootstrap.ways import Ways
from healer.documents.fields import Secret
from healer.documents.problems import DocumentError
from healer.seams import Supervisor, SystemClock
from healer.settings import parse_settings
from healer.settings.model import Settings
from notifiers.limiter import MemoryLimiter
from tests.standins.feishu_app import FeishuAppStandin
from tests.standins.proxy import ProxyStandin
from tests.standins.telegram import TelegramStandin

CHANNELS = """
channels:
  team: {{type: feishu_app, app_id: cli_1, secret: {{env: S}}, to: oc_1, api_url: "{feishu}", proxy: {proxy}}}
  duty: {{type: telegram, token: {{env: T}}, chat_id: 7, api_url: "{telegram}", buttons: poll, proxy: {proxy}}}
  other: {{type: telegram, token: {{env: T}}, chat_id: 8, api_url: "{telegram}"}}
"""


def configured(proxy: str, feishu: str = "http://x", telegram: str = "http://x") -> Settings:
    secrets = {"S": "feishu-secret", "T": "8:T", "P": proxy}
    return parse_settings(CHANNELS.format(feishu=feishu, telegram=telegram, proxy="{env: P}"), secrets)


async def test_a_channel_goes_by_its_proxy() -> None:
    """With the password that the proxy asks for; a channel that names none goes straight."""
    async with (
        ProxyStandin("ops:pass-word") as proxy,
        TelegramStandin("8:T") as telegram,
        FeishuAppStandin("cli_1", "feishu-secret", ("oc_1",), clock=lambda: 1_700_000_000) as feishu,
    ):
        settings = configured(f"http://ops:pass-word@{proxy.address}", feishu.url, telegram.url)
        for channel in ("team", "duty", "other"):
            tried = await tell(settings, channel, io.StringIO())
            assert tried.reached, tried
        assert [url.partition("/open-apis")[2] for url in proxy.seen[:2]] == [
            "/auth/v3/tenant_access_token/internal",
            "/im/v1/messages?receive_id_type=chat_id",
        ]
        assert [url.rpartition("/")[2] for url in proxy.seen[2:]] == ["sendMessage"]
        assert (len(telegram.texts(7)), len(telegram.texts(8)), len(feishu.cards)) == (1, 1, 1)


async def test_presses_are_asked_for_by_the_proxy() -> None:
    """Where messages cannot go straight, neither can these."""
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(ProxyStandin())
        telegram = await stack.enter_async_context(TelegramStandin("8:T"))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        spawn = Supervisor()
        bots = Bots(Ways(session, stack), spawn, MemoryLimiter(SystemClock()), lambda: True)
        bots.use(configured(f"http://{proxy.address}", telegram=telegram.url))
        async with asyncio.timeout(20):
            while not proxy.seen:
                await asyncio.sleep(0.01)
        assert proxy.seen[0].endswith("/getUpdates")
        assert not await spawn.stop(5)


async def test_one_proxy_is_one_session() -> None:
    """It is closed with the service."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        ways = Ways(session, stack)
        assert ways.by(None) is session
        there = ways.by(Secret("http://proxy.example:3128"))
        assert there is ways.by(Secret("http://proxy.example:3128")) is not session
    assert there.closed


@pytest.mark.parametrize(("port", "why"), [(1, "cannot connect"), (0, "HTTP 407")])
async def test_what_a_proxy_refuses_says_so_without_its_password(port: int, why: str) -> None:
    """Whether it is not there, or wants another password."""
    async with ProxyStandin("ops:another") as proxy:
        address = f"127.0.0.1:{port}" if port else proxy.address
        tried = await tell(configured(f"http://ops:pass-word@{address}"), "duty", io.StringIO())
        assert (tried.reached, why in tried.why) == (False, True), tried
        assert "pass-word" not in repr(tried)


@pytest.mark.parametrize(
    ("channel", "why"),
    [
        ("{type: terminal, proxy: 'http://p:1'}", "channels.a.proxy: a channel of type terminal takes no proxy"),
        (
            "{type: wecom, key: {env: K}, proxy: 'socks5://u:pass-word@p:1'}",
            "channels.a.proxy: expected the URL of an HTTP",
        ),
        (
            "{type: wecom, key: {env: K}, proxy: 'http://u:pass-word@p:x'}",
            "channels.a.proxy: expected the URL of an HTTP",
        ),
    ],
)
def test_what_is_no_proxy_is_refused(channel: str, why: str) -> None:
    """With its place, and without the password in it."""
    with pytest.raises(DocumentError) as wrong:
        parse_settings(f"channels: {{a: {channel}}}", {"K": "key"})
    assert why in str(wrong.value)
    assert "pass-word" not in str(wrong.value)
