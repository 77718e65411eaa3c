"""Whoever is asked sees what would be done, why, why not, and what happens if nobody answers."""

import msgspec

from healer.remediation.model import Asked, Plan, PlanStep, Remediation
from healer.remediation.request import Beneath, request_of
from healer.times import MINUTE

STEP = PlanStep("reboot_node", "ssh", "host/web-1", ("reboot",), MINUTE)
PLAN = Plan(
    hash="00" * 16,
    incident="i",
    trace_id="t",
    root=b"{}",
    root_starts_at=0,
    rule="reboot what hangs",
    rule_version="v",
    mode="auto",
    steps=(STEP, PlanStep("wait until", "", "", (), MINUTE, until="healthy(target)")),
    because=("NodeHangs fires", 'labels.env is "prod"'),
    approve=(Asked("sre", 2, 10 * MINUTE), Asked("lead", 1, 5 * MINUTE)),
)
WAITS = Remediation("m", PLAN, "awaiting_approval", deadline=10 * MINUTE)


def test_the_question_has_all_that_matters() -> None:
    """Action and target, reasons, what else it touches, doubts, the last runs here, its end, and what silence means."""
    past = [
        msgspec.structs.replace(WAITS, id=f"p{number}", state=state, effect_ended_at=1, changed_at=number)
        for number, state in enumerate(("failed", "succeeded", "not_verified", "failed"))
    ]
    elsewhere = msgspec.structs.replace(
        past[0], id="other", plan=msgspec.structs.replace(PLAN, steps=(msgspec.structs.replace(STEP, node="host/x"),))
    )
    found = request_of(WAITS, None, [WAITS, elsewhere, *past], {"host/web-1": Beneath(7, ("vm/a", "vm/b"))})
    assert [(step.action, step.target, step.words) for step in found.steps] == [
        ("reboot_node", "host/web-1", ("reboot",))
    ]
    assert found.why == PLAN.because
    assert found.touches == ("7 beneath host/web-1: vm/a, vm/b and 5 more",)
    assert found.doubts == (
        "reboot_node on host/web-1 is destructive, and what it did cannot be repeated safely",
        "7 nodes beneath host/web-1 go with it",
        "2 of the last 3 runs here did not help",
    )
    assert [run.remediation for run in found.earlier] == ["p0", "p1", "p2"]
    assert (found.who, found.people, found.expires) == ("sre", 2, 10 * MINUTE)
    assert found.if_nobody == "then lead is asked; if nobody agrees, nothing runs, and that is said"
    assert found.confirm == ("host/web-1",)


def test_the_last_who_are_asked() -> None:
    """After them nobody is: nothing runs, and the incident is people's."""
    last = msgspec.structs.replace(WAITS, asked=1)
    assert request_of(last, None, [], {}).if_nobody == "nothing runs, and that is said: the incident needs people"
    paged = msgspec.structs.replace(last, plan=msgspec.structs.replace(PLAN, page=True))
    assert request_of(paged, None, [], {}).if_nobody == "nothing runs, and that is said: somebody is paged"


def test_what_only_waited_was_no_run() -> None:
    """A plan that never began says nothing about this target."""
    assert request_of(WAITS, None, [msgspec.structs.replace(WAITS, id="p", state="expired")], {}).earlier == ()
