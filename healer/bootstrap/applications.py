"""Applications of WeCom and Feishu whose readers press buttons: which there are, by the settings, and what takes their callbacks.

What a press does is `healer.web.pressing`'s. Made by `healer.bootstrap.starting`, told of changed settings by `renewal`. Any
healer of several may take a press: it goes into the journal.
"""

from collections.abc import Mapping
from typing import TypeVar

import aiohttp

from healer.bootstrap.cards import Cards, Desk
from healer.bootstrap.feishu import Feishu
from healer.bootstrap.wecom import Wecom
from healer.notification.settings import Channel
from healer.seams import Clock, Spawn
from healer.settings.model import Settings
from healer.web.ports import Callback
from notifiers.feishu_app import FeishuAppConfig
from notifiers.tokens import Tokens
from notifiers.wecom_app import WecomAppConfig

ANSWER_S = 2.0
"""Seconds until a press is answered in any case: Feishu waits for three, WeCom for five."""

Config = TypeVar("Config", WecomAppConfig, FeishuAppConfig)


class Applications:
    """All of them; `callbacks` are what `healer.web` hands to them, by the name of the provider."""

    def __init__(
        self, session: aiohttp.ClientSession, spawn: Spawn, tokens: Tokens, clock: Clock, answer_s: float = ANSWER_S
    ) -> None:
        self._desk = Desk(session, spawn, tokens, clock, answer_s)
        self._wecom, self._feishu = Wecom(self._desk), Feishu(self._desk)
        self.callbacks: Mapping[str, Callback] = {"wecom": self._wecom, "feishu": self._feishu}

    def serve(self, cards: Cards) -> None:
        """What presses are handed to; before the first one comes."""
        self._desk.cards = cards

    def use(self, settings: Settings) -> None:
        """Go on by these settings."""
        self._wecom.apps = _apps(settings, WecomAppConfig)
        self._feishu.apps = _apps(settings, FeishuAppConfig)


def _apps(settings: Settings, kind: type[Config]) -> list[dict[str, tuple[Config, Channel]]]:
    """The channels of each application whose buttons are heard."""
    found: dict[object, dict[str, tuple[Config, Channel]]] = {}
    for name, channel in settings.channels.items():
        config = channel.config
        if isinstance(config, kind) and config.buttons == "webhook":
            found.setdefault((config.door.key, config.api_url), {})[name] = config, channel
    return list(found.values())
