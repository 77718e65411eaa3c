"""Presses in WeCom: taken when WeCom sends them, done, and shown on the card. Made by `applications`.

WeCom waits five seconds for an answer, which may be empty, and asks again without one. What came of a press can only be said on
the card, by the code that the press brought.
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
from notifiers.press import Press
from notifiers.wecom_app import WecomAppConfig
from notifiers.wecom_app_calls import WecomApplication, Whom
from notifiers.wecom_card import card, with_word

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
                press = wecom_callback.read(delivery.query, delivery.body, config.keys, now)
            except NotGenuine as error:
                why = str(error)
                continue
            if press is not None and press.chat != str(config.agent_id):
                why = "it is for another application, which has the same keys"
                continue
            if press is not None:
                await self._serve(app, config, press)
            return Answered()
        log.warning("a callback of WeCom was refused", extra={"why": why})
        return None

    async def _serve(self, app: App, config: WecomAppConfig, press: Press) -> None:
        key = f"{config.door.key}:{press.id}"
        if self._desk.is_new(key):
            who = f"wecom:{config.corp_id}:{press.user.lower()}"
            await self._desk.in_time(self._do(app, press, Pressed(key, who, press.data)))

    async def _do(self, app: App, press: Press, pressed: Pressed) -> None:
        desk = self._desk
        done = await desk.press(press, pressed, {name: channel for name, (_, channel) in app.items()})
        config, _ = app[done.channel]
        # Of an incident that is over the card says no more than what whoever pressed is told.
        shown = done.message or Message(title=done.reply.text[:TITLE_LIMIT], more_url=done.base_url)
        made = card(with_word(shown, done.reply.text))
        if made is None or not press.public:
            log.warning("whoever pressed a button in WeCom is not answered: the card would lead nowhere")
            return
        application = WecomApplication(config.door, desk.session, desk.tokens, desk.clock.now)
        whom = Whom((press.user,)) if done.alone else config.whom
        answer = await application.update(press.public, whom, made, "")
        if not isinstance(answer, Ok):
            log.warning("a card in WeCom could not be changed: %s", getattr(answer, "why", answer.reason))
