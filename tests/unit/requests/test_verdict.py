"""What becomes of a request, by what is known: whether its alert fires, and what the object says."""

from typing import Any

import msgspec
import pytest

from healer.convergence.outcome import AlertStatus, AlertView
from healer.remediation.model import Plan, Remediation, State
from healer.requests.resource import Asked
from healer.requests.verdict import judge
from healer.times import SECOND

LABELS = b'{"alertname":"RemediationRequested"}'
ASKED = Asked("shop", "mine", "u1", "7", 1, LABELS, 0, "because", {})
NOW = 1_767_780_000 * SECOND


def alert(status: AlertStatus) -> AlertView:
    return AlertView(LABELS, "remediation/shop/mine/u1", status, "", b"", 0, 0, 0, "", "info", "inc-1", 0)


def remediation(state: State, detail: str = "") -> Remediation:
    plan = Plan("f" * 64, "inc-1", "t", LABELS, 0, "restart", "v", "approve", ())
    return Remediation("rem-1", plan, state, detail=detail, created_at=NOW, changed_at=NOW)


def after(status: dict[str, Any]) -> Asked:
    return msgspec.structs.replace(ASKED, status=status)


def truths(status: dict[str, Any]) -> dict[str, str]:
    return {one["type"]: one["status"] for one in status["conditions"]}


@pytest.mark.parametrize(
    ("known", "state"),
    [
        (None, "accepted"),
        (alert("held"), "held"),
        (alert("suppressed"), "suppressed"),
        (alert("silenced"), "silenced"),
        (alert("root"), "unanswered"),
    ],
)
def test_before_anything_is_planned(known: AlertView | None, state: str) -> None:
    """It fires, and says why nothing is done yet."""
    verdict = judge(ASKED, known, None, NOW)
    assert verdict.fires
    assert verdict.status["state"] == state
    assert truths(verdict.status) == {"Accepted": "True", "Progressing": "False", "Succeeded": "Unknown"}


def test_while_it_is_under_way() -> None:
    """The remediation's own state and words, and by which names it is known elsewhere."""
    status = judge(ASKED, alert("root"), remediation("awaiting_approval", "asking sre"), NOW).status
    assert (status["state"], status["message"], status["incident"]) == ("awaiting_approval", "asking sre", "inc-1")
    assert (status["remediation"], status["rule"], status["plan"]) == ("rem-1", "restart", "f" * 64)
    assert truths(status)["Progressing"] == "True"


def test_once_it_is_over_its_alert_ends_for_good() -> None:
    """Not even a healer that has forgotten the remediation asks again: the object says that it is over."""
    over = judge(ASKED, alert("root"), remediation("succeeded"), NOW)
    assert not over.fires
    assert truths(over.status)["Succeeded"] == "True"
    assert not judge(after(over.status), None, None, NOW).fires
    assert judge(after(over.status), None, None, NOW).status == over.status


def test_what_failed_fires_on_and_never_anew() -> None:
    """A person has to look; but once its alert has ended, nothing begins it a second time."""
    failed = judge(ASKED, alert("root"), remediation("failed"), NOW)
    assert failed.fires
    assert not judge(after(failed.status), None, remediation("failed"), NOW).fires
    assert not judge(after(failed.status), alert("resolved"), None, NOW).fires


def test_what_was_superseded_while_it_fires_may_be_planned_anew() -> None:
    """Its rule changed before it began. Where the alert has ended, too, it is over."""
    again = judge(ASKED, alert("root"), remediation("superseded"), NOW)
    assert (again.fires, again.status["state"]) == (True, "unanswered")
    over = judge(ASKED, alert("resolved"), remediation("superseded"), NOW)
    assert (over.fires, over.status["state"]) == (False, "superseded")


def test_what_is_refused_never_fires() -> None:
    """And says why."""
    verdict = judge(msgspec.structs.replace(ASKED, labels=b"", refused="no such kind"), None, None, NOW)
    assert not verdict.fires
    assert (verdict.status["state"], verdict.status["message"]) == ("invalid", "no such kind")
    assert truths(verdict.status) == {"Accepted": "False", "Progressing": "False", "Succeeded": "False"}


def test_a_condition_changes_its_time_only_with_its_truth() -> None:
    """So that nothing is written while nothing happens."""
    first = judge(ASKED, alert("held"), None, NOW).status
    assert judge(after(first), alert("held"), None, NOW + SECOND).status == first
    begun = judge(after(first), alert("root"), remediation("planned"), NOW + SECOND).status
    times = {one["type"]: one["lastTransitionTime"] for one in begun["conditions"]}
    assert times["Accepted"] != times["Progressing"]
