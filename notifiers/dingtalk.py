"""DingTalk (钉钉): the robot of a chat group, by its webhook. Plain text, so that nothing in a label is markup.

Source: open.dingtalk.com, "custom robot access". A robot's message cannot be edited. 20 messages a minute, and who breaks
that is blocked for ten minutes, so healer stays at 18.
"""

import base64
import hashlib
import hmac
from typing import Annotated
from urllib.parse import quote_plus

import aiohttp
import msgspec

from notifiers.clock import SECOND, Micros
from notifiers.cut import fit, plain_text, utf8_bytes
from notifiers.exchange import Request
from notifiers.message import Answer, Message, Reason, Told
from notifiers.robot import Codes, Wall, not_editable, post
from notifiers.secret import Secret
from notifiers.sender import Limits, Rate, Unit

TEXT_BYTES = 16_000
MINUTE: Micros = 60 * SECOND

CODES = Codes(
    provider="DingTalk",
    throttled={130101: 10 * MINUTE, 410100: 10 * MINUTE},
    busy=(-1,),
    target={310000: Reason.FORBIDDEN, 300001: Reason.UNAUTHORIZED, 400101: Reason.NOT_FOUND},
    message=(40035, 400103),
)


class DingtalkConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group's robot. A refused value names its key as the second argument of the ValueError."""

    access_token: Secret
    """What stands behind `access_token=` in the robot's webhook address."""
    secret: Secret | None = None
    """The key to sign with (it begins with SEC), where the robot asks for signatures."""
    keyword: str = ""
    """The word that the robot asks for, if it does: put before each message that does not hold it, all-clears included."""
    mentions: tuple[str, ...] = ()
    """Telephone numbers of members to call by name, `@all` for everybody."""
    api_url: Annotated[str, msgspec.Meta(extra={"written": "url"})] = "https://oapi.dingtalk.com"
    """DingTalk, or a gateway of one's own."""
    timeout: Annotated[Micros, msgspec.Meta(extra={"written": "duration"})] = 10 * SECOND
    """How long to wait for an answer: microseconds inside, written 10s."""

    def __post_init__(self) -> None:
        if not self.access_token.reveal().isalnum() or not self.access_token.reveal().isascii():
            raise ValueError("a robot's token is what stands behind access_token= in its address", "access_token")
        if not self.api_url.startswith(("http://", "https://")):
            raise ValueError("expected a URL such as https://oapi.dingtalk.com", "api_url")


class DingtalkSender:
    """`Sender` for one group. The session is shared and stays the caller's."""

    type = "dingtalk"
    can_edit = False

    def __init__(self, name: str, config: DingtalkConfig, session: aiohttp.ClientSession, wall: Wall) -> None:
        self.name = name
        self.limits = Limits(TEXT_BYTES, Unit.BYTES, (Rate(f"dingtalk:{name}", 18, MINUTE),))
        self._config = config
        self._session = session
        self._wall = wall

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        config, now = self._config, self._wall()
        if config.keyword and config.keyword not in plain_text(message):
            message = msgspec.structs.replace(message, title=f"{config.keyword} {message.title}")
        people = [one for one in config.mentions if one != "@all"]
        text = plain_text(fit(message, TEXT_BYTES, utf8_bytes, links=False))
        if people:
            # A member is only called when the text names the number as well.
            text += "\n" + " ".join(f"@{one}" for one in people)
        body = {
            "msgtype": "text",
            "text": {"content": text},
            "at": {"atMobiles": people, "isAtAll": "@all" in config.mentions},
        }
        url = f"{config.api_url.rstrip('/')}/robot/send?access_token={config.access_token.reveal()}"
        if config.secret is not None:
            now_ms = now // 1000
            url += f"&timestamp={now_ms}&sign={quote_plus(sign(now_ms, config.secret))}"
        request = Request(url, config.api_url, "robot/send", msgspec.json.encode(body))
        secrets = (config.access_token, *([config.secret] if config.secret is not None else []))
        reference = Told(message_id=str(now), chat=self.name)
        return await post(
            self._session, request, CODES, reference, timeout=config.timeout, trace_id=trace_id, secrets=secrets
        )

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:  # noqa: ARG002 - part of the port
        return not_editable("a DingTalk robot")

    async def close(self) -> None:
        """The session belongs to whoever handed it in."""


def sign(now_ms: int, secret: Secret) -> str:
    """The signature for an instant in milliseconds since 1970: the secret is the key (Feishu has it the other way round)."""
    signed = f"{now_ms}\n{secret.reveal()}".encode()
    return base64.b64encode(hmac.new(secret.reveal().encode(), signed, hashlib.sha256).digest()).decode()
