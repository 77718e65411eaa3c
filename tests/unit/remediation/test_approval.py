"""Who may say that a plan runs: counted, passed on, expired; for one plan, and once."""

import msgspec
import pytest

from healer.remediation.approval import NotAsked, agree, pass_on, reject
from healer.remediation.model import Asked, Plan, Remediation
from healer.times import MINUTE

PLAN = Plan(
    hash="h1",
    incident="i",
    trace_id="t",
    root=b"{}",
    root_starts_at=0,
    rule="r",
    rule_version="v",
    mode="auto",
    steps=(),
    approve=(Asked("sre", 2, 10 * MINUTE), Asked("lead", 1, 5 * MINUTE)),
)
WAITS = Remediation("m", PLAN, "awaiting_approval", deadline=10 * MINUTE)


def test_enough_people_agree() -> None:
    """The plan runs when as many different people agreed as were asked for, and says who they were."""
    one = agree(WAITS, "ann", 1)
    two = agree(one, "bob", 2)

    assert (one.state, one.detail) == ("awaiting_approval", "ann agreed, 1 of 2 people")
    assert (two.state, two.detail) == ("planned", "approved by ann, bob")
    with pytest.raises(NotAsked, match="another person"):
        agree(one, "ann", 2)


def test_one_no_is_enough() -> None:
    """Whoever was asked and says no ends it."""
    assert reject(WAITS, "ann", 1).state == "rejected"


def test_nobody_answers() -> None:
    """The next are asked, for their own time and from the start; when they are silent too it expires, and says so."""
    after = pass_on(agree(WAITS, "ann", 1), 11 * MINUTE)

    assert (after.state, after.asked, after.agreed, after.deadline) == ("awaiting_approval", 1, (), 16 * MINUTE)
    assert after.detail.startswith("asking lead, for 5m")
    assert pass_on(after, 17 * MINUTE).state == "expired"
    assert pass_on(after, 17 * MINUTE).detail == "sre or lead did not answer; nothing was run"


@pytest.mark.parametrize(
    ("remediation", "now", "plan", "why"),
    [
        (msgspec.structs.replace(WAITS, state="planned"), 1, "", "is planned"),
        (WAITS, 11 * MINUTE, "", "time to answer is over"),
        (WAITS, 1, "h2", "another one by now"),
    ],
)
def test_who_is_not_asked_cannot_answer(remediation: Remediation, now: int, plan: str, why: str) -> None:
    """An answer counts while it is asked for, about the plan that it was given for."""
    with pytest.raises(NotAsked, match=why):
        agree(remediation, "ann", now, plan)
