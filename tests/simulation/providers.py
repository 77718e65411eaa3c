"""The providers of a simulated day, each a stand-in that enforces its rules behind a name in the network, and the channels that
healer has there."""

from collections.abc import Callable
from typing import Any, NamedTuple

from notifiers.secret import Secret
from tests.simulation.network import Host, Site
from tests.simulation.secrets import Secrets
from tests.standins import telegram_html
from tests.standins.feishu_app import FeishuAppStandin
from tests.standins.mail import MailServer
from tests.standins.pagerduty import PagerdutyStandin
from tests.standins.provider import Provider
from tests.standins.robots import DingtalkStandin, FeishuStandin, WecomStandin
from tests.standins.slack import SlackStandin
from tests.standins.sms import AliyunStandin, TencentStandin, TwilioStandin
from tests.standins.telegram import TelegramStandin
from tests.standins.webhook import Receiver
from tests.standins.wecom_app import WecomAppStandin

Seconds = Callable[[], float]
SLOW_S = 30.0
"""Seconds that a slow answer takes: longer than anybody waits for it."""
TEXTS = 40
"""Messages that a telephone may get in an hour."""


class Provided(NamedTuple):
    """What answers, how healer's channel there is configured, and how many of about a thousand incidents are told there.

    `keyed`: the provider tells a message that comes twice from two messages."""

    standin: Provider | TelegramStandin | MailServer
    config: dict[str, Any]
    share: int
    keyed: bool = False

    def host(self) -> Host:
        """Its place in the network."""
        standin = self.standin
        return Host(standin.protocol) if isinstance(standin, MailServer) else Site(standin.app())

    def texts(self) -> list[str]:
        """What people see there now, oldest first."""
        return self.standin.texts() if isinstance(self.standin, TelegramStandin) else self.standin.texts

    def sent(self) -> list[str]:
        """Each message as it was when it was new."""
        match self.standin:
            case TelegramStandin(requests=requests):
                sent = (one.text for one in requests if one.stored and one.method == "sendMessage")
                return [telegram_html.parse(text)[0] for text in sent]
            case SlackStandin(posted=posted) | FeishuAppStandin(posted=posted):
                return posted
        return self.texts()


def providers(clock: Seconds, secrets: Secrets) -> dict[str, Provided]:
    """By the type of the channel. Each is one recipient: a group, a telephone, an integration."""
    bot, key, hook, token = (secrets.drawn(begins) for begins in ("123456:AA", "693a91f6-", "a1b2c3d4-", "d"))
    slack, hooks, pager = (secrets.drawn(begins) for begins in ("xoxb-123-456-", "whsec_MfKQ9r8GKYqr+/", "R0UT1NG"))
    feishu, dingtalk, owner = (secrets.drawn(begins) for begins in ("demo", "SEC", "twilio"))
    ali, ten = secrets.drawn("aliyun"), secrets.drawn("tencent")
    company, app = secrets.drawn("corp"), secrets.drawn("app")
    account = "AC0123456789abcdef0123456789abcdef"
    number = {"number": "+8613800000000", "most_per_hour": TEXTS, "most_per_day": TEXTS}
    aliyun = {
        "access_key_id": "LTAI5t",
        "access_key_secret": Secret(ali),
        "sign_name": "演示",
        "template_code": "SMS_1",
    }
    tencent = {"secret_id": "AKID", "secret_key": Secret(ten), "app_id": "1400000000", "sign_name": "演示"}
    tencent |= {"template_id": "1110"}
    twilio = {"account_sid": account, "secret": Secret(owner), "sender": "+15005550006"}
    found = {
        "telegram": Provided(
            TelegramStandin(bot, clock=clock, wall=clock, slow=SLOW_S),
            {"token": Secret(bot), "chat_id": -100123},
            share=200,
        ),
        "wecom": Provided(WecomStandin(key, clock=clock, slow=SLOW_S), {"key": Secret(key)}, share=120),
        "feishu": Provided(
            FeishuStandin(hook, secret=feishu, clock=clock, slow=SLOW_S),
            {"hook": Secret(hook), "secret": Secret(feishu)},
            share=120,
        ),
        "wecom_app": Provided(
            WecomAppStandin("ww1", company, 1000002, ("ada",), clock=clock, slow=SLOW_S),
            {"corp_id": "ww1", "agent_id": 1000002, "secret": Secret(company), "users": ("ada",)},
            share=120,
        ),
        "feishu_app": Provided(
            FeishuAppStandin("cli_a1", app, ("oc_night",), clock=clock, slow=SLOW_S),
            {"app_id": "cli_a1", "secret": Secret(app), "to": "oc_night"},
            share=120,
            keyed=True,
        ),
        "dingtalk": Provided(
            DingtalkStandin(token, dingtalk, clock=clock, slow=SLOW_S),
            {"access_token": Secret(token), "secret": Secret(dingtalk)},
            share=120,
        ),
        "slack": Provided(
            SlackStandin(slack, "C024BE91L", clock=clock, slow=SLOW_S),
            {"token": Secret(slack), "channel": "C024BE91L"},
            share=120,
        ),
        "webhook": Provided(
            Receiver(hooks, clock=clock, slow=SLOW_S),
            {"url": Secret("http://webhook/hooks/demo"), "secret": Secret(hooks)},
            share=100,
            keyed=True,
        ),
        "email": Provided(
            MailServer(slow=SLOW_S),
            {"host": "email", "security": "none", "sender": "healer@example.org", "to": ("night@example.org",)}
            | {"most_per_hour": 1_000},
            share=100,
            keyed=True,
        ),
        "pagerduty": Provided(
            PagerdutyStandin(pager, clock=clock, slow=SLOW_S),
            {"routing_key": Secret(pager)},
            share=100,
            keyed=True,
        ),
        "sms_aliyun": Provided(AliyunStandin("LTAI5t", ali, clock=clock, slow=SLOW_S), aliyun | number, share=1),
        "sms_tencent": Provided(TencentStandin("AKID", ten, clock=clock, slow=SLOW_S), tencent | number, share=1),
        "sms_twilio": Provided(TwilioStandin(account, owner, clock=clock, slow=SLOW_S), twilio | number, share=1),
    }
    for name, one in found.items():
        if name not in ("webhook", "email"):
            one.config["api_url"] = f"http://{name}"
    return found
