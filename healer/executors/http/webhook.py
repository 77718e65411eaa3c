"""call_webhook: what is said, how it is signed, and what an answer means. Pure. Called by `target`.

By the rules of Standard Webhooks (standardwebhooks.com): `webhook-id` is the intent's, so a receiver that keeps the ids it
has seen does nothing twice; `token` lets it refuse whoever was overtaken.
"""

import base64
import hashlib
import hmac

import msgspec

from healer.executors.http.exchange import Reply, Request
from healer.executors.http.settings import Webhook, signing_key
from healer.executors.target import Order, Result
from healer.times import SECOND, Micros, format_rfc3339

TYPE = "healer.call"
LATER = (409, 423, 425, 429)
"""It did nothing, and may do so another time: it knows somebody newer, is locked or busy."""
UNREAD = 408
"""The request did not arrive whole."""
ON_THE_WAY = (502, 503, 504, 520, 521, 522, 523, 524)
"""What gateways say of a receiver that they may have reached."""
WORDS = 200
"""Bytes of an answer that people are told of a refusal."""


def request(name: str, webhook: Webhook, order: Order, now: Micros) -> Request:
    """The call of a webhook for an order, signed as of now."""
    id, stamp = order.intent.replace(".", "_"), str(now // SECOND)
    told = {
        "webhook": name,
        "node": order.target,
        "intent": order.intent,
        "token": order.token,
        "step": order.step,
        "deadline_s": order.deadline_s,
        "trace_id": order.trace_id,
        "given": webhook.data,
    }
    body = msgspec.json.encode({"type": TYPE, "timestamp": format_rfc3339(now), "data": told})
    headers = {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": stamp,
        "webhook-signature": signature(id, stamp, body, signing_key(webhook.secret)),
    }
    if webhook.bearer is not None:
        headers["Authorization"] = f"Bearer {webhook.bearer.reveal()}"
    return Request("POST", webhook.url.reveal(), headers, body, order.deadline_s, order.output_limit)


def signature(id: str, stamp: str, body: bytes, key: bytes) -> str:
    """The header `webhook-signature`."""
    signed = b".".join((id.encode(), stamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def result(reply: Reply, webhook: Webhook) -> Result:
    """What an answer says of the call. What was answered has ended, by whatever status."""
    status, text = reply.status, hidden(reply.body.decode("utf-8", "replace"), webhook)
    output = f"{text}\n[cut after {len(reply.body)} bytes]" if reply.cut else text
    words = " ".join(text[:WORDS].split())
    why = f"it answered HTTP {status}" + (f": {words}" if words else "")
    if 200 <= status < 300:
        return Result("succeeded", exit_code=0, output=output)
    if status in LATER:
        return Result("refused", why=f"refused for now: {why}", started=False)
    if status == UNREAD:
        return Result("failed", why=why, started=False)
    if 400 <= status < 500:
        return Result("refused", why=why, started=False, lasting=True)
    if status in ON_THE_WAY:
        return Result("unknown", why=f"{why}: something on the way may have passed it on")
    if 300 <= status < 400:
        why = f"{why}: redirects are not followed, so name the address where it leads"
    return Result("failed", exit_code=status, output=output, why=why)


def hidden(text: str, webhook: Webhook) -> str:
    """Text without the secrets of a webhook, which a receiver may repeat."""
    for secret in (webhook.url, webhook.secret, webhook.bearer):
        if secret is not None:
            text = text.replace(secret.reveal(), "***")
    return text
