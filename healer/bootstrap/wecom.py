"""Presses and commands in WeCom: taken when WeCom sends them, and done. Made by `applications`.

WeCom waits five seconds for an answer, which may be empty, and asks again without one. What came of a press can only be said on
the card, by the code that the press brought; what came of a command is a message to whoever wrote it.
"""

import logging
from collections.abc import Mapping, Sequence

from healer.bootstrap.cards import Desk
from healer.notification.settings import Channel
from healer.notification.story import TITLE_LIMIT
from healer.web.ports import Answered, Delivery
from healer.web.pressing import Pressed
from notifiers import wecom_callback
from notifiers.callback import NotGenuine
from notifiers.message import Message, Ok
from notifiers.press import Press, Word
from notifiers.wecom_app import WecomAppConfig, rates_of
from notifiers.wecom_app_calls import NOBODY, WecomApplication, Whom
from notifiers.wecom_card import card, text, with_word

log = logging.getLogger(__name__)

App = Mapping[str, tuple[WecomAppConfig, Channel]]
"""The channels of one application, by name."""


class Wecom:
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
                if "echostr" in delivery.query:
                    return Answered(wecom_callback.challenge(delivery.query, config.keys, now).encode())
                came = wecom_callback.read(delivery.query, delivery.body, config.keys, now)
            except NotGenuine as error:
                why = str(error)
                continue
            if came is not None and came.chat != str(config.agent_id):
                why = "it is for another application, which has the same keys"
                continue
            if isinstance(came, Word):
                await self._obey(app, came)
            elif came is not None:
                await self._serve(app, config, came)
            return Answered()
        log.warning("a callback of WeCom was refused", extra={"why": why})
        return None

    async def _serve(self, app: App, config: WecomAppConfig, press: Press) -> None:
        key = f"{config.door.key}:{press.id}"
        if self._desk.is_new(key):
            await self._desk.in_time(self._do(app, press, Pressed(key, _who(config, press), press.data)))

    async def _obey(self, app: App, word: Word) -> None:
        """Do what was written, and tell whoever wrote it what came of it: only members of the company can."""
        known = [one for one in app.values() if word.user.lower() in map(str.lower, one[0].users)]
        config, channel = next(iter((*known, *app.values())))
        if not self._desk.is_new(f"{config.door.key}:{word.message_id}"):
            return

        async def do() -> None:
            reply = await self._desk.hear(word, _who(config, word), channel.speech, rates_of(config, [word.user]))
            if reply is None:
                return
            shown = {"msgtype": "text", "text": {"content": text(Message(reply.text))}}
            application = self._application(config, channel)
            answer = application.interpret(await application.send(shown, Whom((word.user,)), ""), NOBODY)
            if not isinstance(answer, Ok):
                log.info("whoever wrote a command was not answered: %s", getattr(answer, "why", answer.reason))

        await self._desk.in_time(do())

    async def _do(self, app: App, press: Press, pressed: Pressed) -> None:
        desk = self._desk
        done = await desk.press(press, pressed, {name: channel for name, (_, channel) in app.items()})
        config, channel = app[done.channel]
        # Of an incident that is over the card says no more than what whoever pressed is told.
        shown = done.message or Message(title=done.reply.text[:TITLE_LIMIT], more_url=done.base_url)
        made = card(with_word(shown, done.reply.text))
        if made is None or not press.public:
            log.warning("whoever pressed a button in WeCom is not answered: the card would lead nowhere")
            return
        whom = Whom((press.user,)) if done.alone else config.whom
        answer = await self._application(config, channel).update(press.public, whom, made, "")
        if not isinstance(answer, Ok):
            log.warning("a card in WeCom could not be changed: %s", getattr(answer, "why", answer.reason))

    def _application(self, config: WecomAppConfig, channel: Channel) -> WecomApplication:
        desk = self._desk
        return WecomApplication(config.door, desk.ways.by(channel.proxy), desk.tokens, desk.clock.now)


def _who(config: WecomAppConfig, where: Press | Word) -> str:
    """As `chat` of `server.auth.users` has it."""
    return f"wecom:{config.corp_id}:{where.user.lower()}"
