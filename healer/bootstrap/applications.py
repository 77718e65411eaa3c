"""Applications of WeCom and Feishu whose readers press buttons: takes what these send, and answers with the card as it is then.

What a press does is `healer.web.pressing`'s. Made by `healer.bootstrap.starting`, told of changed settings by `renewal`. Any
healer of several may take a press: it goes into the journal.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import TypeVar

import aiohttp
import msgspec

from healer.bootstrap.cards import Cards, Done
from healer.notification.settings import Channel
from healer.notification.story import TITLE_LIMIT
from healer.seams import Clock, Spawn
from healer.settings.model import Settings
from healer.times import Micros
from healer.web.ports import Answered, Callback, Delivery
from healer.web.pressing import Pressed
from notifiers import feishu_callback, wecom_callback
from notifiers.callback import WINDOW, NotGenuine
from notifiers.feishu_app import FeishuAppConfig
from notifiers.feishu_app_calls import FeishuApplication
from notifiers.feishu_card import card as feishu_card
from notifiers.message import Message, Ok, OkNoop
from notifiers.press import Press
from notifiers.tokens import Tokens
from notifiers.wecom_app import WecomAppConfig
from notifiers.wecom_app_calls import WecomApplication, Whom
from notifiers.wecom_card import card as wecom_card
from notifiers.wecom_card import with_word

log = logging.getLogger(__name__)

ANSWER_S = 2.0
"""Seconds until a press is answered in any case: Feishu waits for 3, WeCom for 5."""
MOST_SEEN = 10_000
"""Presses that are remembered while what was signed for them is good."""

Config = TypeVar("Config", WecomAppConfig, FeishuAppConfig)


class Applications:
    """All of them. `wecom` and `feishu` are what `healer.web` hands their callbacks to."""

    def __init__(
        self, session: aiohttp.ClientSession, spawn: Spawn, tokens: Tokens, clock: Clock, answer_s: float = ANSWER_S
    ) -> None:
        self.wecom = Wecom(session, spawn, tokens, clock, answer_s)
        self.feishu = Feishu(session, spawn, tokens, clock, answer_s)
        self.callbacks: Mapping[str, Callback] = {"wecom": self.wecom, "feishu": self.feishu}

    def use(self, settings: Settings) -> None:
        """Go on by these settings."""
        self.wecom.apps = _apps(settings, WecomAppConfig)
        self.feishu.apps = _apps(settings, FeishuAppConfig)

    def serve(self, cards: Cards) -> None:
        """Before the first press comes: what it is handed to."""
        self.wecom.cards = self.feishu.cards = cards


def _apps(settings: Settings, kind: type[Config]) -> list[dict[str, tuple[Config, Channel]]]:
    """The channels of each application whose buttons are heard."""
    found: dict[object, dict[str, tuple[Config, Channel]]] = {}
    for name, channel in settings.channels.items():
        config = channel.config
        if isinstance(config, kind) and config.buttons == "webhook":
            found.setdefault((config.door.key, config.api_url), {})[name] = config, channel
    return list(found.values())


class _Seen:
    """Presses that came, for as long as they could come again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, Micros] = {}

    def is_new(self, key: str) -> bool:
        """Once for each."""
        now = self._clock.now()
        for old in [one for one, until in self._until.items() if until < now]:
            del self._until[old]
        if key in self._until or len(self._until) >= MOST_SEEN:
            return False
        # A stamp may lie ahead of our clock by as much as behind it.
        self._until[key] = now + 2 * WINDOW
        return True


class Wecom:
    """`Callback` for WeCom."""

    def __init__(
        self, session: aiohttp.ClientSession, spawn: Spawn, tokens: Tokens, clock: Clock, answer_s: float
    ) -> None:
        self.apps: list[dict[str, tuple[WecomAppConfig, Channel]]] = []
        self.cards: Cards | None = None
        self._session = session
        self._spawn = spawn
        self._tokens = tokens
        self._clock = clock
        self._answer_s = answer_s
        self._seen = _Seen(clock)

    @property
    def open(self) -> bool:
        return bool(self.apps)

    async def take(self, delivery: Delivery) -> Answered | None:
        now, why = self._clock.now(), ""
        for app in self.apps:
            config, _ = next(iter(app.values()))
            try:
                if "echostr" in delivery.query:
                    return Answered(wecom_callback.challenge(delivery.query, config.keys, now).encode(), "text/plain")
                press = wecom_callback.read(delivery.query, delivery.body, config.keys, now)
            except NotGenuine as error:
                why = str(error)
                continue
            if press is not None and press.chat != str(config.agent_id):
                # Another application of the same company that has the same keys.
                why = "it is for another application"
                continue
            if press is not None:
                await self._serve(app, press)
            return Answered()
        log.warning("a callback of WeCom was refused", extra={"why": why})
        return None

    async def _serve(self, app: Mapping[str, tuple[WecomAppConfig, Channel]], press: Press) -> None:
        """Do it, and answer in time in any case: what takes longer goes on."""
        config, _ = next(iter(app.values()))
        key = f"{config.door.key}:{press.id}"
        if not self._seen.is_new(key):
            return
        who = f"wecom:{config.corp_id}:{press.user.lower()}"
        doing = self._spawn.start("pressed", self._do(app, press, Pressed(key, who, press.data)))
        await asyncio.wait([doing], timeout=self._answer_s)

    async def _do(self, app: Mapping[str, tuple[WecomAppConfig, Channel]], press: Press, pressed: Pressed) -> None:
        assert self.cards is not None, "set before any callback is taken"
        done = await self.cards.press(press, pressed, {name: channel for name, (_, channel) in app.items()})
        config, _ = app[done.channel]
        whom = Whom((press.user,)) if done.alone else config.whom
        # Of an incident that is over the card says no more than what whoever pressed is told.
        shown = done.message or Message(title=done.reply.text[:TITLE_LIMIT], more_url=self.cards.base_url())
        made = wecom_card(with_word(shown, done.reply.text))
        if made is None or not press.public:
            log.warning("whoever pressed a button in WeCom is not answered: the card can go nowhere (server.base_url)")
            return
        application = WecomApplication(config.door, self._session, self._tokens, self._clock.now)
        answer = await application.update(press.public, whom, made, "")
        if not isinstance(answer, Ok | OkNoop):
            log.warning("a card in WeCom could not be changed: %s", answer.why)


class Feishu:
    """`Callback` for Feishu and Lark."""

    def __init__(
        self, session: aiohttp.ClientSession, spawn: Spawn, tokens: Tokens, clock: Clock, answer_s: float
    ) -> None:
        self.apps: list[dict[str, tuple[FeishuAppConfig, Channel]]] = []
        self.cards: Cards | None = None
        self._session = session
        self._spawn = spawn
        self._tokens = tokens
        self._clock = clock
        self._answer_s = answer_s
        self._seen = _Seen(clock)

    @property
    def open(self) -> bool:
        return bool(self.apps)

    async def take(self, delivery: Delivery) -> Answered | None:
        now, why = self._clock.now(), ""
        for app in self.apps:
            config, _ = next(iter(app.values()))
            try:
                came = feishu_callback.read(delivery.headers, delivery.body, config.keys, now)
            except NotGenuine as error:
                why = str(error)
                continue
            if isinstance(came, feishu_callback.Challenge):
                return _said({"challenge": came.text})
            return await self._serve(app, came) if came is not None else _said({})
        log.warning("a callback of Feishu was refused", extra={"why": why})
        return None

    async def _serve(self, app: Mapping[str, tuple[FeishuAppConfig, Channel]], press: Press) -> Answered:
        """Do it, and answer in time; what takes longer changes the card when it is done."""
        config, channel = next(iter(app.values()))
        key = f"{config.door.key}:{press.id}"
        if not self._seen.is_new(key):
            return _said({})
        pressed = Pressed(key, f"feishu:{press.user}", press.data)
        done: list[Done] = []
        late = asyncio.Event()

        async def do() -> None:
            assert self.cards is not None, "set before any callback is taken"
            done.append(await self.cards.press(press, pressed, {name: one for name, (_, one) in app.items()}))
            if late.is_set():
                await self._change(config, press, done[0])

        doing = self._spawn.start("pressed", do())
        await asyncio.wait([doing], timeout=self._answer_s)
        if not done:
            late.set()
            return _said({"toast": {"type": "info", "content": channel.speech.say("pressed later")}})
        return _said(_answer(done[0]))

    async def _change(self, config: FeishuAppConfig, press: Press, done: Done) -> None:
        """Show what came of a press whose answer is gone already."""
        application = FeishuApplication(config.door, self._session, self._tokens, self._clock.now)
        if done.message is None or done.reply.loud:
            return
        answer = await application.change(press.message_id, feishu_card(done.message, buttons=True), "")
        if not isinstance(answer, Ok | OkNoop):
            log.warning("a card in Feishu could not be changed: %s", answer.why)


def _answer(done: Done) -> dict[str, object]:
    """What Feishu shows to whoever pressed, and the card as all have it from now on."""
    said: dict[str, object] = {}
    if done.reply.text:
        said["toast"] = {"type": "warning" if done.reply.loud else "success", "content": done.reply.text}
    if done.message is not None and (done.reply.rows is not None or not done.reply.loud):
        said["card"] = {"type": "raw", "data": feishu_card(done.message, buttons=True)}
    return said


def _said(body: dict[str, object]) -> Answered:
    return Answered(msgspec.json.encode(body), "application/json")
