"""Who is next when nobody acknowledges: called in time, each by a row of its own, and nobody any more who need not be."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healer.alerts.matchers import parse_matchers
from healer.convergence.people import Said
from healer.journey.charter import Charter
from healer.journey.fold import Fold, remembered
from healer.journey.records import Progressed, Resumed, Rostered
from healer.notification.escalation import is_escalation
from healer.notification.oncall.settings import Escalation, Layer, Oncall, Person, Rung, Schedule
from healer.notification.oncall.turns import Shift, wall
from healer.notification.settings import Route
from healer.times import DAY, HOUR, MINUTE, SECOND
from tests.unit.journey.world import DECIDING, INSTALLATION, START, World, chartered, ends, fires, silenced

CRITICAL = parse_matchers(['severity="critical"'])
HELD = 3
"""Seconds that an alert of these settings is held before it is told."""
STEPS = (Rung(tell=("primary",)), Rung(tell=("boss",), after=10 * MINUTE))
PEOPLE = {"ann": Person(channels=("ann-sms",)), "bo": Person(channels=("bo-sms", "bo-mail"))}
PRIMARY = Schedule(layers=(Layer(people=("ann", "bo"), since="2026-01-07 00:00", every="daily"),))
CHANNELS = ("duty", "log", "ann-sms", "bo-sms", "bo-mail", "boss")


def escalating(*steps: Rung, schedule: Schedule = PRIMARY, **more: Any) -> Charter:
    escalation = Escalation(**{"steps": steps or STEPS, "wait": 20 * MINUTE, **more})
    oncall = Oncall(people=PEOPLE, schedules={"primary": schedule}, escalations={"nights": escalation})
    routes = (Route(match=CRITICAL, channels=("duty",), escalate=("nights",)), Route(channels=("log",)))
    return chartered(msgspec.structs.replace(DECIDING, channels=CHANNELS, routes=routes, oncall=oncall))


def broken(charter: Charter | None = None, severity: str = "critical") -> World:
    world = World(charter or escalating())
    world.applied(0, fires("Hot@host/a", severity=severity))
    world.until(10)
    return world


def calls(world: World) -> list[tuple[str, int]]:
    """The channels that were called, and how many minutes after the start."""
    return [
        (one.channel, (step.now - START) // MINUTE)
        for step in world.diary.steps
        for one in step.wanted
        if is_escalation(one.matter) and one.opens
    ]


def codes(world: World) -> list[str]:
    return [one.code for one in world.diary.timeline if "escalat" in one.code or one.code == "nobody to call"]


def minutes(number: float) -> float:
    return number * MINUTE / SECOND


def test_one_after_the_other_is_called() -> None:
    """Whoever is on call at once, the next after the time of the step, all of it again where it is repeated, and then nobody
    is left."""
    world = broken(escalating(repeat=1))
    for minute in (9, 11, 29, 31, 39, 41, 59):
        world.until(minutes(minute))
    assert calls(world) == [("ann-sms", 0), ("boss", 11), ("ann-sms", 31), ("boss", 41)]
    assert world.fold.telling.escalations.exhausted() == 0
    world.until(minutes(61))
    assert codes(world) == ["escalation began", *["escalated"] * 4, "escalation exhausted"]
    assert world.fold.telling.escalations.exhausted() == 1


def test_every_call_is_a_row_of_its_own() -> None:
    """With a sound, and the story as it is by then."""
    world = broken(escalating(repeat=1))
    world.until(minutes(31))
    made = [one for one in world.diary.wanted if is_escalation(one.matter) and one.opens]
    assert [(one.matter, one.urgent) for one in made] == [(f"escalation nights {number}", True) for number in (1, 2, 3)]


def test_whoever_is_on_call_then_is_called() -> None:
    """By all channels of the person, at the time of the call and not of the beginning."""
    world = broken(escalating(Rung(tell=("log",)), Rung(tell=("primary", "bo"), after=DAY)))
    world.until(minutes(10))
    world.until(DAY / SECOND + 60)
    assert calls(world) == [("log", 0), ("bo-sms", 24 * 60 + 1), ("bo-mail", 24 * 60 + 1)]


@pytest.mark.parametrize("verb", ["ack", "close", "silence", "over"])
def test_nobody_is_called_who_need_not_be(verb: str) -> None:
    """After an acknowledgement, the end, or a silence nobody is called, and what was not heard is taken back."""
    world = broken()
    incident = world.incident.id
    if verb == "silence":
        world.applied(60, silenced("host/a", 0, 20 * HOUR // SECOND))
    elif verb == "over":
        world.applied(60, ends("Hot@host/a", at=60))
    else:
        world.applied(60, Said("ack" if verb == "ack" else "close", incident, by="ada"))
    world.until(10 * HOUR / SECOND)
    assert calls(world) == [("ann-sms", 0)]
    last = [one for one in world.diary.wanted if one.matter == "escalation nights 1"][-1]
    assert (last.opens, last.ends) == (False, True)
    assert codes(world)[-1] == "escalation ended"


def test_it_begins_anew_when_somebody_is_needed_again() -> None:
    """After a silence, and when it comes back, with calls of numbers of their own."""
    world = broken()
    world.applied(60, silenced("host/a", 0, 3600))
    world.until(3600 + 60)
    assert calls(world) == [("ann-sms", 0), ("ann-sms", 61)]
    assert {one.matter for one in world.diary.wanted if is_escalation(one.matter)} == {
        "escalation nights 1",
        "escalation nights 2",
    }


def test_a_route_that_does_not_match_escalates_nothing() -> None:
    """What is only a warning calls nobody."""
    world = broken(severity="warning")
    world.until(10 * HOUR / SECOND)
    assert calls(world) == []


def test_where_nobody_can_be_called_the_next_one_is_at_once() -> None:
    """An empty schedule costs no time, and the timeline says so."""
    later = Schedule(layers=(Layer(people=("ann",), since="2027-01-01"),))
    world = broken(escalating(schedule=later))
    assert calls(world) == [("boss", 0)]
    assert codes(world) == ["escalation began", "nobody to call", "escalated"]


def test_time_in_which_healer_was_away_is_no_time_to_answer() -> None:
    """Whoever was called before has the rest of it afterwards, and nobody is called in a row."""
    world = broken(escalating(repeat=1))
    world.applied(HOUR / SECOND, Resumed(HOUR - 10 * SECOND))
    world.until(minutes(60 + 9))
    assert calls(world) == [("ann-sms", 0)]
    world.until(minutes(60 + 11))
    assert calls(world) == [("ann-sms", 0), ("boss", 71)]


def test_whoever_was_called_hears_the_end() -> None:
    """In each message; where none can be edited the first says it, and none where the story itself is told there."""
    world = broken(escalating(Rung(tell=("ann", "duty")), repeat=2))
    world.until(minutes(50))
    world.applied(minutes(51), ends("Hot@host/a", at=minutes(51)))
    world.until(minutes(60))
    last = {
        (one.channel, one.matter): msgspec.msgpack.decode(one.story)
        for one in world.diary.wanted
        if is_escalation(one.matter)
    }
    assert {story["state"] for story in last.values()} == {"over"}
    told = {place for place, story in last.items() if not story["called"]}
    assert told == {("ann-sms", "escalation nights 1")}
    assert len(last) == 6


def test_a_calendar_that_is_followed_says_who() -> None:
    """From the record on, also after a restart."""
    charter = escalating(Rung(tell=("primary",), after=MINUTE))
    followed = msgspec.structs.replace(charter.settings, followed=("primary",))
    world = World(chartered(followed))
    world.applied(0, fires("Hot@host/a"))
    world.applied(5, Rostered("primary", (Shift("bo", wall(START, "UTC"), HOUR, "UTC"),)))
    again = Fold.load(remembered(world.fold.dump()), world.charter, INSTALLATION)
    assert again.charter.rota == world.fold.charter.rota
    world.until(minutes(2))
    assert calls(world) == [("bo-sms", 2), ("bo-mail", 2)]


def test_who_hears_of_a_route_with_a_schedule() -> None:
    """Whoever is on call when there is news; and whoever was told goes on hearing of it."""
    settings_ = escalating().settings
    routes = (Route(channels=("primary", "log")),)
    world = broken(chartered(msgspec.structs.replace(settings_, routes=routes)))
    assert {one.channel for one in world.diary.wanted} == {"ann-sms", "log"}
    world.applied(DAY / SECOND, fires("Hot@host/a", "ServiceDown@host/a", at=DAY / SECOND))
    world.until(DAY / SECOND + 60)
    assert {one.channel for one in world.diary.wanted} == {"ann-sms", "log", "bo-sms", "bo-mail"}


def test_a_rule_tells_whoever_is_on_call() -> None:
    """By the schedule's name, in the rule's words and as loud as it says; after a hand-over the next one hears all of it too,
    and who was told before keeps the words."""
    oncall = escalating().settings.oncall
    settings_ = msgspec.structs.replace(DECIDING, channels=CHANNELS, routes=(Route(channels=("log",)),), oncall=oncall)
    rule = (
        'rule "x"\n  on event: "Hot"\n  then: notify("primary", message: "mind the fan", escalate: yes)\n  mode: auto\n'
    )
    world = broken(chartered(settings_, rules=rule), severity="warning")
    loud = {one.channel: one.urgent for one in world.diary.wanted}
    assert loud == {"ann-sms": True, "log": False}
    again = Fold.load(remembered(world.fold.dump()), world.charter, INSTALLATION)
    assert again.telling.remembered().heard == world.fold.telling.remembered().heard
    world.applied(DAY / SECOND, fires("Hot@host/a", "ServiceDown@host/a", at=DAY / SECOND))
    world.until(DAY / SECOND + 60)
    newest = {one.channel: one for one in world.diary.wanted}
    assert newest.keys() == {"ann-sms", "log", "bo-sms", "bo-mail"}
    assert {name for name, one in newest.items() if b"mind the fan" in one.story} == {"ann-sms", "bo-sms", "bo-mail"}
    (id,) = {one.incident for one in newest.values()}
    there, elsewhere = world.fold.story(id, "ann-sms"), world.fold.story(id)
    assert there is not None
    assert elsewhere is not None
    assert ("mind the fan" in there.lines, "mind the fan" in elsewhere.lines) == (True, False)


def test_an_escalation_that_is_taken_out_ends() -> None:
    """With the configuration that no longer has it, also where nothing else happens."""
    world = broken()
    world.adopts(60, chartered(msgspec.structs.replace(DECIDING, channels=CHANNELS)))
    world.until(HOUR / SECOND)
    assert calls(world) == [("ann-sms", 0)]
    assert codes(world)[-1] == "escalation ended"
    assert world.fold.telling.escalations.next_due() is None


EVENTS = st.lists(
    st.tuples(
        st.integers(1, 90),
        st.sampled_from(["fires", "ends", "ack", "silence", "nothing", "away", "snapshot"]),
    ),
    max_size=12,
)


@given(EVENTS)
@settings(max_examples=25)
def test_calls_are_in_time_and_never_needless(events: list[tuple[int, str]]) -> None:
    """Whatever happens: a step is called when its time has come, and only while somebody is needed."""
    world, at = World(escalating(repeat=1)), 0.0
    for pause, what in sorted(events):
        at += minutes(pause / 4)
        if what == "fires":
            world.applied(at, fires("Hot@host/a", at=at))
        elif what == "ends":
            world.applied(at, ends("Hot@host/a", at=at))
        elif what == "silence":
            world.applied(at, silenced("host/a", int(at), int(at) + 300))
        elif what == "away":
            world.applied(at, Resumed(2 * MINUTE))
        elif what == "snapshot":
            world.fold = Fold.load(remembered(world.fold.dump()), world.charter, INSTALLATION)
        elif what == "ack" and world.open:
            world.applied(at, Said("ack", world.open[0].id, by="ada"))
        else:
            world.until(at)
        due = world.fold.telling.escalations.next_due()
        assert due is None or due > world.fold.engine.now
        for incident in world.fold.incidents():
            needed = incident.status == "open" and incident.told and not incident.people.acked_by
            going = [one for one in world.fold.telling.escalations.remembered.items() if one[0] == incident.id]
            assert needed or not any(climb.going for _, of in going for climb in of.climbs.values())
            assert not needed or any(climb.called or climb.held for _, of in going for climb in of.climbs.values())
    for step in world.diary.steps:
        ended = {one.id for one in step.incidents if one.status != "open" or one.people.acked_by or not one.told}
        assert not [one for one in step.wanted if is_escalation(one.matter) and one.opens and one.incident in ended]


def test_a_step_waits_for_what_healer_tries() -> None:
    """Nobody is woken while it is repaired; as soon as that failed, and after a quarter of an hour in any case."""
    for fails_at, called_at in ((12, 12), (40, 26)):
        world = World(escalating(Rung(tell=("boss",), after=10 * MINUTE)))
        world.applied(0, fires("ServiceDown@host/a"))
        world.until(10)
        (planned,) = world.diary.planned

        def goes(minute: float, state: str, world: World = world, id: str = planned.remediation) -> None:
            at = START + int(minute * MINUTE)
            world.applied(minutes(minute), Progressed(id, world.incident.id, state, at=at))

        goes(9, "executing")
        world.until(minutes(11))
        assert calls(world) == []
        world.until(minutes(min(fails_at, 26)))
        if fails_at < 26:
            goes(fails_at, "failed")
        assert calls(world) == [("boss", called_at)]
