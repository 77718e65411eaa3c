"""Applications of WeCom and Feishu whose readers press buttons and write commands: which there are, and what takes callbacks.

What a press does is `healer.web.pressing`'s, what a command does `healer.web.spoken`'s. Made by `healer.bootstrap.starting`, told
of changed settings by `renewal`. Any healer of several may take either: it goes into the journal, or the store.
"""

from collections.abc import Mapping
from typing import TypeVar

from healer.bootstrap.cards import Cards, Desk
from healer.bootstrap.feishu import Feishu
from healer.bootstrap.wecom import Wecom
from healer.notification.settings import Channel
from healer.settings.model import Settings
from healer.web.ports import Callback
from healer.web.spoken import Commands
from notifiers.feishu_app import FeishuAppConfig
from notifiers.wecom_app import WecomAppConfig

Config = TypeVar("Config", WecomAppConfig, FeishuAppConfig)


class Applications:
    """All of them; `callbacks` are what `healer.web` hands to them, by the name of the provider."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._wecom, self._feishu = Wecom(desk), Feishu(desk)
        self.callbacks: Mapping[str, Callback] = {"wecom": self._wecom, "feishu": self._feishu}

    def serve(self, cards: Cards, commands: Commands) -> None:
        """What presses and commands are handed to; before the first one comes."""
        self._desk.cards, self._desk.commands = cards, commands

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
