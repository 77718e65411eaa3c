"""Every guard says no to something that every other guard lets pass, with its name and by how much; so none can be missing."""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from healer.convergence.outcome import AtWork, Candidate, Confidence, Root
from healer.remediation import guards
from healer.remediation.guards import COUNTED, OBSERVED, Counted, Group, Observed, Place
from healer.remediation.guards.answer import Guard
from healer.remediation.guards.counted import Run, Thrown, Unsettled
from healer.remediation.guards.observed import Frozen, Held
from healer.remediation.model import Asked, GuardName, Limit, Plan, PlanStep
from healer.remediation.settings import Guards
from healer.times import DAY, HOUR, MINUTE, SECOND
from tests.unit.remediation.build import HOST, NOON, RESTART, alert, incident, plan

LASTS = alert(onset=NOON - HOUR)
WELL = Observed(
    now=NOON,
    incident=incident(),
    root=LASTS,
    on_target=(LASTS,),
    above_target=(),
    silences_age=SECOND,
    held=Held(True, "up is 0", NOON - SECOND),
    floor=Group("nodes of kind host", frozenset({HOST, "host/a", "host/b", "host/c"}), frozenset({HOST, "host/a"})),
)
UNSURE = incident(how="ranked", candidates=(Candidate(HOST, b"", 3, ()), Candidate("host/b", b"", 2, ())))

NO: dict[str, tuple[dict[str, Any], str]] = {
    "pause_file": ({"halted": "the file /run/stop is there"}, "kill switch: the file /run/stop is there"),
    "target": ({"known": False}, f"target: the topology does not know {HOST}"),
    "own_machine": ({"own": f"healer itself runs on {HOST}"}, f"own machine: healer itself runs on {HOST}"),
    "silenced": ({"silences_age": 11 * SECOND}, "silenced: the silences of Alertmanager were read 11s ago"),
    "maintenance": ({"at_work": AtWork("m1", "jo", HOST, NOON + HOUR)}, f"maintenance: {HOST} is left to jo"),
    "freeze": (
        {"frozen": Frozen("cny", NOON + DAY)},
        "freeze: the calendar cny says that nothing is changed until 2026-",
    ),
    "cordoned": ({"cordoned": "somebody"}, f"cordoned: {HOST} was taken out of service by somebody"),
    "deployment": ({"deploying": "shop is being deployed"}, "deployment: shop is being deployed"),
    "excepted": ({"excepted": "it is Friday"}, "except: it is Friday"),
    "only_roots": ({"above_target": (alert(node="rack/r1"),)}, f"only roots: rack/r1, above {HOST}, is the root"),
    "freshness": (
        {"root": alert(starts_at=NOON - SECOND, onset=NOON - HOUR)},
        "freshness: the alert ended and fires anew; it is another episode by now",
    ),
    "sender_alive": ({"silent": "no Watchdog came in for 6m"}, "sender alive: no Watchdog came in for 6m"),
    "storm": ({"incident": incident(storm=True)}, "storm: many things broke at once"),
    "flapping": ({"incident": incident(flapping=True)}, "flapping: it comes and goes"),
    "confidence": (
        {"incident": UNSURE},
        "confidence: the root was ranked, and how sure that is nobody knows yet: 0 of 0",
    ),
    "dwell": (
        {"held": Held(False, "up is 1", NOON)},
        "dwell: what made the rule match does not hold any more: up is 1",
    ),
    "health_floor": (
        {"floor": Group("nodes of kind host", frozenset({HOST, "host/a", "host/b"}), frozenset({HOST, "host/a"}))},
        "health floor: 1 of 2 nodes of kind host are well, 51% must be",
    ),
}
"""By the guard's function: what makes it refuse, and the beginning of what it says."""


def said_observed(step: PlanStep = RESTART, of: Plan | None = None, **changes: Any) -> list[str]:
    observed = msgspec.structs.replace(WELL, **changes)
    return [str(one) for one in guards.observe(of or plan(), step, observed) if not one.allows]


def test_where_all_is_well_every_observed_guard_says_so() -> None:
    """A yes has its reason, too: people read why something was run."""
    answers = guards.observe(plan(), RESTART, WELL)
    assert len(answers) == len(OBSERVED)
    assert all(one.allows and one.why for one in answers)


@pytest.mark.parametrize("guard", OBSERVED, ids=lambda guard: guard.__name__)
def test_each_observed_guard_refuses_what_no_other_does(guard: Guard[Observed]) -> None:
    """Without it the effect would happen."""
    changes, why = NO[guard.__name__]
    refused = said_observed(**changes)
    assert len(refused) == 1
    assert refused[0].startswith(why)


@pytest.mark.parametrize(
    ("name", "diagnostic", "closing"),
    [
        ("own_machine", True, False),
        ("freeze", True, True),
        ("cordoned", True, True),
        ("deployment", True, True),
        ("excepted", False, True),
        ("only_roots", False, True),
        ("freshness", False, True),
        ("storm", False, True),
        ("flapping", False, True),
        ("confidence", True, True),
        ("health_floor", True, True),
    ],
)
def test_a_look_and_what_tidies_up(name: str, diagnostic: bool, closing: bool) -> None:
    """What only looks is let pass where nothing is changed by it, and what tidies up where it would be left half done."""
    looks = msgspec.structs.replace(RESTART, diagnostic=True, destructive=False)
    tidies = msgspec.structs.replace(RESTART, closing=True)
    assert (not said_observed(looks, **NO[name][0])) is diagnostic
    assert (not said_observed(tidies, **NO[name][0])) is closing


def test_nothing_never_means_everything() -> None:
    """A step without a target is refused for good."""
    refused = guards.refuse(plan(), msgspec.structs.replace(RESTART, node=""), WELL)
    assert refused is not None
    assert (refused.guard, refused.ends) == ("target", "refused")


def test_something_destructive_waits_until_it_has_lasted() -> None:
    """Counted from the onset; what destroys nothing does not wait, nor does a plan that is under way."""
    young: dict[str, Any] = {"root": alert(onset=NOON - 4 * MINUTE)}
    assert said_observed(**young) == [
        "dwell: restart_service is destructive: it waits until this has lasted 5m, at 2026-01-01T12:01:00.000Z"
    ]
    assert said_observed(root=alert(onset=NOON - 5 * MINUTE)) == []
    assert said_observed(msgspec.structs.replace(RESTART, destructive=False), **young) == []
    assert said_observed(**young, held=None) == []


def test_a_condition_that_was_looked_at_too_long_ago_says_nothing() -> None:
    """Ten seconds are fresh; what nobody can tell does not hold."""
    assert said_observed(held=Held(True, "", NOON - 10 * SECOND)) == []
    assert said_observed(held=Held(True, "", NOON - 11 * SECOND))[0].startswith(
        "dwell: the rule's condition was looked at 11s ago"
    )
    assert said_observed(held=Held(None, "no answer", NOON)) == [
        "dwell: what made the rule match cannot be told: no answer"
    ]


def test_a_rule_that_may_act_in_a_storm_does() -> None:
    """`allow: storm`."""
    allowed = msgspec.structs.replace(plan(), allow=("storm",))
    assert said_observed(of=allowed, incident=incident(storm=True)) == []


def test_an_alert_that_belongs_to_another_incident_by_now_makes_room() -> None:
    """After a split the plan is of an incident that is not the alert's any more."""
    refused = guards.refuse(
        plan(), RESTART, msgspec.structs.replace(WELL, root=alert(onset=NOON - HOUR, incident="i2"))
    )
    assert refused is not None
    assert (refused.guard, refused.ends) == ("only roots", "superseded")
    assert refused.why.endswith("belongs to incident i2 by now")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"how": "direct"}, ""),
        ({"how": "person"}, ""),
        ({"candidates": UNSURE.candidates[:1]}, ""),
        ({"confidence": Confidence(700_000, 7, 10)}, ""),
        (
            {"confidence": Confidence(690_000, 6, 9)},
            "is sure to 69%, 70% is wanted: 6 of 9 roots found so proved right here",
        ),
        ({"how": "silent", "candidates": ()}, "the root was silent, and how sure that is nobody knows yet"),
        (
            {"named": Root(b"", "Slow", "db/1", "", "warning", False, NOON, NOON, "startsAt")},
            f"db/1 is more likely the cause than {HOST}",
        ),
    ],
)
def test_who_is_surely_the_cause(changes: dict[str, Any], why: str) -> None:
    """What was found directly, or said by a person, or is alone; else by the record of this installation."""
    refused = said_observed(incident=msgspec.structs.replace(UNSURE, **changes))
    assert (not refused) is (not why)
    assert not refused or why in refused[0]


def test_people_who_are_asked_decide_whatever_healer_is_sure_of() -> None:
    """A plan that asks shows them how sure it is."""
    asks = msgspec.structs.replace(plan(), approve=(Asked("sre", 1, MINUTE),))
    assert said_observed(of=asks, incident=UNSURE) == []


# --- what is counted

OTHER = Run("r9", NOON - MINUTE, "executing", acting=True, going=True)
SIBLINGS = Group("siblings of host/web-1", frozenset({HOST, *(f"host/{one}" for one in "abcdefghi")}), frozenset())


def limits(*found: Limit) -> Plan:
    return msgspec.structs.replace(plan(), limits=found)


def rate(guard: Any, key: str) -> Plan:
    return limits(Limit(1, HOUR, key, guard=guard))


COUNTED_NO: dict[str, tuple[Plan, dict[str, Any], str]] = {
    "kill_switch": (
        plan(),
        {"thrown": (Thrown("all", "ann", "racks move"),)},
        "kill switch: all was paused by ann: racks move",
    ),
    "approval": (
        msgspec.structs.replace(plan(), approve=(Asked("sre", 2, MINUTE),)),
        {"unapproved": "1 of 2 people have agreed to this plan"},
        "approval: 1 of 2 people have agreed",
    ),
    "unsettled": (
        plan(),
        {"unsettled": (Unsettled("e1", HOST, ()),)},
        f"unsettled: intent e1 on {HOST} has no outcome yet",
    ),
    "opposing_action": (
        plan(),
        {"runs": {f"against:restart_service@{HOST}": (OTHER,)}},
        f"opposing action: remediation r9 is executing with the opposite of restart_service on {HOST}",
    ),
    "ineffective": (
        plan(),
        {"suspended": Thrown("rule:shop on host/web-1", "healer", "2 runs in 1d did not help")},
        f"ineffective: shop is suspended on {HOST} by healer: 2 runs in 1d did not help; see what is wrong, then `healer resume",
    ),
    "limit": (rate("limit", "k"), {"runs": {"k": (OTHER,)}}, "limit: 1 of at most 1 in 1h for k"),
    "rate per target": (
        rate("rate per target", "k"),
        {"runs": {"k": (OTHER,)}},
        "rate per target: 1 of at most 1 in 1h",
    ),
    "rate per rule": (rate("rate per rule", "k"), {"runs": {"k": (OTHER,)}}, "rate per rule: 1 of at most 1 in 1h"),
    "rate per action": (
        rate("rate per action", "k"),
        {"runs": {"k": (OTHER,)}},
        "rate per action: 1 of at most 1 in 1h",
    ),
    "rate per service": (
        rate("rate per service", "k"),
        {"runs": {"k": (OTHER,)}},
        "rate per service: 1 of at most 1 in 1h",
    ),
    "concurrency": (
        limits(Limit(1, 0, "all", "at_once", guard="concurrency")),
        {"runs": {"all": (OTHER,)}},
        "concurrency: 1 of at most 1 under way at once for all",
    ),
    "share_of_siblings": (
        limits(Limit(1, 0, "s", "share", guard="share of siblings", share=0.2)),
        {"place": Place(siblings=msgspec.structs.replace(SIBLINGS, unwell=frozenset({"host/a", "host/b"})))},
        "share of siblings: 2 of 10 siblings of host/web-1 are down or under repair, at most 20% (2) may be",
    ),
    "control_plane": (
        plan(),
        {
            "place": Place(
                control_plane=Group("control-plane nodes", frozenset({HOST, "host/b"}), frozenset({"host/b"}))
            )
        },
        "control plane: 1 of 2 control-plane nodes are down or under repair",
    ),
    "ramp": (
        limits(Limit(3, HOUR, "rule:shop", "ramp", guard="ramp")),
        {"runs": {"rule:shop": (OTHER,)}},
        "ramp: 1 of at most 1 of the rule shop under way at once, as many helped before",
    ),
}
"""By the guard: a plan, what is counted, and the beginning of what it says."""


def said_counted(of: Plan, step: PlanStep = RESTART, **changes: Any) -> list[str]:
    counted = msgspec.structs.replace(Counted(NOON, Place()), **changes)
    return [str(one) for one in guards.count(of, step, counted) if not one.allows]


def test_there_is_a_case_for_each_counted_guard() -> None:
    """Also for the one that is added next."""
    assert len(COUNTED_NO) == len(COUNTED)


@pytest.mark.parametrize("name", COUNTED_NO)
def test_each_counted_guard_refuses_what_no_other_does(name: str) -> None:
    """Without it the effect would happen."""
    of, changes, why = COUNTED_NO[name]
    refused = said_counted(of, **changes)
    assert len(refused) == 1
    assert refused[0].startswith(why)


@pytest.mark.parametrize(
    "name", [name for name in COUNTED_NO if name not in ("kill_switch", "approval", "unsettled", "limit")]
)
def test_what_only_looks_is_not_counted(name: str) -> None:
    """Diagnostics hold nobody up, and nobody holds them up."""
    of, changes, _ = COUNTED_NO[name]
    looks = msgspec.structs.replace(RESTART, diagnostic=True, action="collect_diagnostics")
    assert said_counted(of, looks, **changes) == []


@pytest.mark.parametrize(
    "name", [name for name in COUNTED_NO if name not in ("kill_switch", "approval", "unsettled", "opposing_action")]
)
def test_what_tidies_up_is_never_too_late(name: str) -> None:
    """A node is not left out of service because a limit is reached; only what stands against it now stops it."""
    of, changes, _ = COUNTED_NO[name]
    assert said_counted(of, msgspec.structs.replace(RESTART, closing=True), **changes) == []


@pytest.mark.parametrize(
    ("target", "above", "place", "refused"),
    [
        (HOST, (), (), True),
        ("rack/r1", (), ("rack/r1",), True),
        ("pod/p", (HOST, "rack/r1"), ("rack/r1",), True),
        ("host/b", ("rack/r1",), ("rack/r1",), False),
    ],
)
def test_effects_on_what_contains_one_another_wait_for_one_another(
    target: str, above: tuple[str, ...], place: tuple[str, ...], refused: bool
) -> None:
    """A rack and its hosts, a host and its pods; two hosts of one rack do not."""
    found = said_counted(plan(), unsettled=(Unsettled("e1", target, above),), place=Place(above=place))
    assert bool(found) is refused


def test_those_under_repair_count_as_used_once() -> None:
    """A sibling on which an alert fires and that is being repaired is one, not two; the target itself is none."""
    group = msgspec.structs.replace(SIBLINGS, unwell=frozenset({HOST, "host/a"}))
    of = COUNTED_NO["share_of_siblings"][0]
    assert said_counted(of, place=Place(siblings=group), under_repair=frozenset({"host/a"})) == []
    assert said_counted(of, place=Place(siblings=group), under_repair=frozenset({"host/b"})) != []


def test_at_least_one_may_be_repaired_where_all_others_are_well() -> None:
    """A fifth of two is none, and that would never heal anything."""
    pair = Group("siblings", frozenset({HOST, "host/b"}), frozenset({HOST}))
    of = COUNTED_NO["share_of_siblings"][0]
    assert said_counted(of, place=Place(siblings=pair)) == []
    assert said_counted(of, place=Place(siblings=pair), under_repair=frozenset({"host/b"})) != []


def test_the_control_plane_counts_what_is_under_repair() -> None:
    """All of it is well, and one is being repaired: no other is touched."""
    group = Group("control-plane nodes", frozenset({HOST, "host/b", "host/c"}), frozenset({HOST}))
    assert said_counted(plan(), place=Place(control_plane=group)) == []
    assert said_counted(plan(), place=Place(control_plane=group), under_repair=frozenset({"host/c"})) != []


def ended(*states: str) -> tuple[Run, ...]:
    return tuple(Run(f"r{at}", NOON - MINUTE + at, state, acting=False, going=False) for at, state in enumerate(states))


@pytest.mark.parametrize(
    ("states", "most"),
    [
        ((), 1),
        (("succeeded",), 2),
        (("succeeded",) * 2, 2),
        (("succeeded",) * 3, 4),
        (("succeeded",) * 7, 8),
        (("succeeded", "succeeded", "succeeded", "not_verified"), 1),
        (("not_verified", "succeeded"), 2),
        (("succeeded", "superseded"), 2),
    ],
)
def test_a_rule_goes_from_one_to_two_to_four(states: tuple[str, ...], most: int) -> None:
    """As those before helped; what did not help begins it anew, and what was not needed says nothing."""
    going = tuple(Run(f"g{at}", NOON, "verifying", acting=False, going=True) for at in range(most))
    of = COUNTED_NO["ramp"][0]
    assert said_counted(of, runs={"rule:shop": (*ended(*states), *going[1:])}) == []
    assert said_counted(of, runs={"rule:shop": (*ended(*states), *going)}) != []


def test_a_ramp_may_begin_higher() -> None:
    """`guards.ramp.first`."""
    three = limits(Limit(3, HOUR, "rule:shop", "ramp", guard="ramp", first=3))
    going = tuple(Run(f"g{at}", NOON, "verifying", acting=False, going=True) for at in range(3))
    assert said_counted(three, runs={"rule:shop": going[1:]}) == []
    assert said_counted(three, runs={"rule:shop": going}) != []


def test_several_that_did_not_help_stop_the_rule() -> None:
    """For an hour after the first of them; what is older does not count."""
    of = COUNTED_NO["ramp"][0]
    (refused,) = said_counted(of, runs={"rule:shop": ended("failed", "succeeded", "undone", "handed_over")})
    assert refused == "ramp: 3 remediations of the rule shop did not help in 1h, 3 stop it"
    old = tuple(msgspec.structs.replace(one, at=one.at - HOUR) for one in ended("failed", "undone", "handed_over"))
    assert said_counted(of, runs={"rule:shop": old}) == []


def test_two_runs_on_a_node_that_did_not_help_are_the_last() -> None:
    """Until a person resumes the rule there: then they count anew."""
    of = limits(Limit(2, DAY, "rule:shop on host/web-1", "ineffective", guard="ineffective", on=HOST))
    failed = {"rule:shop on host/web-1": ended("not_verified", "succeeded", "failed")}
    (refused,) = said_counted(of, runs=failed)
    assert refused.startswith(
        "ineffective: 2 of 2 runs in 1d on host/web-1 that did not help: see what is wrong, then `healer resume"
    )
    assert said_counted(of, runs={"rule:shop on host/web-1": ended("not_verified", "succeeded")}) == []
    assert said_counted(of, runs=failed, resumed_at=NOON) == []


def test_a_rule_that_counts_siblings_where_nobody_knows_them_does_not_act() -> None:
    """The installation's own share is about those that there are; a rule's `limit:` means what it says."""
    assert said_counted(limits(Limit(1, 0, "s", "share", share=0.5))) != []
    assert said_counted(limits(Limit(1, 0, "s", "share", guard="share of siblings", share=0.5))) == []


def test_the_page_lists_every_guard_and_every_setting() -> None:
    """docs/guards.md: whoever reads a refusal finds it there, and what to set."""
    page = (Path(__file__).parents[3] / "docs" / "guards.md").read_text()
    listed = {name for row in re.findall(r"^\| ([a-z ,]+) \|", page, re.MULTILINE) for name in row.split(", ")}
    assert listed - {"guard"} == set(get_args(GuardName))
    assert [field for field in Guards.__struct_fields__ if f"guards.{field}" not in page] == []
