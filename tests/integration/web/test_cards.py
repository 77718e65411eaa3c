"""Cards of WeCom and Feishu over HTTP: what a press does, what the card shows from then on, and what is not taken for a press."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from healer.accounts.settings import User
from healer.bootstrap.applications import Applications
from healer.bootstrap.cards import Cards
from healer.bootstrap.cards import Desk as Callbacks
from healer.bootstrap.ways import Ways
from healer.convergence.outcome import People
from healer.convergence.people import Said
from healer.journey.ports import Planned, Wanted
from healer.journey.records import decode
from healer.notification.message import message_of
from healer.notification.wording import tell, unworded
from healer.remediation.model import ONLY_SUGGESTED, State
from healer.seams import Supervisor
from healer.settings import parse_settings
from healer.store.store import Store
from healer.times import HOUR, MINUTE, SECOND
from healer.web.auth import Access
from healer.web.pressing import Pressing
from healer.web.settings import Auth
from healer.web.spoken import Commands
from notifiers import CHANNELS, Means, wecom_callback
from notifiers.limiter import MemoryLimiter
from notifiers.message import Ok
from notifiers.tokens import MemoryTokenCache, Tokens
from tests.integration.web.stand import NOW, SetClock, Stand, standing
from tests.integration.web.test_pressing import ASKING, FOUND, TIDY, Ears
from tests.standins.feishu_app import FeishuAppStandin
from tests.standins.wecom_app import WecomAppStandin, keys

CORP, APP = "ww0123456789abcdef", "cli_9f5343c580712544"
WECOM_KEYS = keys(CORP)
AUTH = Auth(
    users={
        "ann": User(role="operator", teams=("sre",), chat=(f"wecom:{CORP}:ann", "feishu:ou_ann")),
        "eve": User(role="viewer", chat=(f"wecom:{CORP}:eve", "feishu:ou_eve")),
    }
)
CONFIG = """
server: {{base_url: "https://healer.example"}}
channels:
  other: {{type: wecom_app, corp_id: {corp}, agent_id: 7, secret: {{env: S}}, users: [zoe], buttons: {buttons}, language: zh,
    token: {{env: T}}, aes_key: {{env: A}}, api_url: "{url}"}}
  duty: {{type: wecom_app, corp_id: {corp}, agent_id: 7, secret: {{env: S}}, users: [ann, Eve, zoe], buttons: {buttons},
    token: {{env: T}}, aes_key: {{env: A}}, api_url: "{url}"}}
  team: {{type: feishu_app, app_id: {app}, secret: {{env: S}}, to: oc_1, buttons: {buttons}, encrypt_key: {{env: E}},
    verification_token: {{env: V}}, api_url: "{url}", language: zh}}
"""
SECRETS = {
    "S": "secret",
    "T": WECOM_KEYS.token.reveal(),
    "A": WECOM_KEYS.aes_key.reveal(),
    "E": "encrypt-key",
    "V": "verif-token",
}


class Mind(Ears):
    """An engine's memory that takes in what people say."""

    def __init__(self) -> None:
        super().__init__()
        self.acked = False
        self.store: Store | None = None

    async def settled(self) -> None:
        if self.store is not None:
            words = [decode(row.data) for row in await self.store.read(0, 100)]
            self.acked = any(isinstance(one, Said) and one.verb == "ack" for one in words)


class Desk:
    """A healer that told an incident in one channel, and the provider of that."""

    def __init__(self, stand: Stand, provider: Any, url: str, client: aiohttp.ClientSession) -> None:
        self.stand = stand
        self.provider = provider
        self.url = url
        self.client = client

    async def said(self) -> list[Any]:
        return [decode(row.data) for row in await self.stand.rows()]

    async def state(self) -> str:
        found = await self.stand.store.remediation("rem1")
        assert found is not None
        return found.state


@contextlib.asynccontextmanager
async def desk(
    channel: str, plan: Any = ASKING, *, buttons: str = "webhook", answer_s: float = 5
) -> AsyncIterator[Desk]:
    clock, spawn, mind = SetClock(), Supervisor(), Mind()

    def seconds() -> float:
        return clock.instant / SECOND

    provider: WecomAppStandin | FeishuAppStandin
    if channel == "duty":
        provider = WecomAppStandin(CORP, "secret", 7, ("ann", "Eve", "zoe"), clock=seconds)
    else:
        provider = FeishuAppStandin(APP, "secret", ("oc_1",), clock=seconds)
    state: State = "suggested" if plan.capped_by else "awaiting_approval"
    async with provider, aiohttp.ClientSession() as session:
        tokens = Tokens(MemoryTokenCache(), clock.now)
        ways = Ways(session, contextlib.AsyncExitStack())
        applications = Applications(Callbacks(ways, spawn, tokens, clock, MemoryLimiter(clock), answer_s))
        async with standing(auth=AUTH, view=mind, callbacks=applications.callbacks) as (stand, client):
            given = CONFIG.format(corp=CORP, app=APP, url=provider.url, buttons=buttons)
            settings = parse_settings(given, SECRETS)
            story = tell(FOUND, ())

            def now_told(_: str, __: str = "") -> Any:
                people = People(acked_by="ann", acked_at=NOW) if mind.acked else FOUND.people
                return tell(msgspec.structs.replace(FOUND, people=people), ())

            access = Access(AUTH)
            pressing, commands = Pressing(stand.service, access, now_told), Commands(stand.service, access)
            applications.serve(Cards(pressing, stand.store, now_told, lambda: settings.server.url), commands)
            applications.use(settings)
            planned = Planned("rem1", plan, state, NOW + HOUR, plan.capped_by)
            data = msgspec.msgpack.encode(unworded(story))
            wanted = Wanted("inc1", channel, 1, data, True, True)
            await stand.decide(incidents=(FOUND,), planned=(planned,), wanted=(wanted,))
            config = settings.channels[channel]
            kind = CHANNELS[config.type]
            sender = kind.factory(channel, config.config, Means(session, None, clock.now, tokens))  # type: ignore[arg-type] # no stream
            told = await sender.send(message_of(story, settings.server.url, speech=config.speech), trace_id="")
            assert isinstance(told, Ok)
            (claim,) = await stand.store.claim(channel, now=NOW, lease=MINUTE, limit=1)
            await stand.store.told(claim, message_id=told.reference.pack(), now=NOW)
            url = f"{stand.url}/api/v1/webhooks/{'wecom' if channel == 'duty' else 'feishu'}"
            mind.store = stand.store
            try:
                yield Desk(stand, provider, url, client)
            finally:
                assert not await spawn.stop(5)


async def test_wecom_shows_on_the_card_who_did_what() -> None:
    """The press is a word of whoever pressed; the card of all shows what came of it, and no longer offers it."""
    async with desk("duty") as here:
        assert [text for text, _ in here.provider.shown[0].buttons][:2] == ["Acknowledge", "Not the cause"]
        assert await here.provider.press(here.url, WECOM_KEYS, 0, "Acknowledge", "ann") == [200]
        (word,) = await here.said()
        assert (word.verb, word.by, word.key.startswith(f"wecom:{CORP}:7:ann:")) == ("ack", "ann", True)
        (card,) = here.provider.shown
        assert card.text.split("\n")[1] == "You are on it"
        assert "ann is on it" in card.text
        assert "Acknowledge" not in dict(card.buttons)


async def test_in_wecom_a_refusal_is_seen_by_whoever_pressed_alone() -> None:
    """So are the candidates that somebody asks for. The others keep their card."""
    async with desk("duty") as here:
        before = here.provider.shown[0].text
        for user, answer in (
            ("Eve", "eve is a viewer: this takes a responder"),
            ("zoe", f"wecom:{CORP}:zoe has to stand"),
        ):
            assert await here.provider.press(here.url, WECOM_KEYS, 0, "Acknowledge", user) == [200]
            assert answer in here.provider.seen_by[user][-1]
        await here.provider.press(here.url, WECOM_KEYS, 0, "Not the cause", "ann")
        assert "Which one is it?" in here.provider.seen_by["ann"][-1]
        assert (here.provider.shown[0].text, await here.said()) == (before, [])


async def test_wecom_registers_the_address() -> None:
    """It is answered with the bare text that it sent, and only if it was WeCom that asked."""
    async with desk("duty") as here:
        query, _ = here.provider.sealed(WECOM_KEYS, "", "n")
        echo = wecom_callback.sealed(WECOM_KEYS, b"0123456789abcdef", "4711")
        signed = wecom_callback.signature("wecomtoken", query["timestamp"], "n", echo)
        for signature, status, text in ((signed, 200, "4711"), ("0" * 40, 403, "")):
            asked = query | {"echostr": echo, "msg_signature": signature}
            async with here.client.get("/api/v1/webhooks/wecom", params=asked) as response:
                assert response.status == status
                assert (await response.text() == text) is (status == 200)


async def test_feishu_is_answered_with_the_card_as_it_is_then() -> None:
    """A word for whoever pressed, in the channel's language, and the card that all see."""
    async with desk("team") as here:
        status, answer = await here.provider.press(here.url, "om_1", "认领", "ou_ann")
        assert (status, answer["toast"]) == (200, {"type": "success", "content": "已认领，由你处理"})
        (word,) = await here.said()
        assert (word.verb, word.by, word.key) == ("ack", "ann", f"feishu:{APP}:event1")
        assert "ann 正在处理" in here.provider.cards["om_1"].text
        assert "认领" not in here.provider.cards["om_1"].buttons


async def test_in_feishu_a_refusal_is_a_word_to_whoever_pressed() -> None:
    """The card stays as it is; the candidates that somebody asks for are there for all, with a way back."""
    async with desk("team") as here:
        for user, why in (("ou_eve", "eve is a viewer"), ("ou_9", "feishu:ou_9")):
            _, answer = await here.provider.press(here.url, "om_1", "认领", user)
            assert (answer["toast"]["type"], why in answer["toast"]["content"], "card" in answer) == (
                "warning",
                True,
                False,
            )
        await here.provider.press(here.url, "om_1", "不是根因", "ou_ann")
        assert list(here.provider.cards["om_1"].buttons) == ["rack/r1", "返回"]
        await here.provider.press(here.url, "om_1", "返回", "ou_ann")
        assert "认领" in here.provider.cards["om_1"].buttons
        assert await here.said() == []


async def test_feishu_registers_the_address() -> None:
    """By the token that it shows."""
    async with desk("team") as here:
        for token, status in (("verif-token", 200), ("another", 403)):
            asked = {"type": "url_verification", "challenge": "abc", "token": token}
            headers, body = here.provider.sealed(asked)
            assert await here.provider.deliver(here.url, headers, body) == (
                status,
                {"challenge": "abc"} if status == 200 else {},
            )


@pytest.mark.parametrize("channel", ["duty", "team"])
async def test_a_press_that_comes_again_counts_once(channel: str) -> None:
    """Whoever delivers it, and however late: after the time of its signature it is refused."""
    async with desk(channel) as here:
        if channel == "duty":
            xml = (
                "<xml><FromUserName>ann</FromUserName><CreateTime>1</CreateTime><Event>template_card_event</Event>"
                "<EventKey>ack:inc1</EventKey><TaskId>t</TaskId><ResponseCode>x</ResponseCode><AgentID>7</AgentID></xml>"
            )
            query, text = here.provider.sealed(WECOM_KEYS, xml, "n")

            async def again() -> int:
                (status,) = await here.provider.deliver(here.url, query, text)
                return int(status)
        else:
            event = {
                "operator": {"open_id": "ou_ann"},
                "action": {"value": {"d": "ack:inc1"}},
                "context": {"open_message_id": "om_1", "open_chat_id": "oc_1"},
            }
            header = {"event_id": "e", "event_type": "card.action.trigger", "token": "verif-token"}
            headers, body = here.provider.sealed({"schema": "2.0", "header": header, "event": event})

            async def again() -> int:
                status, _ = await here.provider.deliver(here.url, headers, body)
                return int(status)

        assert [await again(), await again()] == [200, 200]
        assert len(await here.said()) == 1


@pytest.mark.parametrize("channel", ["duty", "team"])
@pytest.mark.parametrize("buttons", ["webhook", "none"])
async def test_what_the_provider_did_not_send_is_refused(channel: str, buttons: str) -> None:
    """Unsigned, or with no secrets here that could make it genuine: nothing is taken, and a body has a limit."""
    async with desk(channel, buttons=buttons) as here:
        for body, status in ((b"", 403), (b"<xml/>", 403), (b"{}", 403), (b" " * 300_000, 413)):
            async with here.client.post(here.url, data=body) as response:
                assert response.status == (status if buttons == "webhook" else 403)
        assert await here.said() == []


@pytest.mark.parametrize("channel", ["duty", "team"])
async def test_whoever_pressed_is_answered_in_time(channel: str) -> None:
    """Where the store takes longer the provider has its answer, and what was pressed is done and shown all the same."""
    async with desk(channel, answer_s=0.05) as here:
        here.stand.disk.wait = asyncio.Event()
        if channel == "duty":
            assert await here.provider.press(here.url, WECOM_KEYS, 0, "Acknowledge", "ann") == [200]
        else:
            _, answer = await here.provider.press(here.url, "om_1", "认领", "ou_ann")
            assert answer == {"toast": {"type": "info", "content": "healer 正在处理：结果会显示在消息里"}}
        assert here.stand.disk.wait is not None
        here.stand.disk.wait.set()
        async with asyncio.timeout(20):
            while "ann" not in here.provider.texts[0]:
                await asyncio.sleep(0.01)
        assert len(await here.said()) == 1


@pytest.mark.parametrize("channel", ["duty", "team"])
async def test_a_plan_is_answered_from_a_card(channel: str) -> None:
    """Approved once, by whoever may; a suggestion is run by a press, too."""
    async with desk(channel) as here:
        await _press(here, channel, "approve:rem1", "ann")
        assert await here.state() == "planned"
    suggested = msgspec.structs.replace(ASKING, approve=(), mode="suggest", capped_by=ONLY_SUGGESTED, steps=TIDY)
    async with desk(channel, suggested) as here:
        await _press(here, channel, "run:rem1", "eve")
        assert await here.state() == "suggested"
        await _press(here, channel, "run:rem1", "ann")
        assert await here.state() == "planned"


async def _press(here: Desk, channel: str, data: str, user: str) -> None:
    if channel == "duty":
        await here.provider.press(here.url, WECOM_KEYS, 0, "", user, key=data)
    else:
        await here.provider.press(here.url, "om_1", "", f"ou_{user}", value={"d": data})


async def _switches(here: Desk) -> list[tuple[bool, str, str]]:
    return [(one.thrown, one.by, one.why) for one in await here.stand.store.switches()]


async def test_a_word_in_wecom_is_the_kill_switch() -> None:
    """Judged as in Telegram, and once however often it comes; whoever wrote it, and nobody else, reads what came of it."""
    async with desk("duty") as here:
        said = here.provider.write
        assert await said(here.url, WECOM_KEYS, "Eve", "/resume") == [200]
        assert here.provider.seen_by["Eve"][-1] == "eve is a viewer: this takes an operator"
        for _ in range(2):
            assert await said(here.url, WECOM_KEYS, "ann", "/pause it is\nodd &lt;", MsgId=1) == [200]
        assert await _switches(here) == [(True, "ann", "it is odd &lt;")]
        assert [text[:6] for text in here.provider.seen_by["ann"][1:]] == ["Paused"]
        await said(here.url, WECOM_KEYS, "zoe", "/resume")
        assert here.provider.seen_by["zoe"][-1].startswith("healer 不认识")
        earlier = here.provider.clock() - 10
        await said(here.url, WECOM_KEYS, "ann", "/resume", CreateTime=int(earlier))
        assert here.provider.seen_by["ann"][-1].startswith("Still paused: ann paused at ")
        await said(here.url, WECOM_KEYS, "ann", "/resume")
        assert [thrown for thrown, *_ in await _switches(here)] == [False]


async def test_a_word_in_feishu_is_the_kill_switch() -> None:
    """Of the application's own chat, behind its name; whoever may is answered elsewhere too, strangers there are not."""
    async with desk("team") as here:
        said = here.provider.write
        assert await said(here.url, "oc_1", "ou_eve", "/resume") == [200]
        assert await said(here.url, "oc_1", "ou_ann", "/pause the disk", times=2) == [200, 200]
        assert await said(here.url, "oc_9", "ou_9", "/pause") == [200]
        assert await _switches(here) == [(True, "ann", "the disk")]
        await said(here.url, "oc_1", "ou_ann", "/resume", create_time=str(int(here.provider.clock() * 1000) - 10_000))
        assert [thrown for thrown, *_ in await _switches(here)] == [True]
        await said(here.url, "oc_9", "ou_ann", "/resume")
        assert [thrown for thrown, *_ in await _switches(here)] == [False]
        assert [(id, text[:9]) for id, text in here.provider.replies] == [
            ("om_written1", "eve is a "),
            ("om_written2", "已暂停：不再开始任"),
            ("om_written4", "仍处于暂停：ann"),
            ("om_written5", "修复可以重新开始"),
        ]


@pytest.mark.parametrize("text", ["/start", "pause", "please /pause", ""])
async def test_what_is_no_command_is_left_alone(text: str) -> None:
    """People and other programs go on undisturbed; what is not text is no command either."""
    async with desk("team") as here:
        assert await here.provider.write(here.url, "oc_1", "ou_ann", text) == [200]
        assert await here.provider.write(here.url, "oc_1", "ou_ann", "/pause", sender_type="app") == [200]
        assert await here.provider.write(here.url, "oc_1", "ou_ann", "/pause", message_type="image") == [200]
        assert (await _switches(here), here.provider.replies) == ([], [])
    async with desk("duty") as here:
        assert await here.provider.write(here.url, WECOM_KEYS, "ann", text) == [200]
        assert await here.provider.write(here.url, WECOM_KEYS, "ann", "/pause", MsgType="image") == [200]
        assert await here.provider.write(here.url, WECOM_KEYS, "ann", "/pause", AgentID=8) == [403]
        assert (await _switches(here), len(here.provider.shown)) == ([], 1)
