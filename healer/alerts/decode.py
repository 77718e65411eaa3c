"""What did this request say? Bytes in; alerts, and what could not be taken, out. Called by `healer.web.accept`. Pure.

The whole batch is decoded at once into typed values. Only when that fails is it taken apart element by element, so that one
bad alert costs itself alone and not its neighbours.
"""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from healer.alerts.asked import ALERT
from healer.alerts.identity import encode
from healer.alerts.instants import BadTime, read_instant
from healer.alerts.limits import Limits, Reason, Unreadable, refuse_many
from healer.alerts.model import RELAY, Alert, Batch, Detail, Refusal
from healer.alerts.piecewise import elements_posted, envelope, one_by_one, shown
from healer.alerts.wire import Envelope, Posted, Sent, Webhook
from healer.times import MINUTE, Micros

RESOLVE_TIMEOUT: Micros = 5 * MINUTE
"""How long an alert posted without `endsAt` lives, as in Alertmanager."""


class _Bad(Exception):
    """Why one alert cannot be taken: a reason and a sentence."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


_webhook = msgspec.json.Decoder(Webhook)
_posted = msgspec.json.Decoder(list[Posted])
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_Shape = TypeVar("_Shape", Sent, Posted)

_ESCAPED = re.compile(r"\\(?=\W)")
"""Alertmanager quotes a receiver's name like a regular expression."""


def decode_webhook(body: bytes, limits: Limits, now: Micros) -> Batch:
    """Alertmanager's webhook, version 4. `status` is trusted; an alert without `startsAt` began at `now`.

    The sender is the receiver, not the Alertmanager that sent this: of a highly available pair one peer may tell that an alert
    fires and the other that it ended. Raises Unreadable.
    """
    found: Sequence[Sent | Refusal]
    try:
        message: Webhook | Envelope = _webhook.decode(body)
        found = message.alerts
    except _BROKEN:
        message = envelope(body)
        found = one_by_one(message.alerts, Sent, limits)
    if message.version != "4":
        raise Unreadable(f"webhook version {message.version!r:.32} is not known; healer reads version '4', a text")

    def alert(sent: Sent) -> Alert:
        labels = _identity(sent.labels, limits)
        starts_at = read_instant(sent.starts_at) or now
        return Alert(labels, sent.status == "firing", starts_at, read_instant(sent.ends_at))

    return _gather(
        found,
        alert,
        body,
        limits,
        f"{RELAY}{_ESCAPED.sub('', message.receiver)}",
        max(message.truncated_alerts, 0),
    )


def decode_api_v2(body: bytes, limits: Limits, now: Micros, sender: str) -> Batch:
    """The list that Prometheus posts to `/api/v2/alerts`, with Alertmanager's defaults.

    Without `startsAt` an alert began at its `endsAt`, or `now`; without `endsAt` it lives for RESOLVE_TIMEOUT. It is
    resolved when its `endsAt` has passed. Raises Unreadable.
    """
    found: Sequence[Posted | Refusal]
    try:
        found = _posted.decode(body)
    except _BROKEN:
        found = elements_posted(body, limits)

    def alert(posted: Posted) -> Alert:
        labels = _identity(posted.labels, limits)
        ends_at = read_instant(posted.ends_at or "")
        starts_at = read_instant(posted.starts_at or "") or ends_at or now
        if not ends_at:
            return Alert(labels, True, starts_at, now + RESOLVE_TIMEOUT)
        if ends_at < starts_at:
            raise _Bad("bad_time", f"endsAt {posted.ends_at} is before startsAt {posted.starts_at}")
        return Alert(labels, ends_at > now, starts_at, ends_at)

    return _gather(found, alert, body, limits, sender, 0)


def _gather(
    found: Sequence[_Shape | Refusal],
    alert: Callable[[_Shape], Alert],
    body: bytes,
    limits: Limits,
    sender: str,
    truncated: int,
) -> Batch:
    """Turn what was decoded into alerts with details; what cannot be taken joins the refusals."""
    refuse_many(len(found), limits)
    # Annotations can only be too long in a body that is itself longer than they may be: most need no second look.
    long = len(body) > limits.annotation_bytes
    alerts: list[Alert] = []
    details: list[Detail] = []
    refusals: list[Refusal] = []
    for index, each in enumerate(found):
        if isinstance(each, Refusal):
            refusals.append(each)
            continue
        try:
            taken = alert(each)
        except _Bad as bad:
            refusals.append(Refusal(index, bad.reason, str(bad), shown(each.labels)))
            continue
        except BadTime as bad:
            refusals.append(Refusal(index, "bad_time", str(bad), shown(each.labels)))
            continue
        annotations = each.annotations or {}
        if long:
            annotations = _cut(annotations, limits.annotation_bytes)
        alerts.append(taken)
        details.append(Detail(annotations, each.generator_url or ""))
    return Batch(sender, tuple(alerts), tuple(details), tuple(refusals), truncated)


def _identity(labels: dict[str, str], limits: Limits) -> bytes:
    """The canonical bytes. Labels without a value are taken out of `labels` itself: in Prometheus they are none."""
    if "" in labels.values():
        for name in [name for name, value in labels.items() if not value]:
            del labels[name]
    if not labels:
        raise _Bad("no_labels", "an alert needs at least one label with a value")
    if "" in labels:
        raise _Bad("empty_label_name", "a label has an empty name")
    if len(labels) > limits.labels:
        raise _Bad("too_many_labels", f"{len(labels)} labels; at most {limits.labels} are taken")
    if labels.get("alertname") == ALERT:
        raise _Bad("reserved_name", f"{ALERT} is what healer makes of Remediation objects, and of nothing else")
    identity = encode(labels)
    # No name or value is longer than the whole: most need no second look.
    if len(identity) > min(limits.name_bytes, limits.value_bytes):
        for name, value in labels.items():
            if len(name.encode()) > limits.name_bytes or len(value.encode()) > limits.value_bytes:
                allowed = f"at most {limits.name_bytes} bytes of name and {limits.value_bytes} of value are taken"
                raise _Bad("label_too_long", f"the label {name[:64]!r} is too long: {allowed}")
    return identity


def _cut(annotations: dict[str, str], limit: int) -> dict[str, str]:
    """Annotations within `limit` bytes together: nobody should miss an alert because its description is long."""
    most = sum(map(len, annotations)) + sum(map(len, annotations.values()))
    if most * 4 <= limit:  # no character takes more than four bytes
        return annotations
    room = limit
    kept = {}
    for name, value in annotations.items():
        size = len(name.encode()) + len(value.encode())
        if size > room:
            head = value.encode()[: max(room - len(name.encode()) - 3, 0)].decode(errors="ignore")
            if head:
                kept[name] = head + "…"
            break
        kept[name] = value
        room -= size
    return kept
