"""Which channels there are: a type's name, how it is configured, and how its sender is made. Read by healer's bootstrap
and by the contract suite, which every channel listed here has to pass."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Self, TextIO

import aiohttp
import msgspec

from notifiers.apprise import AppriseConfig, AppriseSender
from notifiers.dingtalk import DingtalkConfig, DingtalkSender
from notifiers.email import EmailConfig, EmailSender
from notifiers.feishu import FeishuConfig, FeishuSender
from notifiers.feishu_app import FeishuAppConfig, FeishuAppSender
from notifiers.pagerduty import PagerdutyConfig, PagerdutySender
from notifiers.retry import SMS, TELEGRAM, WECOM, Backoff
from notifiers.robot import Wall
from notifiers.sender import Sender
from notifiers.slack import SlackConfig, SlackSender
from notifiers.sms_aliyun import AliyunSmsConfig, AliyunSmsSender
from notifiers.sms_tencent import TencentSmsConfig, TencentSmsSender
from notifiers.sms_twilio import TwilioSmsConfig, TwilioSmsSender
from notifiers.telegram import TelegramConfig, TelegramSender
from notifiers.terminal import TerminalConfig, TerminalSender
from notifiers.tokens import MemoryTokenCache, Tokens
from notifiers.webhook import WebhookConfig, WebhookSender
from notifiers.wecom import WecomConfig, WecomSender
from notifiers.wecom_app import WecomAppConfig, WecomAppSender


class Means(NamedTuple):
    """What channels share and do not own: one HTTP session, one stream for people at the machine, the time of day, and the
    tokens of applications."""

    session: aiohttp.ClientSession
    stream: TextIO
    wall: Wall
    tokens: Tokens

    @classmethod
    def alone(cls, session: aiohttp.ClientSession, stream: TextIO, wall: Wall) -> Self:
        """For one channel that nobody shares anything with."""
        return cls(session, stream, wall, Tokens(MemoryTokenCache(), wall))


class ChannelType(NamedTuple):
    """A type of channel: the shape of its configuration, `factory(name, config, means)`, which raises Unavailable where it cannot
    be made, and how it is tried again."""

    config: type[msgspec.Struct]
    factory: Callable[[str, Any, Means], Sender]
    backoff: Backoff


def _terminal(name: str, config: TerminalConfig, means: Means) -> Sender:
    return TerminalSender(name, config, means.stream)


def _plain(kind: Callable[[str, Any, aiohttp.ClientSession], Sender]) -> Callable[[str, Any, Means], Sender]:
    """The factory of a sender that needs the network alone."""
    return lambda name, config, means: kind(name, config, means.session)


def _signing(kind: Callable[[str, Any, aiohttp.ClientSession, Wall], Sender]) -> Callable[[str, Any, Means], Sender]:
    """The factory of a sender that has to know the time of day."""
    return lambda name, config, means: kind(name, config, means.session, means.wall)


def _application(
    kind: Callable[[str, Any, aiohttp.ClientSession, Tokens, Wall], Sender],
) -> Callable[[str, Any, Means], Sender]:
    """The factory of a sender that shows a token with each request."""
    return lambda name, config, means: kind(name, config, means.session, means.tokens, means.wall)


def _apprise(name: str, config: AppriseConfig, means: Means) -> Sender:
    return AppriseSender(name, config, means.wall)


def _email(name: str, config: EmailConfig, means: Means) -> Sender:
    return EmailSender(name, config, means.wall)


CHANNELS: Mapping[str, ChannelType] = MappingProxyType(
    {
        "apprise": ChannelType(AppriseConfig, _apprise, WECOM),
        "dingtalk": ChannelType(DingtalkConfig, _signing(DingtalkSender), WECOM),
        "email": ChannelType(EmailConfig, _email, SMS),
        "feishu": ChannelType(FeishuConfig, _signing(FeishuSender), WECOM),
        "feishu_app": ChannelType(FeishuAppConfig, _application(FeishuAppSender), WECOM),
        "pagerduty": ChannelType(PagerdutyConfig, _plain(PagerdutySender), TELEGRAM),
        "slack": ChannelType(SlackConfig, _plain(SlackSender), TELEGRAM),
        "sms_aliyun": ChannelType(AliyunSmsConfig, _signing(AliyunSmsSender), SMS),
        "sms_tencent": ChannelType(TencentSmsConfig, _signing(TencentSmsSender), SMS),
        "sms_twilio": ChannelType(TwilioSmsConfig, _plain(TwilioSmsSender), SMS),
        "telegram": ChannelType(TelegramConfig, _plain(TelegramSender), TELEGRAM),
        "terminal": ChannelType(TerminalConfig, _terminal, TELEGRAM),
        "webhook": ChannelType(WebhookConfig, _signing(WebhookSender), WECOM),
        "wecom": ChannelType(WecomConfig, _signing(WecomSender), WECOM),
        "wecom_app": ChannelType(WecomAppConfig, _application(WecomAppSender), WECOM),
    }
)
