"""A batch that could not be decoded at once: which of its elements can be read all the same? Used by `healer.alerts.decode`.

Slow and forgiving: the standard library reads the JSON, bytes that are not UTF-8 become lone surrogates, and each element
that has one, or has another shape, becomes a refusal with its index. Pure.
"""

import json
from typing import Any, TypeVar

import msgspec

from healer.alerts.limits import Limits, Unreadable, refuse_many
from healer.alerts.model import Refusal
from healer.alerts.wire import Envelope, Posted, Sent

SHOWN_LABELS = 32
SHOWN_CHARACTERS = 1_000
"""As much of a refused alert's labels is kept for people to find its sender."""

_Shape = TypeVar("_Shape", Sent, Posted)
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}


def elements_posted(body: bytes, limits: Limits) -> list[Posted | Refusal]:
    """The elements of an API v2 body. Raises Unreadable."""
    whole = _loads(body)
    if not isinstance(whole, list):
        hint = " (a webhook belongs to /api/v1/webhooks/alertmanager)" if _has(whole, "alerts") else ""
        raise Unreadable(f"expected a JSON list of alerts, found {_kind(whole)}{hint}")
    return one_by_one(whole, Posted, limits)


def envelope(body: bytes) -> Envelope:
    """A webhook with its alerts still to be read `one_by_one`. Raises Unreadable."""
    whole = _loads(body)
    if not isinstance(whole, dict):
        hint = " (a bare list belongs to /api/v2/alerts)" if isinstance(whole, list) else ""
        raise Unreadable(f"expected Alertmanager's webhook, a JSON object, found {_kind(whole)}{hint}")
    missing = [name for name in ("version", "alerts") if name not in whole]
    if missing:
        raise Unreadable(
            f"this is not Alertmanager's webhook version 4: {' and '.join(missing)} missing; "
            "a receiver with a `payload` of its own cannot be read"
        )
    if _broken_text(whole.get("receiver")) or _broken_text(whole["version"]):
        raise Unreadable("the webhook's own fields are not UTF-8")
    try:
        return msgspec.convert(whole, Envelope)
    except msgspec.ValidationError as wrong:
        raise Unreadable(f"this is not Alertmanager's webhook version 4: {wrong}") from None


def one_by_one(elements: list[Any], shape: type[_Shape], limits: Limits) -> list[_Shape | Refusal]:
    """Each element as `shape`, or the reason why it is not. Raises TooMany before any work is done on them."""
    refuse_many(len(elements), limits)
    return [_one(index, element, shape) for index, element in enumerate(elements)]


def shown(labels: object) -> str:
    """Labels (or what stood in their place) as JSON for people, cut short."""
    if isinstance(labels, dict) and len(labels) > SHOWN_LABELS:
        labels = {name: labels[name] for name in sorted(labels)[:SHOWN_LABELS]}
    try:
        return json.dumps(labels, sort_keys=True)[:SHOWN_CHARACTERS]
    except RecursionError:
        return ""


def _one(index: int, element: object, shape: type[_Shape]) -> _Shape | Refusal:
    try:
        if not _broken_text(element):
            return msgspec.convert(element, shape)
        reason, why = "bad_utf8", "a text in it is not UTF-8"
    except msgspec.ValidationError as wrong:
        reason, why = "wrong_type", str(wrong)
    except RecursionError:
        reason, why = "wrong_type", "it is nested too deeply"
    return Refusal(index, reason, why, shown(element.get("labels") if isinstance(element, dict) else element))


def _loads(body: bytes) -> object:
    try:
        return json.loads(body.decode("utf-8", "surrogateescape"))
    except json.JSONDecodeError as broken:
        raise Unreadable(f"the body is not JSON: {broken.msg} at character {broken.pos}") from None
    except RecursionError:
        raise Unreadable("the body is nested too deeply") from None
    except ValueError:
        raise Unreadable("the body has a number of too many digits") from None


def _broken_text(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _has(whole: object, name: str) -> bool:
    return isinstance(whole, dict) and name in whole


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a number")
