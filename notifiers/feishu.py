"""Feishu (飞书) and Lark: the custom bot of a chat group, by its webhook. A `post`, whose pieces are data and never markup.

Source: open.feishu.cn, "custom bot usage guide". A custom bot's message cannot be edited. 100 messages a minute and 5 a
second; 20 KB a request. A group may ask for a signature, a keyword, or both.
"""

import base64
import hashlib
import hmac
from typing import Annotated, Any

import aiohttp
import msgspec

from notifiers.clock import SECOND, Micros
from notifiers.cut import fit, plain_text, utf8_bytes
from notifiers.exchange import Request
from notifiers.message import Answer, Message, Reason, Span, Told
from notifiers.robot import Codes, Wall, not_editable, post
from notifiers.secret import Secret
from notifiers.sender import Limits, Rate, Unit

BODY_BYTES = 20 * 1024
TEXT_BYTES = 16_000
"""Of text: what is left of a body for the names and brackets around some dozens of lines."""
MINUTE: Micros = 60 * SECOND

CODES = Codes(
    provider="Feishu",
    throttled={11232: MINUTE, 230020: MINUTE, 99991400: MINUTE},
    busy=(),
    target={19001: Reason.NOT_FOUND, 19021: Reason.UNAUTHORIZED, 19022: Reason.FORBIDDEN},
    message=(9499, 19002, 19024, 19036),
    as_said={9499: ("too many request", 11232)},
)


class FeishuConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group's custom bot. A refused value names its key as the second argument of the ValueError."""

    hook: Secret
    """What stands behind `/hook/` in the bot's webhook address."""
    secret: Secret | None = None
    """The key to sign with, where the bot asks for signatures."""
    keyword: str = ""
    """The word that the bot asks for, if it does: put before each message that does not hold it, all-clears included."""
    api_url: Annotated[str, msgspec.Meta(extra={"written": "url"})] = "https://open.feishu.cn"
    """Feishu; https://open.larksuite.com for Lark."""
    timeout: Annotated[Micros, msgspec.Meta(extra={"written": "duration"})] = 10 * SECOND
    """How long to wait for an answer: microseconds inside, written 10s."""

    def __post_init__(self) -> None:
        if not self.hook.reveal().replace("-", "").isalnum() or not self.hook.reveal().isascii():
            raise ValueError("a bot's hook is the last part of its webhook address", "hook")
        if not self.api_url.startswith(("http://", "https://")):
            raise ValueError("expected a URL such as https://open.feishu.cn", "api_url")


class FeishuSender:
    """`Sender` for one group. The session is shared and stays the caller's."""

    type = "feishu"
    can_edit = False

    def __init__(self, name: str, config: FeishuConfig, session: aiohttp.ClientSession, wall: Wall) -> None:
        self.name = name
        rates = (Rate(f"feishu:{name}", 5, SECOND + SECOND // 20), Rate(f"feishu:{name}:minute", 95, MINUTE))
        self.limits = Limits(TEXT_BYTES, Unit.BYTES, rates)
        self._config = config
        self._session = session
        self._wall = wall

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        config, now = self._config, self._wall()
        if config.keyword and config.keyword not in plain_text(message):
            message = msgspec.structs.replace(message, title=f"{config.keyword} {message.title}")
        url = f"{config.api_url.rstrip('/')}/open-apis/bot/v2/hook/{config.hook.reveal()}"
        request = Request(url, config.api_url, "bot/v2/hook", self._body(message, now // SECOND))
        secrets = (config.hook, *([config.secret] if config.secret is not None else []))
        reference = Told(message_id=str(now), chat=self.name)
        return await post(
            self._session, request, CODES, reference, timeout=config.timeout, trace_id=trace_id, secrets=secrets
        )

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:  # noqa: ARG002 - part of the port
        return not_editable("a Feishu bot")

    async def close(self) -> None:
        """The session belongs to whoever handed it in."""

    def _body(self, message: Message, now_s: int) -> bytes:
        """The request, cut until it fits: quotes and many small pieces take more room in it than in the text."""
        size = TEXT_BYTES
        while True:
            body: dict[str, Any] = {
                "msg_type": "post",
                "content": {"post": {"zh_cn": _post(fit(message, size, utf8_bytes))}},
            }
            if self._config.secret is not None:
                body |= {"timestamp": str(now_s), "sign": sign(now_s, self._config.secret)}
            data = msgspec.json.encode(body)
            if len(data) <= BODY_BYTES:
                return data
            size = size * BODY_BYTES // len(data) - 100


def sign(now_s: int, secret: Secret) -> str:
    """The signature for an instant in seconds since 1970: timestamp and secret are the key, and there is no message."""
    key = f"{now_s}\n{secret.reveal()}".encode()
    return base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()


def _post(message: Message) -> dict[str, Any]:
    lines = [[_piece(span) for span in spans] or [{"tag": "text", "text": ""}] for spans in message.lines]
    return {"title": message.title, "content": lines}


def _piece(span: Span) -> dict[str, Any]:
    if span.url:
        return {"tag": "a", "text": span.text, "href": span.url}
    return {"tag": "text", "text": span.text}
