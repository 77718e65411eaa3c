"""A webhook of one's own: each telling as signed JSON, by the rules of Standard Webhooks (standardwebhooks.com).

`webhook-id` is the same whenever the same telling is repeated, so that its receiver can drop what comes twice. An edit is
another telling that names the message it replaces.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Annotated
from urllib.parse import urlsplit

import aiohttp
import msgspec

from notifiers.clock import SECOND, Micros
from notifiers.cut import fit, plain_text
from notifiers.exchange import JSON, Reply, Request, exchange, seconds, wait
from notifiers.message import (
    Ambiguous,
    Answer,
    Message,
    Ok,
    Permanent,
    RateLimited,
    Reason,
    Told,
    Transient,
    hidden,
)
from notifiers.robot import Wall
from notifiers.secret import Secret
from notifiers.sender import Limits, Unit

_LATER = (408, 425)
_GATEWAY_GAVE_UP = (504, 524)
_PREFIX = "whsec_"


class WebhookConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to post, and how to sign. A refused value names its key as the second argument of the ValueError."""

    url: Secret
    """The whole address; it may hold a secret, so only its host is ever shown."""
    secret: Secret
    """The signing secret as Standard Webhooks writes it: `whsec_` and base64."""
    timeout: Annotated[Micros, msgspec.Meta(extra={"written": "duration"})] = 10 * SECOND
    """How long to wait for an answer: microseconds inside, written 10s."""

    def __post_init__(self) -> None:
        if urlsplit(self.url.reveal()).scheme not in ("http", "https") or not urlsplit(self.url.reveal()).hostname:
            raise ValueError("expected a URL such as https://example.org/hook", "url")
        try:
            key = _key(self.secret)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) < 16:
            raise ValueError("expected whsec_ and at least 16 bytes in base64", "secret")


class WebhookSender:
    """`Sender` for one address. The session is shared and stays the caller's."""

    type = "webhook"
    can_edit = True

    def __init__(self, name: str, config: WebhookConfig, session: aiohttp.ClientSession, wall: Wall) -> None:
        self.name = name
        self.limits = Limits(size=0, unit=Unit.NONE)
        self._config = config
        self._session = session
        self._wall = wall

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        return await self._post(message, "", trace_id)

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:
        """Tell again, naming what it replaces. The reference stays that of the first telling."""
        return await self._post(message, reference.message_id, trace_id)

    async def close(self) -> None:
        """The session belongs to whoever handed it in."""

    async def _post(self, message: Message, replaces: str, trace_id: str) -> Answer:
        config, now_s = self._config, self._wall() // SECOND
        data = _document(message, replaces, trace_id)
        id = "msg_" + hashlib.blake2b(message.key.encode() + data, digest_size=16).hexdigest()
        headers = {
            **JSON,
            "webhook-id": id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": sign(id, now_s, data, config.secret),
        }
        host = urlsplit(config.url.reveal()).hostname or ""
        request = Request(config.url.reveal(), host, "the webhook", data, headers)
        reply = await exchange(self._session, request, timeout=config.timeout, trace_id=trace_id)
        if not isinstance(reply, Reply):
            return reply
        return hidden(interpret(reply, Told(replaces or id)), config.url, config.secret)


def sign(id: str, now_s: int, body: bytes, secret: Secret) -> str:
    """The header `webhook-signature` of a body."""
    signed = b".".join((id.encode(), str(now_s).encode(), body))
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def _key(secret: Secret) -> bytes:
    return base64.b64decode(secret.reveal().removeprefix(_PREFIX), validate=True)


def _document(message: Message, replaces: str, trace_id: str) -> bytes:
    """What is posted: a type and its data, as Standard Webhooks recommends."""
    shown = fit(message, 0, len)
    told = {
        "title": shown.title,
        "text": plain_text(shown),
        "lines": [
            [{"text": span.text, **({"url": span.url} if span.url else {})} for span in spans] for spans in shown.lines
        ],
        "tone": shown.tone.value,
        "url": shown.more_url,
        "trace_id": trace_id,
    }
    kind = "incident.updated" if replaces else "incident.told"
    return msgspec.json.encode({"type": kind, "data": told | ({"replaces": replaces} if replaces else {})})


def interpret(reply: Reply, reference: Told) -> Answer:
    """By the status alone: what a receiver of one's own says in its body is its own business."""
    status, why = reply.status, f"HTTP {reply.status}"
    if 200 <= status < 300:
        return Ok(reference)
    if status == 429:
        return RateLimited(wait(seconds(reply.retry_after)), why=why)
    if status in _GATEWAY_GAVE_UP:
        return Ambiguous(why=f"{why}: a gateway gave up waiting for the answer")
    if status >= 500 or status in _LATER:
        return Transient(why=why, reason=Reason.SERVER_ERROR)
    if status == 410:
        return Permanent(why=f"{why}: it wants no more of them", reason=Reason.NOT_FOUND, disable=True)
    return Permanent(why=why, reason=Reason.REJECTED)
