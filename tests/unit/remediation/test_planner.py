"""Which rule begins which remediation, when, and what keeps it from running."""

import msgspec
import pytest

from healer.convergence.outcome import AtWork, Incident
from healer.journey.records import Progressed
from healer.remediation.approval import WHOLE
from healer.remediation.course import Course
from healer.remediation.model import BEFORE_INTENT, Limit
from healer.remediation.planner import ASK_EVERY, ASK_FOR, Planner
from healer.times import MINUTE, SECOND
from tests.unit.remediation.build import HOST, NOON, ROOT, Desk, incident, rule

ASKS = rule("shop", "when: cpu_load > 95%")


def test_a_matching_rule_makes_a_plan_with_everything_filled_in() -> None:
    """Nothing is left to decide for whoever runs it, and its hash covers it."""
    planned = Desk(rule("shop", "limit: 1 per 30m per node, at most 2 at a time per rule")).one()
    plan = planned.plan
    assert (planned.state, planned.deadline, planned.detail) == ("planned", NOON + WHOLE, "")
    (step,) = plan.steps
    assert (step.action, step.executor, step.node) == ("restart_service", "ssh", HOST)
    assert step.argv == ("/usr/bin/systemctl", "restart", "shop.service")
    assert (plan.incident, plan.root, plan.root_starts_at, plan.mode) == ("i1", ROOT, NOON - MINUTE, "auto")
    assert tuple(one for one in plan.limits if one.guard == "limit") == (
        Limit(1, 30 * MINUTE, f"shop per node {HOST}", "rate"),
        Limit(2, 0, "shop per rule shop", "at_once"),
    )
    other = Desk(rule("shop", "limit: 1 per 30m per node, at most 3 at a time per rule")).one()
    assert other.plan.hash != plan.hash


def test_the_same_history_gives_the_same_plan() -> None:
    """Ids and hashes come from what was decided, not from chance."""
    assert Desk(rule("shop")).one() == Desk(rule("shop")).one()


@pytest.mark.parametrize(
    ("text", "cap", "state", "detail"),
    [
        (rule("shop"), "", "planned", ""),
        (rule("shop"), "dry run", "suggested", "dry run"),
        (rule("shop"), "place: shadow", "suggested", "place: shadow"),
        (rule("shop", mode="suggest"), "", "suggested", "mode: suggest"),
        (rule("shop", mode="suggest"), "dry run", "suggested", "dry run"),
        (rule("shop", mode="observe"), "", "observed", ""),
        (rule("shop", mode="observe"), "dry run", "observed", "dry run"),
        (
            rule("shop", mode="approve"),
            "",
            "awaiting_approval",
            "asking whoever is responsible, for 30m; nothing runs unless somebody agrees",
        ),
        (rule("shop", 'then: execute("collect_diagnostics")', mode="suggest"), "", "planned", ""),
        (rule("shop", 'then: execute("collect_diagnostics")', mode="suggest"), "dry run", "planned", ""),
        (rule("shop", 'then: execute("collect_diagnostics")'), "place: shadow", "suggested", "place: shadow"),
        (rule("shop", 'then: execute("collect_diagnostics")', mode="observe"), "", "observed", ""),
    ],
)
def test_what_may_run(text: str, cap: str, state: str, detail: str) -> None:
    """Dry run caps every mode but looking; a shadow acts on nothing; nothing runs above its mode."""
    planned = Desk(text, cap=cap).one()
    assert (planned.state, planned.detail.partition(": healer remediation approve ")[0]) == (state, detail)
    if state == "suggested":
        assert planned.plan.capped_by == detail


def test_dry_run_and_auto_are_different_plans() -> None:
    """What caps a plan is part of it."""
    assert Desk(rule("shop")).one().plan.hash != Desk(rule("shop"), cap="dry run").one().plan.hash


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (rule("shop", "limit: 1 per 30m per topology.zone"), "a limit counts by something that is unknown here"),
        (rule("shop", 'then: execute("restart_service", unit: labels.unit)'), "restart_service: unit is unknown"),
        (
            rule("shop", 'then: execute("restart_service", unit: "a.service", on: nearest(vm))'),
            "restart_service: no target",
        ),
    ],
)
def test_what_cannot_be_filled_in_is_refused(text: str, why: str) -> None:
    """A limit that nobody can count, a parameter or a target that is not known: said, and not run."""
    planned = Desk(text).one()
    assert planned.state == "refused"
    assert why in planned.detail


def test_what_listens_to_another_root_waits_for_nothing() -> None:
    """The root of an incident may change while a rule waits for the time: that instant is nobody's any more."""
    desk = Desk(rule("shop", "when: duration > 10m"))
    assert desk.sees(incident()) == []
    due = desk.planner.next_due()
    assert due is not None
    other = msgspec.structs.replace(incident().root, name="RackDown")
    assert desk.sees(incident(root=other, suppressed=5), now=NOON + SECOND) == []
    assert desk.planner.next_due() is None


def test_a_rule_acts_once_for_an_incident() -> None:
    """However often the incident changes, and also after the remediation has ended."""
    desk = Desk(rule("shop"))
    planned = desk.one()
    assert desk.sees(incident(suppressed=5), now=NOON + SECOND) == []
    assert desk.gets_to(planned, "succeeded") == []
    assert desk.sees(incident(suppressed=6), now=NOON + MINUTE) == []


def test_rules_take_their_turns_by_priority() -> None:
    """One at a time: the next one when the first has ended and its condition still holds."""
    desk = Desk(rule("last"), rule("first", "priority: 10"))
    first = desk.one()
    assert first.plan.rule == "first"
    assert desk.gets_to(first, "executing") == []
    assert [one.plan.rule for one in desk.gets_to(first, "failed", detail="exit 3")] == ["last"]


def test_each_incident_is_its_own_course() -> None:
    """What runs for one does not keep the other waiting; limits do that, where they are counted."""
    desk = Desk(rule("shop"))
    both = desk.sees(incident(), incident(id="i2"))
    assert sorted(one.plan.incident for one in both) == ["i1", "i2"]
    assert len({one.remediation for one in both}) == 2


def test_what_no_rule_listens_to_is_not_followed() -> None:
    """It costs nothing."""
    desk = Desk(rule("shop"))
    assert desk.sees(incident(name="DiskFull")) == []
    assert desk.planner.courses == {}


def test_a_condition_that_time_alone_turns_is_looked_at_in_time() -> None:
    """`duration > 30s` needs no further alert: a timer says when."""
    desk = Desk(rule("shop", "when: duration > 90s"))
    assert desk.sees(incident()) == []
    due = desk.planner.next_due()
    assert due is not None
    assert NOON + 30 * SECOND <= due <= NOON + 31 * SECOND, "it began a minute before noon"
    desk.planner.advance(due - SECOND)
    assert desk.sees(now=due - SECOND) == []
    desk.planner.advance(due)
    (planned,) = desk.sees(now=due)
    assert "duration" in planned.plan.because[0]
    assert desk.planner.next_due() is None


def test_a_condition_has_to_hold_without_a_gap() -> None:
    """A sample that says otherwise begins the time anew."""
    desk = Desk(rule("shop", "when: cpu_load > 95% for 1m"))
    desk.sees(incident())
    assert desk.hears(0.99) == []
    assert desk.hears(0.5, now=NOON + 30 * SECOND) == []
    assert desk.hears(0.99, now=NOON + MINUTE) == []
    assert desk.hears(0.99, now=NOON + MINUTE + 40 * SECOND) == []
    assert len(desk.hears(0.99, now=NOON + 2 * MINUTE + 10 * SECOND)) == 1


def test_what_is_not_known_is_asked_and_the_answer_decides() -> None:
    """The question names the incident's labels, so that the right Prometheus is asked."""
    desk = Desk(ASKS)
    assert desk.sees(incident()) == []
    (question,) = desk.planner.questions(NOON)
    assert (question.incident, question.rule, question.labels) == ("i1", "shop", ROOT)
    assert "node_cpu_seconds_total" in question.queries[0].text
    (planned,) = desk.hears(0.97)
    assert planned.state == "planned"
    assert any("97" in because for because in planned.plan.because)
    assert desk.planner.questions(NOON + ASK_EVERY) == []


@pytest.mark.parametrize(("value", "why"), [(0.2, ""), (None, "no data")])
def test_a_no_is_asked_again_and_no_data_is_no(value: float | None, why: str) -> None:
    """Every half minute, for half an hour from the incident's opening; no more often, and no longer."""
    desk = Desk(ASKS)
    desk.sees(incident())
    assert desk.hears(value, why=why) == []
    assert desk.planner.questions(NOON + ASK_EVERY - 1) == []
    assert desk.planner.questions(NOON + ASK_EVERY) != []
    assert desk.planner.questions(NOON + ASK_FOR) != []
    assert desk.planner.questions(NOON + ASK_FOR + 1) == []


def test_answers_that_nobody_waits_for_change_nothing() -> None:
    """The incident is gone, or the rule."""
    desk = Desk(ASKS)
    desk.sees(incident())
    (question,) = desk.planner.questions(NOON)
    desk.planner.let_go("i1")
    assert desk.sees(now=NOON) == []
    assert desk.planner.questions(NOON) == []
    assert question.incident == "i1"


@pytest.mark.parametrize(
    ("ended", "why"),
    [
        (incident(status="resolved", resolution="sent", resolved_at=NOON), "the incident is over"),
        (incident(status="merged", merged_into="i0"), "merged into i0"),
        (incident(told=False), "its root is silenced"),
    ],
)
@pytest.mark.parametrize("state", sorted(BEFORE_INTENT))
def test_what_did_not_begin_is_superseded_when_its_incident_ends(ended: Incident, why: str, state: str) -> None:
    """Over, merged or silenced: nothing is begun for it any more, and no question asked."""
    desk = Desk(rule("shop"), rule("asks", "when: cpu_load > 95%"))
    planned = desk.one()
    desk.gets_to(planned, state)
    assert desk.sees(ended, now=NOON + SECOND) == []
    (superseded,) = desk.decided[-1].superseded
    assert (superseded.remediation, superseded.why) == (planned.remediation, why)
    assert [deed.state for deed in desk.planner.deeds("i1")] == ["superseded"]
    assert desk.planner.questions(NOON + SECOND) == []
    assert desk.planner.next_due() is None


@pytest.mark.parametrize("state", ["executing", "verifying"])
def test_what_is_under_way_finishes(state: str) -> None:
    """The end of the alert is what its verification waits for."""
    desk = Desk(rule("shop"))
    planned = desk.one()
    desk.gets_to(planned, state)
    desk.sees(incident(status="resolved", resolution="sent", resolved_at=NOON))
    assert desk.decided[-1].superseded == []
    assert desk.planner.busy("i1")


def test_a_reopened_incident_is_not_treated_twice_by_the_same_rule() -> None:
    """What did not last needs a person."""
    desk = Desk(rule("shop"))
    planned = desk.one()
    desk.gets_to(planned, "succeeded")
    desk.sees(incident(status="resolved", resolution="sent", resolved_at=NOON))
    assert desk.sees(incident(reopened=1), now=NOON + MINUTE) == []


def test_what_never_began_may_begin_when_the_incident_goes_on() -> None:
    """A remedy that was superseded before it had an effect has not had its turn."""
    desk = Desk(rule("shop"))
    first = desk.one()
    desk.sees(incident(status="resolved", resolution="sent", resolved_at=NOON))
    (second,) = desk.sees(incident(reopened=1), now=NOON + MINUTE)
    assert second.remediation != first.remediation
    assert desk.gets_to(second, "superseded", now=NOON + MINUTE) != []


def test_what_began_after_all_has_had_its_turn() -> None:
    """A remedy that was superseded here while its intent was written there is not begun again."""
    desk = Desk(rule("shop"))
    planned = desk.one()
    desk.sees(incident(status="resolved", resolution="sent", resolved_at=NOON))
    desk.gets_to(planned, "executing")
    desk.gets_to(planned, "succeeded")
    assert desk.sees(incident(reopened=1), now=NOON + MINUTE) == []


def test_the_timeline_says_what_was_decided_and_how_it_went() -> None:
    """The rule, why it matched, what it does; then each state, in the stage that it belongs to."""
    desk = Desk(rule("shop", "when: duration > 30s"))
    planned = desk.one()
    for state in ("executing", "verifying", "succeeded"):
        desk.gets_to(planned, state)
    lines = [line for decided in desk.decided for line in decided.timeline]
    assert [(line.stage, line.code) for line in lines] == [
        ("decide", "matched"),
        ("execute", "executing"),
        ("verify", "verifying"),
        ("verify", "succeeded"),
    ]
    assert lines[0].facts["rule"] == "shop"
    assert "duration" in lines[0].facts["because"]
    assert lines[0].facts["what"] == 'restart_service(unit: "shop.service") on host/web-1'


def test_what_is_no_news_is_not_told_again() -> None:
    """Verification notes since when its condition holds; what ran still ran when it ran."""
    desk = Desk(rule("shop"))
    planned = desk.one()
    desk.gets_to(planned, "verifying", now=NOON + SECOND)
    again = Progressed(planned.remediation, "i1", "verifying", "", NOON + MINUTE)
    assert desk.planner.progress(again, NOON + MINUTE) is None
    assert desk.planner.deeds("i1")[0].at == NOON + SECOND


def test_people_whom_a_rule_names_hear_of_it() -> None:
    """Those of `then` at once, those of `otherwise` when it failed."""
    then = 'then: notify("boss")\n        execute("restart_service", unit: "a.service")'
    desk = Desk(rule("shop", then, 'otherwise: notify("night")'))
    planned = desk.one()
    assert desk.planner.also_tell("i1") == ("boss",)
    desk.gets_to(planned, "not_verified")
    assert desk.planner.also_tell("i1") == ("boss", "night")


def test_memory_goes_on_elsewhere() -> None:
    """A planner made from what another remembered decides as that one would have."""
    desk, other = Desk(rule("shop")), Desk(rule("shop"))
    planned = desk.one()
    courses = msgspec.msgpack.decode(msgspec.msgpack.encode(desk.planner.courses), type=dict[str, Course])
    other.planner = Planner(other.charter, other.map, courses)
    assert other.sees(incident(suppressed=1)) == []
    assert [deed.remediation for deed in other.planner.deeds("i1")] == [planned.remediation]


@pytest.mark.parametrize(("marks", "why"), [({"flapping": True}, "flapping"), ({"storm": True}, "storm")])
def test_nothing_begins_for_what_flaps_or_in_a_storm(marks: dict[str, bool], why: str) -> None:
    """A rule waits until the mark is gone, says so once, and has its turn then."""
    desk = Desk(rule("shop"))
    assert desk.sees(incident(**marks)) == []
    assert desk.sees(incident(**marks, suppressed=2), now=NOON + SECOND) == []
    (line,) = [line for decided in desk.decided for line in decided.timeline]
    assert (line.code, line.facts["rule"], line.facts["why"].partition(":")[0]) == ("barred", "shop", why)
    assert len(desk.sees(incident(), now=NOON + MINUTE)) == 1


def test_a_rule_may_act_in_a_storm() -> None:
    """`allow: storm` says so; it says nothing about what flaps."""
    assert len(Desk(rule("shop", "allow: storm")).sees(incident(storm=True))) == 1
    assert Desk(rule("shop", "allow: storm")).sees(incident(storm=True, flapping=True)) == []


def test_nothing_begins_where_somebody_works() -> None:
    """A rule whose target is in maintenance waits for its end, whoever's alert it answers; that is said once."""
    desk = Desk(rule("shop"))
    desk.at_work[HOST] = AtWork("m1", "jo", HOST, NOON + 10 * MINUTE)
    assert desk.sees(incident()) == []
    assert desk.sees(incident(suppressed=2), now=NOON + SECOND) == []
    (line,) = [line for decided in desk.decided for line in decided.timeline]
    assert (line.stage, line.code, line.facts["rule"]) == ("decide", "withheld", "shop")
    assert line.facts["why"] == f"jo, who has {HOST} in maintenance until 2026-01-01T12:10:00.000Z"
    assert desk.planner.next_due() == NOON + 10 * MINUTE
    desk.at_work.clear()
    desk.planner.advance(NOON + 10 * MINUTE)
    (planned,) = desk.sees(now=NOON + 10 * MINUTE)
    assert planned.plan.steps[0].node == HOST


def test_maintenance_that_ends_early() -> None:
    """When somebody says that the work is done, what waited for it begins at once."""
    desk = Desk(rule("shop"))
    desk.at_work[HOST] = AtWork("m1", "jo", HOST, NOON + 10 * MINUTE)
    desk.sees(incident())
    desk.at_work.clear()
    desk.planner.look_again()
    assert len(desk.sees(now=NOON + MINUTE)) == 1
