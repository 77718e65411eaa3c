"""A channel on the bench: its sender, what its readers see, and what can be made to go wrong on the way.

One bench for each type in `notifiers.CHANNELS`; a type without one fails the suite.
"""

import io
import re
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from notifiers import CHANNELS, Means
from notifiers.clock import SECOND
from notifiers.cut import clean, plain_text
from notifiers.message import Message
from notifiers.secret import Secret
from notifiers.sender import Sender
from tests.standins.feishu_app import FeishuAppStandin
from tests.standins.json_service import JsonService
from tests.standins.mail import MailServer
from tests.standins.pagerduty import PagerdutyStandin
from tests.standins.provider import Fault, Provider
from tests.standins.robots import DingtalkStandin, FeishuStandin, WecomStandin
from tests.standins.slack import SlackStandin
from tests.standins.sms import AliyunStandin, TencentStandin, TwilioStandin
from tests.standins.telegram import TelegramStandin
from tests.standins.webhook import Receiver
from tests.standins.wecom_app import WecomAppStandin


async def _stays() -> None:
    """A stream in the same process goes nowhere."""


@dataclass
class Bench:
    """`seen()` gives what readers see, one text a message, oldest first. `faults` break the next attempt, each in its
    way, and one that goes over a network has at least `slow`. `vanish()` leaves nobody listening; `headers()` are those
    of the last request; `shown(message)` is what readers are to see of it."""

    sender: Sender
    seen: Callable[[], list[str]]
    config: dict[str, Any]
    faults: Mapping[str, Callable[[], None]]
    secrets: tuple[str, ...] = ()
    headers: Callable[[], Mapping[str, str]] = field(default=dict)
    vanish: Callable[[], Awaitable[None]] = field(default=_stays)
    shown: Callable[[Message], str] = plain_text


def wall() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


TOKEN = "123456:AAsecret-_x"
TIMEOUT = SECOND // 5
"""How long channels wait here for an answer; what is slow on purpose takes longer."""


@asynccontextmanager
async def telegram() -> AsyncIterator[Bench]:
    async with TelegramStandin(TOKEN, slow=5.0) as standin, aiohttp.ClientSession() as session:
        standin.enforce_rates = False
        config = {"token": Secret(TOKEN), "chat_id": -5, "api_url": standin.url, "timeout": TIMEOUT}
        kind = CHANNELS["telegram"]
        sender = kind.factory("ops", kind.config(**config), Means.alone(session, io.StringIO(), wall))

        def script(fault: Fault) -> Callable[[], None]:
            return lambda: standin.faults.append(fault)

        faults = {fault.value: script(fault) for fault in Fault if fault is not Fault.OK}
        faults["blocked"] = lambda: standin.blocked.add(-5)
        faults["wrong token"] = lambda: setattr(standin, "token", "999:other")
        faults["moved"] = lambda: standin.migrated.update({-5: -1005})
        yield Bench(
            sender=sender,
            seen=standin.texts,
            config=config,
            faults=faults,
            secrets=(TOKEN, "AAsecret"),
            headers=lambda: standin.requests[-1].headers,
            vanish=standin.stop,
        )


@asynccontextmanager
async def terminal() -> AsyncIterator[Bench]:
    async with aiohttp.ClientSession() as session:
        stream = io.StringIO()
        kind = CHANNELS["terminal"]
        sender = kind.factory("here", kind.config(), Means.alone(session, stream, wall))

        def seen() -> list[str]:
            """Each `*` begins a message; each `~` writes the last one anew."""
            stories: list[list[str]] = []
            for row in stream.getvalue().splitlines():
                if row.startswith("* "):
                    stories.append([row[2:]])
                elif row.startswith("~ "):
                    stories[-1] = [row[2:]]
                else:
                    stories[-1].append(row[2:])
            return ["\n".join(rows) for rows in stories]

        yield Bench(sender=sender, seen=seen, config={}, faults={"closed": stream.close})


@asynccontextmanager
async def _bench(
    type: str, standin: Provider, config: Callable[[str], dict[str, Any]], broken: dict[str, Callable[[], None]]
) -> AsyncIterator[Bench]:
    """A channel before a stand-in; `config(url)` configures it, `broken` are faults of its own."""
    async with standin, aiohttp.ClientSession() as session:
        standin.enforce_rates = False
        kind = CHANNELS[type]
        set_to = config(standin.url)
        sender = kind.factory("ops", kind.config(**set_to), Means.alone(session, io.StringIO(), wall))

        def script(fault: Fault) -> Callable[[], None]:
            return lambda: standin.faults.append(fault)

        yield Bench(
            sender=sender,
            seen=lambda: standin.texts,
            config=set_to,
            faults={fault.value: script(fault) for fault in Fault if fault is not Fault.OK} | broken,
            secrets=tuple(value.reveal() for value in set_to.values() if isinstance(value, Secret)),
            headers=lambda: standin.requests[-1].headers,
            vanish=standin.stop,
        )


def wecom() -> AbstractAsyncContextManager[Bench]:
    key = "693a91f6-7aoc-4bc4-97a0-0ec2sifa5aaa"
    standin = WecomStandin(key, clock=time.time, slow=5.0)
    return _bench(
        "wecom",
        standin,
        lambda url: {"key": Secret(key), "mentions": ("@all",), "api_url": url, "timeout": TIMEOUT},
        {"wrong key": lambda: setattr(standin, "key", "other")},
    )


def feishu() -> AbstractAsyncContextManager[Bench]:
    hook, secret = "a1b2c3d4-0000-1111-2222-333344445555", "demo-secret"
    standin = FeishuStandin(hook, secret=secret, clock=time.time, slow=5.0)
    return _bench(
        "feishu",
        standin,
        lambda url: {"hook": Secret(hook), "secret": Secret(secret), "api_url": url, "timeout": TIMEOUT},
        {
            "wrong secret": lambda: setattr(standin, "secret", "other"),
            "keyword": lambda: setattr(standin, "keyword", "警报"),
            "wrong hook": lambda: setattr(standin, "hook", "other"),
        },
    )


def wecom_app() -> AbstractAsyncContextManager[Bench]:
    corp, secret = "ww0123456789abcdef", "wecom-app-secret_1"
    standin = WecomAppStandin(corp, secret, 1000002, ("ann", "bob"), clock=time.time, slow=5.0)
    whom = {"corp_id": corp, "agent_id": 1000002, "users": ("ann", "bob")}
    bench = _bench(
        "wecom_app",
        standin,
        lambda url: {**whom, "secret": Secret(secret), "api_url": url, "timeout": TIMEOUT},
        {
            "stale token": standin.forget_tokens,
            "strangers": lambda: standin.members.discard("ann"),
            "nobody": standin.members.clear,
            "wrong secret": standin.change_secret,
        },
    )
    return _read_as(bench, lambda message: re.sub("<(/?[aA])", r"‹\1", plain_text(message)))


def feishu_app() -> AbstractAsyncContextManager[Bench]:
    app, secret = "cli_9f5343c580712544", "feishu-app-secret"
    standin = FeishuAppStandin(app, secret, ("oc_1",), clock=time.time, slow=5.0)
    return _bench(
        "feishu_app",
        standin,
        lambda url: {"app_id": app, "secret": Secret(secret), "to": "oc_1", "api_url": url, "timeout": TIMEOUT},
        {
            "stale token": standin.forget_tokens,
            "out of the chat": standin.recipients.clear,
            "wrong secret": standin.change_secret,
        },
    )


def dingtalk() -> AbstractAsyncContextManager[Bench]:
    token, secret = "d" * 64, "SECdemo-secret"
    standin = DingtalkStandin(token, secret, clock=time.time, slow=5.0)
    return _bench(
        "dingtalk",
        standin,
        lambda url: {"access_token": Secret(token), "secret": Secret(secret), "api_url": url, "timeout": TIMEOUT},
        {
            "wrong secret": lambda: setattr(standin, "secret", "other"),
            "wrong token": lambda: setattr(standin, "token", "other"),
        },
    )


def slack() -> AbstractAsyncContextManager[Bench]:
    token = "xoxb-123-456-abcdef"
    standin = SlackStandin(token, "C024BE91L", clock=time.time, slow=5.0)
    return _bench(
        "slack",
        standin,
        lambda url: {"token": Secret(token), "channel": "C024BE91L", "api_url": url, "timeout": TIMEOUT},
        {
            "archived": lambda: setattr(standin, "archived", True),
            "wrong token": lambda: setattr(standin, "token", "other"),
        },
    )


def webhook() -> AbstractAsyncContextManager[Bench]:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    standin = Receiver(secret, clock=time.time, slow=5.0)
    return _bench(
        "webhook",
        standin,
        lambda url: {"url": Secret(f"{url}/hooks/s3cr3t-path"), "secret": Secret(secret), "timeout": TIMEOUT},
        {"gone": lambda: setattr(standin, "status", 410)},
    )


def _short(message: Message, units: int) -> str:
    title = clean(message.title).strip().replace("https://", "")
    while len(title.encode("utf-16-le")) > 2 * units:
        title = title[:-1]
    return title


def _template(message: Message) -> str:
    """What is read on a telephone where a template has variables for line 1 and the code."""
    return f"{_short(message, 35)} ({message.code or '-'})"


def _free(message: Message) -> str:
    """... and where the text is free."""
    code = f" ({message.code})" if message.code else ""
    return _short(message, 70 - len(code)) + code


@asynccontextmanager
async def _read_as(bench: AbstractAsyncContextManager[Bench], shown: Callable[[Message], str]) -> AsyncIterator[Bench]:
    async with bench as built:
        built.shown = shown
        yield built


def sms_aliyun() -> AbstractAsyncContextManager[Bench]:
    standin = AliyunStandin("LTAI5t", "AKSdemo-secret", clock=time.time, slow=5.0)
    account = {"access_key_id": "LTAI5t", "access_key_secret": Secret("AKSdemo-secret")}
    template = {"sign_name": "演示", "template_code": "SMS_1", "number": "+8613800000000"}
    bench = _bench(
        "sms_aliyun",
        standin,
        lambda url: {**account, **template, "api_url": url, "timeout": TIMEOUT},
        {"wrong secret": lambda: setattr(standin, "secret", "other")},
    )
    return _read_as(bench, _template)


def sms_tencent() -> AbstractAsyncContextManager[Bench]:
    standin = TencentStandin("AKIDdemo", "SKdemo-secret", clock=time.time, slow=5.0)
    account = {"secret_id": "AKIDdemo", "secret_key": Secret("SKdemo-secret"), "app_id": "1400000000"}
    template = {"sign_name": "演示", "template_id": "1110", "number": "+8613800000000"}
    bench = _bench(
        "sms_tencent",
        standin,
        lambda url: {**account, **template, "api_url": url, "timeout": TIMEOUT},
        {"wrong secret": lambda: setattr(standin, "secret", "other")},
    )
    return _read_as(bench, _template)


def sms_twilio() -> AbstractAsyncContextManager[Bench]:
    account = "AC0123456789abcdef0123456789abcdef"
    standin = TwilioStandin(account, "TWdemo-secret", clock=time.time, slow=5.0)
    whom = {"number": "+8613800000000", "sender": "+15005550006"}
    bench = _bench(
        "sms_twilio",
        standin,
        lambda url: {
            "account_sid": account,
            "secret": Secret("TWdemo-secret"),
            **whom,
            "api_url": url,
            "timeout": TIMEOUT,
        },
        {
            "wrong secret": lambda: setattr(standin, "secret", "other"),
            "unsubscribed": lambda: standin.unsubscribed.add("+8613800000000"),
        },
    )
    return _read_as(bench, _free)


def pagerduty() -> AbstractAsyncContextManager[Bench]:
    key = "R0UT1NGKEY0123456789abcdef012345"
    standin = PagerdutyStandin(key, clock=time.time, slow=5.0)
    return _bench(
        "pagerduty",
        standin,
        lambda url: {"routing_key": Secret(key), "api_url": url, "timeout": TIMEOUT},
        {"wrong key": lambda: setattr(standin, "routing_key", "other")},
    )


@asynccontextmanager
async def apprise() -> AsyncIterator[Bench]:
    async with JsonService(clock=time.time, slow=5.0) as standin, aiohttp.ClientSession() as session:
        kind = CHANNELS["apprise"]
        host = standin.url.removeprefix("http://")
        config = {"url": Secret(f"json://healer:s3cr3t@{host}/p4th"), "timeout": TIMEOUT}
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            # Some of its plugins import what Python deprecates.
            sender = kind.factory("ops", kind.config(**config), Means.alone(session, io.StringIO(), wall))

        def script(fault: Fault) -> Callable[[], None]:
            return lambda: standin.faults.append(fault)

        yield Bench(
            sender=sender,
            seen=lambda: standin.texts,
            config=config,
            faults={fault.value: script(fault) for fault in Fault if fault is not Fault.OK},
            secrets=("s3cr3t", "p4th"),
            vanish=standin.stop,
        )


@asynccontextmanager
async def email() -> AsyncIterator[Bench]:
    async with MailServer(password="mail-secret", slow=5.0) as server, aiohttp.ClientSession() as session:
        config = {
            "host": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "username": "healer",
            "password": Secret("mail-secret"),
            "sender": "healer <healer@example.org>",
            "to": ("duty@example.org", "ops@example.org"),
            "timeout": TIMEOUT,
        }
        kind = CHANNELS["email"]
        sender = kind.factory("ops", kind.config(**config), Means.alone(session, io.StringIO(), wall))

        def script(fault: Fault) -> Callable[[], None]:
            return lambda: server.faults.append(fault)

        happens = (Fault.SLOW, Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.TOO_MANY, Fault.FORBIDDEN_PAGE)
        faults = {fault.value: script(fault) for fault in happens}
        faults["unknown"] = lambda: server.strangers.update({"duty@example.org": "550 5.1.1 User unknown"})
        faults["wrong password"] = lambda: setattr(server, "password", "other")
        yield Bench(
            sender=sender,
            seen=lambda: server.texts,
            config=config,
            faults=faults,
            secrets=("mail-secret",),
            headers=lambda: {name.lower(): value for name, value in server.letters[-1].items()},
            vanish=server.stop,
        )


BENCHES: Mapping[str, Callable[[], AbstractAsyncContextManager[Bench]]] = {
    "apprise": apprise,
    "dingtalk": dingtalk,
    "email": email,
    "feishu": feishu,
    "feishu_app": feishu_app,
    "pagerduty": pagerduty,
    "slack": slack,
    "sms_aliyun": sms_aliyun,
    "sms_tencent": sms_tencent,
    "sms_twilio": sms_twilio,
    "telegram": telegram,
    "terminal": terminal,
    "webhook": webhook,
    "wecom": wecom,
    "wecom_app": wecom_app,
}
WITHOUT_NETWORK = ("apprise", "terminal")
"""Channels that hand over within the process, to people or to a library that says no more than whether it worked. All others
can be slow, unreachable and traced."""
ONE_LINE = ("sms_aliyun", "sms_tencent", "sms_twilio")
"""Channels that hold no more than line 1."""
