"""Which channels there are: a type's name, how it is configured, and how its sender is made. Read by healer's bootstrap
and by the contract suite, which every channel listed here has to pass."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TextIO

import aiohttp
import msgspec

from notifiers.sender import Sender
from notifiers.telegram import TelegramConfig, TelegramSender
from notifiers.terminal import TerminalConfig, TerminalSender


class Means(NamedTuple):
    """What channels share and do not own: one HTTP session, one stream for people at the machine."""

    session: aiohttp.ClientSession
    stream: TextIO


class ChannelType(NamedTuple):
    """A type of channel: the shape of its configuration, and `factory(name, config, means)`."""

    config: type[msgspec.Struct]
    factory: Callable[[str, Any, Means], Sender]


def _telegram(name: str, config: TelegramConfig, means: Means) -> Sender:
    return TelegramSender(name, config, means.session)


def _terminal(name: str, config: TerminalConfig, means: Means) -> Sender:
    return TerminalSender(name, config, means.stream)


CHANNELS: Mapping[str, ChannelType] = MappingProxyType(
    {
        "telegram": ChannelType(TelegramConfig, _telegram),
        "terminal": ChannelType(TerminalConfig, _terminal),
    }
)
