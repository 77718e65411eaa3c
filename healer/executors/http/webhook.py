"""call_webhook: what is said, and how it is signed. Pure. Called by `target`.

By the rules of Standard Webhooks (standardwebhooks.com): `webhook-id` is the intent's, so a receiver that keeps the ids it
has seen does nothing twice; `token` lets it refuse whoever was overtaken.
"""

import base64
import hashlib
import hmac
from urllib.parse import urlsplit

import msgspec

from healer.documents.fields import Secret
from healer.executors.http.exchange import Request
from healer.executors.http.settings import Webhook, signing_key
from healer.executors.target import Order
from healer.times import SECOND, Micros, format_rfc3339

TYPE = "healer.call"


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


def host(webhook: Webhook) -> str:
    """As much of its address as may be shown."""
    return urlsplit(webhook.url.reveal()).hostname or ""


def secrets(webhook: Webhook) -> tuple[Secret, ...]:
    """What must not be shown of it."""
    return tuple(one for one in (webhook.url, webhook.secret, webhook.bearer) if one is not None)
