"""Who may say that a plan runs: counted, passed on, expired; for one plan, and once."""

from typing import Any

import msgspec
import pytest

from healer.remediation.approval import (
    PATIENCE,
    NotAsked,
    agree,
    cancel,
    code_of,
    pass_on,
    reject,
    run_suggested,
    say_yes,
    unapproved,
    used,
)
from healer.remediation.model import ONLY_SUGGESTED, Asked, Plan, PlanStep, Remediation, State
from healer.times import HOUR, MINUTE, SECOND

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
    """Whoever was asked and says no ends it, and may say why."""
    assert reject(WAITS, "ann", 1).state == "rejected"
    assert reject(WAITS, "ann", 1, because="it is being moved").detail == "ann said no: it is being moved"


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


REBOOT = PlanStep("reboot_node", "ssh", "host/web-1", ("reboot",), MINUTE)
DESTROYS = msgspec.structs.replace(
    WAITS, plan=msgspec.structs.replace(PLAN, steps=(REBOOT,), approve=(Asked("sre", 1, 10 * MINUTE),))
)


def test_what_destroys_is_agreed_to_twice() -> None:
    """The first yes changes nothing; the second, within a minute and with the target's name, is the approval."""
    first = say_yes(DESTROYS, "ann", 1, "", [])
    assert (first.state, first.agreed) == ("awaiting_approval", ())
    assert say_yes(first, "ann", 60 * SECOND, "h1", ["host/web-1"]).state == "planned"


@pytest.mark.parametrize(
    ("who", "now", "targets", "why"),
    [
        ("ann", 62 * SECOND, ["host/web-1"], "too late: say yes first, and name host/web-1 within 1m"),
        ("bob", 2, ["host/web-1"], "too early"),
        ("ann", 2, ["host/web-2"], "this is done to host/web-1, not to host/web-2"),
        ("ann", 2, ["host/web-1", "host/web-2"], "not to host/web-1 and host/web-2"),
    ],
)
def test_a_second_yes_that_does_not_count(who: str, now: int, targets: list[str], why: str) -> None:
    """Too late, somebody else's, or of something else: refused, and nothing runs."""
    with pytest.raises(NotAsked, match=why):
        say_yes(say_yes(DESTROYS, "ann", 1, "", []), who, now, "", targets)


def test_each_of_two_people_says_it_twice() -> None:
    """One person's yes is not another's, and nobody counts twice."""
    two = msgspec.structs.replace(DESTROYS, plan=msgspec.structs.replace(DESTROYS.plan, approve=PLAN.approve))
    ann = say_yes(say_yes(two, "ann", 1, "", []), "ann", 2, "", ["host/web-1"])
    assert (ann.state, ann.agreed) == ("awaiting_approval", ("ann",))
    with pytest.raises(NotAsked, match="another person"):
        say_yes(ann, "ann", 3, "", [])
    bob = say_yes(say_yes(ann, "bob", 3, "", []), "bob", 4, "", ["host/web-1"])
    assert (bob.state, bob.agreed) == ("planned", ("ann", "bob"))


APPROVED = agree(agree(WAITS, "ann", 1), "bob", 2)


@pytest.mark.parametrize(
    ("stored", "now", "why"),
    [
        (APPROVED, 3, ""),
        (APPROVED, 2 + PATIENCE, ""),
        (APPROVED, 5 * SECOND + PATIENCE, "had to begin 4s ago"),
        (used(APPROVED, "m.0.0"), 10 * PATIENCE, ""),
        (WAITS, 3, "0 of 2 people have agreed"),
        (agree(WAITS, "ann", 1), 3, "1 of 2 people have agreed"),
        (msgspec.structs.replace(APPROVED, agreed=("ann", "ann")), 3, "1 of 2 people have agreed"),
        (msgspec.structs.replace(APPROVED, approved_until=0), 3, "2 of 2 people have agreed"),
        (msgspec.structs.replace(WAITS, plan=msgspec.structs.replace(PLAN, approve=())), 3, ""),
    ],
)
def test_what_may_begin(stored: Remediation, now: int, why: str) -> None:
    """Enough different people, in time; once used, it is this run's to its end. A plan that asks nobody needs nobody."""
    refused = unapproved(stored, now)
    assert bool(refused) is bool(why)
    assert why in refused


def test_an_approval_is_used_by_the_first_intent() -> None:
    """Later intents of the same run do not use it again."""
    once = used(APPROVED, "m.0.0")
    assert once.approval_used == "m.0.0"
    assert used(once, "m.1.0") == once


@pytest.mark.parametrize("state", ["planned", "waiting", "awaiting_approval"])
def test_a_plan_is_stopped_between_its_steps(state: State) -> None:
    """Where nothing runs it is cancelled, and says by whom."""
    assert cancel(msgspec.structs.replace(WAITS, state=state), "ann").detail == "ann stopped it"
    assert cancel(msgspec.structs.replace(WAITS, state=state), "ann", "too late").detail == "ann stopped it: too late"


@pytest.mark.parametrize(
    ("state", "why"),
    [("executing", "not broken off"), ("verifying", "nothing to stop"), ("succeeded", "nothing to stop")],
)
def test_what_runs_or_is_over_is_not_stopped(state: State, why: str) -> None:
    """A step that runs is not broken off: nobody would know what it left behind."""
    with pytest.raises(NotAsked, match=why):
        cancel(msgspec.structs.replace(WAITS, state=state), "ann")


STEP = PlanStep("reboot_node", "ssh", "host/a", (), MINUTE, destructive=False)
LEFT = msgspec.structs.replace(PLAN, mode="suggest", capped_by=ONLY_SUGGESTED, approve=(), steps=(STEP,))
SUGGESTED = Remediation("m", LEFT, "suggested", detail=ONLY_SUGGESTED, deadline=HOUR)


def test_a_suggestion_is_run_by_whoever_wants_it() -> None:
    """It says who; whom its rule asks is asked first."""
    after = run_suggested(SUGGESTED, "ann", MINUTE, "h1", ())
    assert (after.state, after.agreed, after.detail) == ("planned", ("ann",), "ann wants it run")
    assert after.deadline > MINUTE
    asks = msgspec.structs.replace(SUGGESTED, plan=msgspec.structs.replace(LEFT, approve=PLAN.approve))
    asked = run_suggested(asks, "ann", MINUTE, "", ())
    assert (asked.state, asked.agreed, asked.deadline) == ("awaiting_approval", (), 11 * MINUTE)
    assert asked.detail.startswith("ann wants it run: asking 2 of sre")


def test_a_suggestion_that_destroys_is_wanted_twice() -> None:
    """The second time with its target, by the same person, within a minute."""
    plan = msgspec.structs.replace(LEFT, steps=(msgspec.structs.replace(STEP, destructive=True),))
    destroys = msgspec.structs.replace(SUGGESTED, plan=plan)
    with pytest.raises(NotAsked, match="too early"):
        run_suggested(destroys, "ann", 1, "", ("host/a",))
    once = run_suggested(destroys, "ann", 1, "", ())
    assert (once.state, [tap.who for tap in once.tapped]) == ("suggested", ["ann"])
    with pytest.raises(NotAsked, match="not to host/b"):
        run_suggested(once, "ann", 2, "", ("host/b",))
    with pytest.raises(NotAsked, match="too late"):
        run_suggested(once, "ann", 2 * MINUTE, "", ("host/a",))
    assert run_suggested(once, "ann", 2, "", ("host/a",)).state == "planned"


@pytest.mark.parametrize(
    ("changes", "now", "plan", "why"),
    [
        ({"state": "planned"}, 1, "", "is planned: it is no suggestion"),
        ({"state": "observed"}, 1, "", "no suggestion"),
        ({"plan": msgspec.structs.replace(LEFT, capped_by="dry run")}, 1, "", "nothing is run here now: dry run"),
        ({"plan": msgspec.structs.replace(LEFT, capped_by="place: shadow")}, 1, "", "place: shadow"),
        ({}, 1, "another", "another one by now: h1"),
        ({}, HOUR + 1, "", "too old"),
    ],
)
def test_what_is_not_run_although_somebody_wants_it(changes: dict[str, Any], now: int, plan: str, why: str) -> None:
    """What began already, what nothing may run now, another plan, an old one."""
    with pytest.raises(NotAsked, match=why):
        run_suggested(msgspec.structs.replace(SUGGESTED, **changes), "ann", now, plan, ())


def test_a_code_is_short_and_the_plans_own() -> None:
    """Six letters and digits that a person can type; another plan has another one."""
    codes = {code_of(f"{number:064x}"[::-1]) for number in range(1_000)}
    assert all(len(code) == 6 and code.isalnum() and code == code.upper() for code in codes)
    assert len(codes) == 1_000
