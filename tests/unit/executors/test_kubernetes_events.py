"""What is written beside an object about an effect: what a server takes, once, and never at a remediation's cost."""

from typing import Any

import pytest

from healer.executors.kubernetes.events import NOTE_BYTES, event_of
from healer.executors.target import Order, Result

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "cart-1", "namespace": "shop", "uid": "u1"},
}
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "web-1", "uid": "u2"}}


def order(intent: str = "i1") -> Order:
    return Order(intent, 0, 1, "pod/shop/cart-1", "", ("delete_pod",), 30, trace_id="abc")


def test_it_is_about_the_object_and_says_what_came_of_it() -> None:
    """In the object's namespace, with its uid; what failed is a warning and says why."""
    event = event_of(POD, order(), Result("succeeded", output="pod cart-1 was deleted"), 1_767_780_000_123_456)
    assert event["regarding"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": "cart-1",
        "uid": "u1",
        "namespace": "shop",
    }
    assert (event["metadata"]["namespace"], event["type"], event["reason"]) == ("shop", "Normal", "Repaired")
    assert event["note"] == "healer delete_pod: pod cart-1 was deleted (trace abc)"
    assert event["eventTime"] == "2026-01-07T10:00:00.123456Z"
    failed = event_of(POD, order(), Result("failed", why="a budget forbids it"), 0)
    assert (failed["type"], failed["reason"]) == ("Warning", "RepairFailed")
    assert "a budget forbids it" in failed["note"]


def test_one_intent_has_one_event() -> None:
    """Told twice it has the same name; another intent's has another."""
    done = Result("succeeded")
    first, again, other = (event_of(POD, order(one), done, 0)["metadata"]["name"] for one in ("i1", "i1", "i2"))
    assert first == again != other


@pytest.mark.parametrize(("found", "namespace"), [(POD, "shop"), (NODE, "default")])
def test_what_is_in_no_namespace_is_told_in_default(found: dict[str, Any], namespace: str) -> None:
    """The only place in which a server takes it."""
    event = event_of(found, order(), Result("succeeded"), 0)
    assert event["metadata"]["namespace"] == namespace
    assert ("namespace" in event["regarding"]) is (namespace == "shop")


def test_a_note_is_as_long_as_the_schema_allows() -> None:
    """In bytes, with no character cut in half."""
    note = event_of(POD, order(), Result("succeeded", output="é" * 2_000), 0)["note"]
    assert len(note.encode()) <= NOTE_BYTES
    assert note.encode().decode() == note
