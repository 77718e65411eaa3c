"""What one request says: good alerts taken, each bad one refused alone, and a clear sentence when nothing can be read."""

import json
from typing import Any

import pytest

from healer.alerts.decode import RESOLVE_TIMEOUT, decode_api_v2, decode_webhook
from healer.alerts.identity import canonical
from healer.alerts.limits import Limits, TooMany, Unreadable
from healer.alerts.model import Batch
from healer.times import SECOND

NOW = 1_767_780_000_000_000  # 2026-01-07T10:00:00Z
LIMITS = Limits()


def sent(**changes: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "InstanceDown", "instance": "a:9100", "severity": "critical"},
        "annotations": {"summary": "a is down"},
        "startsAt": "2026-01-07T09:59:30.123Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prom/graph",
        "fingerprint": "c2d83c678e6ea0a1",
    } | changes


def webhook(*alerts: Any, **changes: Any) -> bytes:
    whole = {
        "receiver": "team\\.x",
        "status": "firing",
        "alerts": list(alerts),
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://am:9093",
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
    }
    return json.dumps(whole | changes).encode()


def read(body: bytes) -> Batch:
    return decode_webhook(body, LIMITS, NOW)


def posted(*alerts: Any) -> Batch:
    return decode_api_v2(json.dumps(alerts).encode(), LIMITS, NOW, "10.0.0.1")


def test_a_webhook_becomes_alerts_with_their_details() -> None:
    batch = read(webhook(sent()))
    (alert,) = batch.alerts
    assert alert.labels == b'{"alertname":"InstanceDown","instance":"a:9100","severity":"critical"}'
    assert (alert.firing, alert.starts_at, alert.ends_at) == (True, NOW - 30 * SECOND + 123_000, 0)
    assert batch.details[0].annotations == {"summary": "a is down"}
    assert batch.details[0].generator_url == "http://prom/graph"
    assert batch.sender == "alertmanager/team.x"
    assert not batch.refusals


def test_a_webhooks_status_is_trusted_over_its_end() -> None:
    batch = read(
        webhook(
            sent(endsAt="2026-01-07T11:00:00Z", status="resolved"), sent(endsAt="2026-01-07T09:59:40Z", status="firing")
        )
    )
    assert [alert.firing for alert in batch.alerts] == [False, True]


def test_fields_of_newer_and_older_alertmanagers_make_no_difference() -> None:
    newer = read(webhook(sent(extra={"a": [1]}), notification_reason="repeat interval elapsed", routeLabels={"a": "b"}))
    old = json.loads(webhook(sent()))
    for name in ("truncatedAlerts", "externalURL", "groupKey", "receiver"):
        del old[name]
    del old["alerts"][0]["fingerprint"]
    older = read(json.dumps(old).encode())
    assert newer.alerts == older.alerts
    assert (older.sender, older.truncated) == ("alertmanager/", 0)


def test_what_the_sender_cut_off_is_counted() -> None:
    assert read(webhook(sent(), truncatedAlerts=17)).truncated == 17


def test_annotations_that_are_null_are_none() -> None:
    assert read(webhook(sent(annotations=None))).details[0].annotations == {}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b'\0{"version":"4"}', "the body is not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"version":"4","alerts":[],"x":' + b"9" * 5000 + b"1e,", "digits|not JSON"),
        (b"[]", "a bare list belongs to /api/v2/alerts"),
        (b'"hello"', "found a text"),
        (b"null", "found null"),
        (b'{"text":"disk full"}', "version and alerts missing"),
        (b'{"version":"4"}', "alerts missing"),
        (b'{"version":"3","alerts":[]}', "version '3' is not known"),
        (b'{"version":4,"alerts":[]}', "version 4 is not known"),
        (b'{"version":"4","alerts":{}}', r"Expected `array`, got `object` - at `\$.alerts`"),
        (b'{"version":"4","alerts":[],"receiver":5}', "receiver"),
        (b'{"version":"4","alerts":[],"receiver":"\xff"}', "not UTF-8"),
    ],
)
def test_a_body_of_another_shape_is_unreadable_and_says_why(body: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        read(body)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (sent(labels={}), "no_labels"),
        (sent(labels={"a": ""}), "no_labels"),
        (sent(labels={"": "x", "a": "b"}), "empty_label_name"),
        (sent(labels={"a": 1}), "wrong_type"),
        (sent(labels=["a"]), "wrong_type"),
        (sent(labels=None), "wrong_type"),
        (sent(annotations={"a": None}), "wrong_type"),
        (sent(status="pending"), "wrong_type"),
        (sent(startsAt=5), "wrong_type"),
        (5, "wrong_type"),
        (None, "wrong_type"),
        ({}, "wrong_type"),
        (sent(startsAt="9999-12-31T23:59:59Z"), "bad_time"),
        (sent(endsAt="0001-01-02T00:00:00Z"), "bad_time"),
        (sent(startsAt="soon"), "bad_time"),
        (sent(labels={f"l{i}": "x" for i in range(100_000)}), "too_many_labels"),
        (sent(labels={"a": "x" * 20_000}), "label_too_long"),
        (sent(labels={"a" * 20_000: "x"}), "label_too_long"),
        (sent(labels={"alertname": "RemediationRequested", "action": "drain_node"}), "reserved_name"),
        (sent(labels={"a": "\ud800"}), "bad_utf8"),
        (sent(annotations={"\udfff": "x"}), "bad_utf8"),
    ],
)
def test_a_bad_alert_costs_itself_alone(bad: Any, reason: str) -> None:
    batch = read(webhook(sent(labels={"alertname": "before"}), bad, sent(labels={"alertname": "after"})))
    assert [alert.labels for alert in batch.alerts] == [b'{"alertname":"before"}', b'{"alertname":"after"}']
    (refusal,) = batch.refusals
    assert (refusal.index, refusal.reason) == (1, reason)
    assert refusal.detail
    assert len(refusal.labels) <= 1_000


def test_bytes_that_are_not_utf_8_are_refused_with_the_labels_that_had_them() -> None:
    body = webhook(sent(labels={"alertname": "bad", "a": "@"}), sent()).replace(b"@", b"\xff\xfe")
    batch = read(body)
    assert len(batch.alerts) == 1
    assert batch.refusals[0].reason == "bad_utf8"
    assert '"alertname": "bad"' in batch.refusals[0].labels


@pytest.mark.parametrize("name", ["été", "a.b", "0", "a b", "名", "a\0b", "\u2028", "__name__"])
def test_any_utf_8_is_a_name(name: str) -> None:
    assert read(webhook(sent(labels={name: "x"}))).alerts[0].labels == canonical({name: "x"})


def test_labels_without_a_value_are_no_labels() -> None:
    assert read(webhook(sent(labels={"a": "b", "c": ""}))).alerts[0].labels == b'{"a":"b"}'


def test_long_annotations_are_cut_rather_than_the_alert_lost() -> None:
    long = "é" * 200_000
    batch = read(webhook(sent(annotations={"summary": "short", "description": long, "more": long})))
    kept = batch.details[0].annotations
    assert kept["summary"] == "short"
    assert kept["description"].endswith("é…")
    assert sum(len(name.encode()) + len(value.encode()) for name, value in kept.items()) <= LIMITS.annotation_bytes
    assert not batch.refusals


def test_more_alerts_than_the_limit_are_not_read_at_all() -> None:
    with pytest.raises(TooMany, match="3 alerts in one request; at most 2"):
        decode_webhook(webhook(sent(), sent(), sent()), Limits(alerts=2), NOW)
    with pytest.raises(TooMany, match="at most 2"):
        decode_api_v2(b"[1,2,3]", Limits(alerts=2), NOW, "")


def test_an_alert_posted_without_times_begins_now_and_lives_five_minutes() -> None:
    (alert,) = posted({"labels": {"a": "b"}}).alerts
    assert (alert.firing, alert.starts_at, alert.ends_at) == (True, NOW, NOW + RESOLVE_TIMEOUT)


def test_an_alert_posted_with_the_zero_times_of_go_has_none() -> None:
    zero = "0001-01-01T00:00:00.000Z"
    assert posted({"labels": {"a": "b"}, "startsAt": zero, "endsAt": zero}) == posted({"labels": {"a": "b"}})


def test_an_alert_posted_with_an_end_that_has_passed_is_resolved() -> None:
    past, future = "2026-01-07T09:59:59Z", "2026-01-07T10:04:00Z"
    batch = posted({"labels": {"a": "1"}, "endsAt": past}, {"labels": {"a": "2"}, "endsAt": future})
    assert [alert.firing for alert in batch.alerts] == [False, True]
    assert batch.alerts[0].starts_at == batch.alerts[0].ends_at == NOW - SECOND


def test_an_end_before_the_start_is_refused_as_alertmanager_does() -> None:
    batch = posted({"labels": {"a": "1"}, "startsAt": "2026-01-07T10:00:00Z", "endsAt": "2026-01-07T09:00:00Z"})
    assert batch.refusals[0].reason == "bad_time"


def test_the_sender_of_a_posted_batch_is_who_connected() -> None:
    assert posted({"labels": {"a": "b"}}).sender == "10.0.0.1"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{}", "expected a JSON list of alerts, found an object"),
        (webhook(sent()), "a webhook belongs to /api/v1/webhooks/alertmanager"),
        (b"3", "found a number"),
        (b"true", "found a truth value"),
        (b"[{]", "not JSON"),
    ],
)
def test_a_posted_body_of_another_shape_is_unreadable(body: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        decode_api_v2(body, LIMITS, NOW, "")


def test_the_peers_of_a_highly_available_pair_are_one_sender() -> None:
    """What one peer said fires, the other may say has ended: they hold it together, whatever their externalURL."""
    bodies = [
        b'{"version":"4","receiver":"healer","externalURL":"http://%s:9093","alerts":[]}' % name
        for name in (b"a", b"b")
    ]
    assert len({decode_webhook(body, Limits(), 0).sender for body in bodies}) == 1
