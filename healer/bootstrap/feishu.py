"""Presses and commands in Feishu and Lark: taken when these send them, and done. Made by `applications`.

A press is answered with the card as it is then; Feishu waits three seconds for that, and does not ask again. A command is
answered by a message below it, and comes again where Feishu was not answered in time.
"""

import logging
from collections.abc import Mapping, Sequence

import msgspec

from healer.bootstrap.cards import Desk, Done
from healer.notification.settings import Channel
from healer.web.ports import Answered, Delivery
from healer.web.pressing import Pressed
from notifiers import feishu_callback
from notifiers.callback import NotGenuine
from notifiers.feishu_app import FeishuAppConfig, rates
from notifiers.feishu_app_calls import FeishuApplication
from notifiers.feishu_card import Version, card
from notifiers.message import Ok
from notifiers.press import Press, Word

log = logging.getLogger(__name__)

App = Mapping[str, tuple[FeishuAppConfig, Channel]]
"""The channels of one application, by name."""


class Feishu:
    """`healer.web.ports.Callback`."""

    def __init__(self, desk: Desk) -> None:
        self.apps: Sequence[App] = ()
        self._desk = desk

    @property
    def open(self) -> bool:
        return bool(self.apps)

    async def take(self, delivery: Delivery) -> Answered | None:
        now, why = self._desk.clock.now(), ""
        for app in self.apps:
            config, _ = next(iter(app.values()))
            try:
                came = feishu_callback.read(delivery.headers, delivery.body, config.keys, now)
            except NotGenuine as error:
                why = str(error)
                continue
            if isinstance(came, feishu_callback.Challenge):
                return _said({"challenge": came.text})
            if isinstance(came, Word):
                await self._obey(app, came)
            return await self._serve(app, came) if isinstance(came, Press) else _said({})
        log.warning("a callback of Feishu was refused", extra={"why": why})
        return None

    async def _serve(self, app: App, press: Press) -> Answered:
        """Do it, and answer in time; what takes longer changes the card when it is done."""
        config, channel = next(iter(app.values()))
        key = f"{config.door.key}:{press.id}"
        if not self._desk.is_new(key):
            return _said({})
        pressed = Pressed(key, f"feishu:{press.user}", press.data)
        done: list[Done] = []
        late: list[bool] = []

        async def do() -> None:
            done.append(await self._desk.press(press, pressed, {name: one for name, (_, one) in app.items()}))
            if late:
                await self._change(app, press, done[0])

        await self._desk.in_time(do())
        if not done:
            late.append(True)
            return _said({"toast": {"type": "info", "content": channel.speech.say("pressed later")}})
        return _said(_answer(done[0], app[done[0].channel][0].card_version))

    async def _obey(self, app: App, word: Word) -> None:
        """Do what was written, and say below it what came of it. Elsewhere than in the application's own chats only whoever
        may is answered: anybody can write to it."""
        own = next((one for one in app.values() if one[0].to in (word.chat, word.user)), None)
        config, channel = own or next(iter(app.values()))
        if not self._desk.is_new(f"{config.door.key}:{word.message_id}"):
            return

        async def do() -> None:
            there = rates(config.door, word.chat)
            reply = await self._desk.hear(word, f"feishu:{word.user}", channel.speech, there)
            if reply is None or (reply.loud and own is None):
                return
            text = {"zh_cn": {"title": "", "content": [[{"tag": "text", "text": reply.text}]]}}
            answer = await self._application(config, channel).reply(word.message_id, "post", text, "")
            if not isinstance(answer, Ok):
                log.info("whoever wrote a command was not answered: %s", getattr(answer, "why", answer.reason))

        await self._desk.in_time(do())

    async def _change(self, app: App, press: Press, done: Done) -> None:
        """Show what came of a press whose answer is gone already."""
        config, channel = app[done.channel]
        if (shown := _card(done, config.card_version)) is None:
            return
        answer = await self._application(config, channel).change(press.message_id, shown, "")
        if not isinstance(answer, Ok):
            log.warning("a card in Feishu could not be changed: %s", getattr(answer, "why", answer.reason))

    def _application(self, config: FeishuAppConfig, channel: Channel) -> FeishuApplication:
        desk = self._desk
        return FeishuApplication(config.door, desk.ways.by(channel.proxy), desk.tokens, desk.clock.now)


def _answer(done: Done, version: Version) -> dict[str, object]:
    """What Feishu shows to whoever pressed, and the card as all have it from now on."""
    said: dict[str, object] = {}
    if done.reply.text:
        said["toast"] = {"type": "warning" if done.reply.loud else "success", "content": done.reply.text}
    if (shown := _card(done, version)) is not None:
        said["card"] = {"type": "raw", "data": shown}
    return said


def _card(done: Done, version: Version) -> dict[str, object] | None:
    """The card from now on; None where it stays as it is, as after a refusal."""
    if done.message is None or (done.reply.loud and done.reply.rows is None):
        return None
    return card(done.message, version, buttons=True)


def _said(body: dict[str, object]) -> Answered:
    return Answered(msgspec.json.encode(body), "application/json")
