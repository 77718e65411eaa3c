"""Decoding holds whatever comes: nothing is raised but Unreadable, and every element is either taken or refused."""

import contextlib
import json
from typing import Any, get_args

from hypothesis import example, given
from hypothesis import strategies as st

from healer.alerts.decode import decode_api_v2, decode_webhook
from healer.alerts.limits import Limits, Reason, Unreadable
from healer.alerts.model import Batch

NOW = 1_767_780_000_000_000
LIMITS = Limits(labels=4, name_bytes=16, value_bytes=20, annotation_bytes=48)

ANY_TEXT = st.text(st.characters(), max_size=10)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
TIMES = st.sampled_from(
    [
        "",
        "0001-01-01T00:00:00Z",
        "2026-01-07T10:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-01-07T09:00:00+14:00",
        "x",
        "\ud800",
    ]
)
LABELS = st.dictionaries(ANY_TEXT, ANY_TEXT | ANY_JSON, max_size=6)
ALERTS = ANY_JSON | st.fixed_dictionaries(
    {"labels": LABELS},
    optional={
        "status": st.sampled_from(["firing", "resolved"]) | ANY_JSON,
        "annotations": LABELS,
        "startsAt": TIMES | ANY_JSON,
        "endsAt": TIMES | ANY_JSON,
        "generatorURL": ANY_JSON,
    },
)


def accounts_for_all(batch: Batch, count: int) -> None:
    assert len(batch.alerts) == len(batch.details)
    assert len(batch.alerts) + len(batch.refusals) == count
    indices = [refusal.index for refusal in batch.refusals]
    assert indices == sorted(set(indices))
    assert all(refusal.reason in get_args(Reason) for refusal in batch.refusals)
    json.dumps([refusal.detail + refusal.labels for refusal in batch.refusals], ensure_ascii=False).encode()


@given(alerts=st.lists(ALERTS, max_size=5))
@example(alerts=[{"labels": {"a": "b"}, "x": 10**30}])
def test_every_element_of_a_posted_list_is_taken_or_refused(alerts: list[Any]) -> None:
    accounts_for_all(decode_api_v2(json.dumps(alerts).encode(), LIMITS, NOW, "s"), len(alerts))


@given(alerts=st.lists(ALERTS, max_size=5))
def test_every_element_of_a_webhook_is_taken_or_refused(alerts: list[Any]) -> None:
    body = json.dumps({"version": "4", "alerts": alerts}).encode()
    accounts_for_all(decode_webhook(body, LIMITS, NOW), len(alerts))


@given(body=st.binary(max_size=60) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_raise_anything_but_unreadable(body: bytes) -> None:
    with contextlib.suppress(Unreadable):
        decode_webhook(body, LIMITS, NOW)
    with contextlib.suppress(Unreadable):
        decode_api_v2(body, LIMITS, NOW, "s")


@given(alerts=st.lists(ALERTS, min_size=1, max_size=3), at=st.integers(0, 400), byte=st.integers(0, 255))
def test_one_flipped_byte_raises_nothing_but_unreadable(alerts: list[Any], at: int, byte: int) -> None:
    body = bytearray(
        json.dumps({"version": "4", "alerts": alerts}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    )
    body[at % len(body)] = byte
    with contextlib.suppress(Unreadable):
        decode_webhook(bytes(body), LIMITS, NOW)


@given(
    alerts=st.lists(
        st.fixed_dictionaries({"labels": st.dictionaries(st.text("ab", min_size=1), st.text("cd"))}), max_size=4
    )
)
def test_the_slow_road_takes_exactly_what_the_fast_one_takes(alerts: list[Any]) -> None:
    fast = decode_api_v2(json.dumps(alerts).encode(), LIMITS, NOW, "s")
    slow = decode_api_v2(json.dumps([*alerts, 5]).encode(), LIMITS, NOW, "s")
    assert (slow.alerts, slow.details, slow.refusals[:-1]) == (fast.alerts, fast.details, fast.refusals)
