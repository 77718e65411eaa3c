"""Incidents merge while something is being done about them: what has not begun does not begin, what was left is tidied up."""

from tests.unit.remediation.build import Desk, incident, rule

CORDONS = (
    'action "shut"\n  run: ssh ["/bin/shut"]\n  accepts: host\n'
    'action "open"\n  run: ssh ["/bin/open"]\n  accepts: host\n  closing: yes\n'
)
RULE = rule("shop", 'then: execute("shut")', 'on recovery: execute("open")')
MERGED = incident(status="merged", merged_into="i0", revision=2)


def test_a_plan_that_has_not_begun_is_superseded() -> None:
    """With what it merged into; whoever was asked to approve it is not asked any more."""
    desk = Desk(CORDONS, RULE)
    desk.one()
    assert desk.sees(MERGED) == []
    (superseded,) = desk.decided[-1].superseded
    assert superseded.why == "merged into i0"


def test_a_plan_under_way_comes_to_its_end() -> None:
    """Its running step and its verification are not broken off."""
    desk = Desk(CORDONS, RULE)
    desk.gets_to(desk.one(), "executing")
    assert desk.sees(MERGED) == []
    assert desk.decided[-1].superseded == []


def test_what_was_left_behind_is_tidied_up_after_that() -> None:
    """`on recovery` runs for a merged incident too, once, when nothing of it is under way any more."""
    desk = Desk(CORDONS, RULE)
    planned = desk.one()
    desk.gets_to(planned, "executing")
    desk.sees(MERGED)
    (recovery,) = desk.gets_to(planned, "not_verified")
    assert recovery.plan.recovery
    assert [(step.action, step.closing) for step in recovery.plan.steps] == [("open", True)]
    assert desk.sees(MERGED) == []


def test_what_did_nothing_leaves_nothing() -> None:
    """Nothing to tidy up where nothing was done."""
    desk = Desk(CORDONS, RULE)
    desk.gets_to(desk.one(), "refused")
    assert desk.sees(MERGED) == []
