"""What the fold makes of each kind of record, and of time."""

import msgspec
import pytest

from healer.alerts.model import Alert
from healer.convergence.people import Said
from healer.journey.fold import LINGER, MAX_QUARANTINED, Fold, remembered
from healer.journey.records import (
    Adopted,
    Answer,
    Answered,
    Delivered,
    Entry,
    Progressed,
    Resumed,
    Silenced,
    Switched,
    Troubled,
    Vanished,
)
from healer.journey.settings import Journal
from healer.journey.telling import PACE
from healer.notification.settings import Route
from healer.times import MINUTE, SECOND
from tests.unit.journey.world import (
    DECIDING,
    INSTALLATION,
    START,
    TREE,
    World,
    changed,
    chartered,
    ends,
    fires,
    labels,
    silenced,
)

DOWN = "ServiceDown@host/a"


def broken(world: World | None = None) -> World:
    """ServiceDown on host/a, fired at 1 s and told at 4 s; its rule planned a restart."""
    world = world or World()
    world.applied(1, fires(DOWN, at=1))
    world.until(4)
    return world


def test_one_alert_becomes_an_incident_a_plan_and_words() -> None:
    """After its hold an alert is an incident; the rule that listens plans; the recipient is to know both."""
    world = World()
    step = world.applied(1, fires(DOWN, at=1))
    assert (step.incidents, step.wanted) == ((), ()), "it is held"
    assert world.until(3) is None, "nothing is due"
    told = world.until(4)
    assert told is not None
    assert (told.first, told.last, told.now) == (3, 2, START + 4 * SECOND)
    (incident,), (planned,), (wanted,) = told.incidents, told.planned, told.wanted
    assert (planned.state, planned.plan.incident, planned.plan.rule) == ("planned", incident.id, "restart the shop")
    assert (wanted.channel, wanted.urgent, wanted.opens) == ("duty", True, True)
    assert "about to run: restart_service" in "\n".join(world.story(incident.id).lines)
    assert [one.code for one in told.timeline] == ["arrived", "opened", "matched"]


def test_a_timer_that_changed_nothing_makes_a_step_all_the_same() -> None:
    """Replay has to meet it in this order again."""
    world = World()
    world.applied(1, fires("Odd@host/a", at=1))
    world.applied(2, ends("Odd@host/a", at=2))
    step = world.until(60)
    assert step is not None
    assert (step.incidents, step.timeline, step.wanted) == ((), (), ())


def test_whoever_explains_late_is_the_one_that_people_hear_of() -> None:
    """The switch speaks for its hosts when it comes within the hold."""
    world = World()
    world.applied(1, fires("Odd@host/a", "Odd@host/b", at=1, severity="warning"))
    world.applied(3, fires("SwitchDown@switch/s", at=2))
    world.until(30)
    assert [one.root.node for one in world.open] == ["switch/s"]
    assert world.incident.suppressed == 2


def test_an_incident_that_is_over_is_told_and_forgotten() -> None:
    """Its end is told; `settle` later its alerts are handed out for good, and memory is empty again."""
    world = broken(World(chartered(rules='rule "x"\n  on event: "Other"\n  then: notify("boss")\n')))
    before = world.incident
    world.applied(10, ends(DOWN, at=10))
    assert world.incident.status == "resolved"
    assert world.story(before.id).state == "over"
    step = world.until(26)
    assert step is not None
    assert [one.incident for one in step.closed] == [before.id]
    assert (len(world.fold.engine), list(world.fold.incidents()), world.fold.incident(before.id)) == (0, [], None)


@pytest.mark.parametrize("severity", ["critical", "none", "warning"])
def test_the_heartbeat_is_no_incident_whatever_its_severity(severity: str) -> None:
    """Watchdog says only that monitoring lives: nobody is told of it, nor of its end."""
    world = World()
    world.applied(1, fires("Watchdog@", at=1, severity=severity))
    world.until(600)
    world.applied(601, ends("Watchdog@", at=601, severity=severity))
    world.until(1_200)
    assert (world.diary.incidents, world.diary.wanted, world.diary.timeline) == ({}, [], [])


# --- a record that cannot be applied

POISON = Delivered("am", (Alert(labels("Odd@host/b"), True, START, 0), Alert(b"no labels", True, START, 0)))


def test_a_record_on_which_the_engine_raises_is_stepped_over_and_told() -> None:
    """It is quarantined with its position and why, people hear of it as of an alert, and what follows is applied."""
    world = World()
    world.applied(1, POISON)
    (quarantined,) = world.fold.quarantined
    assert quarantined.position == 2
    assert quarantined.error.startswith("DecodeError: ")
    world.applied(2, fires(DOWN, at=2))
    world.until(30)
    assert {one.root.name for one in world.open} == {"HealerTrouble", "ServiceDown", "Odd"}
    (trouble,) = [one for one in world.open if one.root.name == "HealerTrouble"]
    assert "healer skipped a record" in world.story(trouble.id).title
    assert trouble.severity == "critical"


def test_quarantine_ends() -> None:
    """An hour after the last record that was stepped over it is over, and only the newest records are remembered."""
    world = World()
    for number in range(MAX_QUARANTINED + 1):
        world.applied(1 + number, POISON)
    assert (len(world.fold.quarantined), world.fold.skipped) == (MAX_QUARANTINED, MAX_QUARANTINED + 1)
    world.until(3_600 + MAX_QUARANTINED)
    assert world.fold.troubles.has("quarantine")
    world.until(3_602 + MAX_QUARANTINED)
    assert not world.fold.troubles.has("quarantine")


def test_replay_quarantines_the_same_record_in_the_same_way() -> None:
    """The path of a record that cannot be applied is as deterministic as that of any other."""
    world, again = World(), World()
    for one in (world, again):
        one.applied(1, POISON)
        one.until(30)
    assert [step.digest for step in again.diary.steps] == [step.digest for step in world.diary.steps]
    assert again.fold.quarantined == world.fold.quarantined


# --- what was adopted

ODD_RULE = 'rule "odd"\n  on event: "ServiceDown"\n  then: notify("boss")\n  mode: auto\n'


def test_other_settings_hold_from_their_record_on() -> None:
    """What is held under new settings is held as long as they say."""
    world = World(changed(hold=msgspec.structs.replace(DECIDING.convergence.hold, critical=3 * SECOND)))
    world.adopts(1, changed(hold=msgspec.structs.replace(DECIDING.convergence.hold, critical=5 * SECOND)))
    world.applied(2, fires(DOWN, at=2))
    world.until(6)
    assert world.status(DOWN) == "held"
    world.until(7)
    assert world.status(DOWN) == "root"


def test_another_topology_judges_what_fires_again() -> None:
    """An edge that is gone explains nothing any more; an explanation that was given stays while its root fires."""
    world = World()
    world.applied(1, fires("SwitchDown@switch/s", at=1))
    world.applied(2, fires("Hot@host/a", at=2))
    world.until(20)
    assert world.status("Hot@host/a") == "suppressed"
    world.adopts(21, chartered(graph=msgspec.structs.replace(TREE, edges=())))
    world.applied(22, fires("Odd@host/a", at=22))
    world.until(60)
    assert world.status("Hot@host/a") == "suppressed"
    assert world.status("Odd@host/a") == "root"
    assert {one.root.node for one in world.open} == {"switch/s", "host/a"}


def test_other_rules_decide_about_the_next_incident_not_about_what_began() -> None:
    """A remediation that was planned goes on under the rule that planned it."""
    world = broken()
    world.adopts(5, chartered(rules=ODD_RULE))
    world.applied(6, Progressed(world.diary.planned[0].remediation, world.incident.id, "executing"))
    assert world.story(world.incident.id).state == "healing"
    world.applied(7, fires("ServiceDown@host/c", at=7))
    world.until(12)
    assert [one.plan.rule for one in world.diary.planned] == ["restart the shop", "odd"]


def test_dry_run_decides_as_soon_as_it_is_adopted() -> None:
    """What would be run is only said."""
    world = World()
    world.adopts(1, chartered(msgspec.structs.replace(DECIDING, dry_run=True)))
    world.applied(2, fires(DOWN, at=2))
    world.until(8)
    (planned,) = world.diary.planned
    assert (planned.state, planned.detail) == ("suggested", "dry run")


def test_the_first_route_that_matches_says_who_hears() -> None:
    """By the root's labels; nobody hears of what no route matches."""
    read = msgspec.json.Decoder(Route, dec_hook=lambda kind, value: kind(), strict=True)
    everything = read.decode(b'{"channels":["night"]}')
    world = broken(World(chartered(msgspec.structs.replace(DECIDING, routes=(everything,)))))
    assert {channel for _, channel in world.diary.told} == {"night"}


# --- time that did not pass

GAP = 600


@pytest.mark.parametrize("gap", [0, GAP])
def test_a_gap_moves_the_hold(gap: int) -> None:
    """Nothing is told merely because healer was away."""
    world = World()
    world.applied(1, fires(DOWN, at=1))
    world.applied(1 + gap, Resumed(gap * SECOND))
    world.until(3 + gap)
    assert world.status(DOWN) == "held"
    world.until(4 + gap)
    assert world.status(DOWN) == "root"


def test_a_gap_moves_expiry() -> None:
    """Nothing counts as gone merely because healer could not hear that it was still there."""
    world = World()
    world.applied(1, fires("Odd@host/a", at=1, lives=60))
    world.applied(10 + GAP, Resumed(GAP * SECOND))
    world.until(59 + GAP)
    assert world.status("Odd@host/a") == "root"
    world.until(61 + GAP)
    assert world.status("Odd@host/a") == "resolved"
    assert world.incident.resolution == "expired"


def test_a_gap_moves_settle() -> None:
    """Descendants have their time to follow a root that ended before healer was away."""
    world = World()
    world.applied(1, fires("SwitchDown@switch/s", at=1))
    world.applied(2, fires("Odd@host/a", at=2))
    world.until(8)
    world.applied(20, ends("SwitchDown@switch/s", at=20))
    world.applied(25 + GAP, Resumed(GAP * SECOND))
    world.until(34 + GAP)
    assert world.status("Odd@host/a") == "suppressed"
    world.until(36 + GAP)
    assert world.status("Odd@host/a") == "root"


def test_a_second_gap_moves_time_as_the_first_did() -> None:
    """However long nobody stepped before."""
    world = World()
    world.applied(1, fires("Odd@host/a", at=1, lives=60))
    world.applied(10 + GAP, Resumed(GAP * SECOND))
    world.applied(20 + 2 * GAP, Resumed(GAP * SECOND))
    world.until(59 + 2 * GAP)
    assert world.status("Odd@host/a") == "root"
    world.until(61 + 2 * GAP)
    assert world.status("Odd@host/a") == "resolved"


def test_what_came_after_a_gap_does_not_wait_for_as_long_again() -> None:
    """What another replica accepted once the store was back may come before the word of the gap: time goes on from there."""
    world = World()
    world.applied(1, fires("Odd@host/b", at=1))
    world.until(10)
    world.applied(11 + GAP, fires(DOWN, at=11 + GAP))
    world.applied(12 + GAP, Resumed(GAP * SECOND))
    assert world.status(DOWN) == "held"
    world.until(16 + GAP)
    assert world.status(DOWN) == "root"


def test_time_never_goes_back() -> None:
    """A record accepted while the clock stood earlier is applied at the time that was reached before."""
    world = World()
    world.applied(10, fires(DOWN, at=1))
    step = world.applied(5, fires("Odd@host/c", at=5))
    assert step.now == START + 10 * SECOND


# --- editions of a message


def more(world: World, at: float, *hosts: str) -> int:
    """Symptoms beneath the broken switch; how many editions that made."""
    before = len(world.diary.wanted)
    world.applied(at, fires(*(f"Odd@{host}" for host in hosts), at=at))
    return len(world.diary.wanted) - before


def test_news_that_are_only_numbers_wait() -> None:
    """Ten seconds after the last edition they are told, all at once; until then the message is left alone."""
    world = World()
    world.applied(1, fires("SwitchDown@switch/s", at=1))
    world.until(4)
    assert len(world.diary.wanted) == 1
    assert [more(world, 5, "host/a"), more(world, 6, "host/b")] == [0, 0]
    world.until(4 + PACE / SECOND - 0.5)
    assert len(world.diary.wanted) == 1
    world.until(4 + PACE / SECOND)
    assert len(world.diary.wanted) == 2
    assert "2 more alerts come from it" in world.story(world.incident.id).lines
    assert world.until(100) is None, "there is nothing more to say"


def test_news_that_are_words_are_told_at_once() -> None:
    """That it is over does not wait; nor do the numbers that waited come afterwards."""
    world = World()
    world.applied(1, fires("SwitchDown@switch/s", at=1))
    world.until(4)
    more(world, 5, "host/a")
    world.applied(6, ends("SwitchDown@switch/s", at=6))
    world.applied(6.5, ends("Odd@host/a", at=6.5))
    assert world.story(world.incident.id).state == "over"
    revisions = [one.revision for one in world.diary.wanted]
    assert revisions == sorted(set(revisions)), "a newer edition has a higher number"
    editions = len(world.diary.wanted)
    world.until(100)
    assert len(world.diary.wanted) == editions


def test_what_is_silenced_opens_no_message() -> None:
    """The notice of a silenced root is for those alone who were told before; when that ends, it is held, and then told."""
    world = World()
    world.applied(0.5, silenced("host/a", 0, 100))
    broken(world)
    assert {opens for _, _, opens in world.diary.told.values()} <= {False}
    assert world.diary.planned == []
    world.until(102.5)
    assert not world.diary.told
    world.until(103)
    assert world.diary.told[world.incident.id, "duty"][2]


def test_silences_that_cannot_be_read_stay_as_they_were() -> None:
    """Who does not answer has not said that nothing is silenced."""
    world = World()
    world.applied(0.5, silenced("host/a", 0, 100))
    world.applied(0.6, Silenced("am", readable=False))
    broken(world)
    assert world.status(DOWN) == "silenced"


def test_what_vanished_is_not_healed() -> None:
    """An alert that nobody knows any more ends as what it is."""
    world = broken()
    world.applied(10, Vanished((labels(DOWN), b'{"alertname":"unknown"}')))
    assert (world.incident.status, world.incident.resolution) == ("resolved", "vanished")
    assert any("NOT known to be well" in line for line in world.story(world.incident.id).lines)


# --- what is wrong with healer itself


def test_trouble_begins_and_ends_as_an_alert_does() -> None:
    """It is an incident of its own, told at once to everybody, and its end is told."""
    world = World()
    world.applied(1, Troubled("no input", firing=True, detail="since 09:55"))
    world.until(10)
    incident = world.incident
    assert (incident.root.name, incident.severity, incident.status) == ("HealerTrouble", "critical", "open")
    assert "healer hears nothing" in world.story(incident.id).title
    world.applied(60, Troubled("no input", firing=False))
    assert world.incident.status == "resolved"
    assert world.story(incident.id).state == "over"


def test_each_trouble_is_one_of_its_own() -> None:
    """Two codes do not end one another; the same code again is no second alert."""
    world = World()
    world.applied(1, Troubled("no input", firing=True))
    world.applied(2, Troubled("reconciliation", firing=True))
    world.applied(3, Troubled("no input", firing=True))
    world.until(10)
    assert world.fold.engine.firing == 2
    world.applied(11, Troubled("no input", firing=False))
    assert world.fold.engine.firing == 1


def test_the_kill_switch_is_a_record_and_decides_nothing_here() -> None:
    """T3 reads the switch itself; the record is for whoever reads the journal."""
    world = broken()
    step = world.applied(5, Switched("*", thrown=True, by="ada"))
    assert (step.incidents, step.timeline, step.wanted, step.planned) == ((), (), (), ())


# --- remedies


def test_progress_is_told_and_stands_in_the_timeline() -> None:
    """From `about to run` over `running` to `It helped`."""
    world = broken()
    remediation, incident = world.diary.planned[0].remediation, world.incident.id
    for at, state in ((5, "executing"), (6, "verifying"), (20, "succeeded")):
        world.applied(at, Progressed(remediation, incident, state))
    assert [one.code for one in world.diary.timeline][-3:] == ["executing", "verifying", "succeeded"]
    assert [one.stage for one in world.diary.timeline][-3:] == ["execute", "verify", "verify"]
    assert world.story(incident).state == "healed"


def test_when_it_did_not_help_those_hear_whom_the_rule_names() -> None:
    """`otherwise: notify("boss")` tells the boss beside the routes, from the failure on and not before."""
    world = broken()
    remediation, incident = world.diary.planned[0].remediation, world.incident.id
    world.applied(5, Progressed(remediation, incident, "executing"))
    assert {channel for _, channel in world.diary.told} == {"duty"}
    world.applied(6, Progressed(remediation, incident, "failed", "exit 3"))
    assert {channel for _, channel in world.diary.told} == {"duty", "boss"}
    assert world.story(incident, "boss").state == "needs you"
    world.applied(30, ends(DOWN, at=30))
    assert world.story(incident, "boss").state == "over", "who was told of it is told of its end"


def test_people_are_called_once_for_what_failed() -> None:
    """A new message for who has to look now, and no other when the same is told again; what heals calls nobody."""
    world = broken()
    remediation, incident = world.diary.planned[0].remediation, world.incident.id
    world.applied(5, Progressed(remediation, incident, "executing"))
    assert world.diary.calls == []
    world.applied(6, Progressed(remediation, incident, "failed", "exit 3"))
    world.applied(30, ends(DOWN, at=30))
    assert world.diary.calls == [("duty", f"{remediation} failed"), ("boss", f"{remediation} failed")]
    assert world.story(incident).called == "", "it was called for when it failed, and not at the end"
    assert remembered(world.fold.dump()).called[incident].matters == (f"{remediation} failed",)


def test_what_a_call_says_is_said_by_it_for_as_long_as_it_stands() -> None:
    """Where nothing can be edited nobody is told the same line twice because somebody acknowledged what they were called for."""
    world = broken()
    remediation, incident = world.diary.planned[0].remediation, world.incident.id
    world.applied(6, Progressed(remediation, incident, "failed", "exit 3"))
    world.applied(20, Said("ack", incident, "ada"))
    assert "ada is on it" in " ".join(world.story(incident).lines)
    assert world.story(incident).called == f"{remediation} failed"
    world.applied(40, ends(DOWN, at=40))
    assert world.story(incident).called == ""


def test_another_cause_is_a_call_and_hides_no_earlier_one() -> None:
    """Who was told of a host reads of the rack, and of the host; so does who is told again after a restart."""
    world = broken()
    assert "First said" not in " ".join(world.story(world.incident.id).lines)
    world.applied(5, fires("ServiceDown@rack/r", at=5))
    world.until(15)
    incident = world.incident.id
    assert ("duty", "root rack/r") in world.diary.calls
    again = Fold.load(remembered(world.fold.dump()), world.charter, INSTALLATION)
    for told in (world.story(incident), again.story(incident)):
        assert told is not None
        assert "First said host/a, now rack/r" in told.lines


def test_a_question_is_asked_and_its_answer_decides() -> None:
    """What a rule does not know it asks for; the answer comes as a record and makes the plan."""
    world = World()
    world.applied(1, fires("Hot@host/b", at=1))
    assert list(world.fold.questions()) == []
    world.until(4)
    (question,) = world.fold.questions()
    assert (question.incident, question.rule) == (world.incident.id, "when it is hot")
    (query,) = question.queries
    world.applied(5, Answered(question.incident, question.rule, (Answer(query.key, 0.99, START + 5 * SECOND),)))
    assert [one.plan.rule for one in world.diary.planned] == ["when it is hot"]
    assert list(world.fold.questions()) == []


def test_an_answer_that_says_no_is_asked_again_later() -> None:
    """A rule that did not match is asked about anew after half a minute, not at once."""
    world = World()
    world.applied(1, fires("Hot@host/b", at=1))
    world.until(4)
    (question,) = world.fold.questions()
    answer = Answer(question.queries[0].key, 0.5, START + 5 * SECOND)
    world.applied(5, Answered(question.incident, question.rule, (answer,)))
    assert list(world.fold.questions()) == []
    world.applied(36, Switched("*", thrown=False, by="time passes"))
    assert len(world.fold.questions()) == 1
    assert world.diary.planned == []


def test_what_was_planned_for_an_incident_that_ended_is_not_begun() -> None:
    """The plan is superseded in the step in which the incident ends, with why."""
    world = broken()
    step = world.applied(5, ends(DOWN, at=5))
    assert [(one.remediation, one.why) for one in step.superseded] == [
        (world.diary.planned[0].remediation, "the incident is over")
    ]


def test_what_was_begun_before_it_was_superseded_is_still_told() -> None:
    """Its intent was written while the step that superseded it was under way: the incident waits for its end."""
    world = broken()
    remediation, incident = world.diary.planned[0].remediation, world.incident.id
    world.applied(5, ends(DOWN, at=5))
    world.until(30)
    assert world.fold.engine.firing == 0
    world.applied(31, Progressed(remediation, incident, "executing"))
    assert world.story(incident).state == "healing"
    world.until(31 + LINGER / SECOND)
    assert world.fold.incident(incident) is not None, "it is still under way"
    world.applied(5_000, Progressed(remediation, incident, "failed", "exit 1"))
    assert "exit 1" in "\n".join(world.story(incident).lines)
    assert world.fold.incident(incident) is None


def test_an_incident_whose_plan_was_never_begun_is_let_go_in_the_end() -> None:
    """Memory does not grow by what was superseded."""
    world = broken()
    world.applied(5, ends(DOWN, at=5))
    world.until(30)
    assert world.fold.incident(world.incident.id) is not None
    world.applied(31 + LINGER / SECOND, Switched("*", thrown=False, by="time passes"))
    assert world.fold.incident(world.incident.id) is None
    assert world.fold.planner.courses == {}


def test_progress_of_what_nobody_planned_changes_nothing() -> None:
    """A record about a remediation of another life is stepped over without a word."""
    world = broken()
    step = world.applied(5, Progressed("unknown", world.incident.id, "executing"))
    assert (step.timeline, step.wanted) == ((), ())
    assert world.fold.quarantined == []


def test_a_charter_is_brought_with_its_record() -> None:
    """An Adopted record without its documents is a mistake of whoever feeds, and does not change what decides."""
    world = World()
    world.fold.apply(Entry(2, START + SECOND, Adopted("t", "s", "r")))
    assert [one.error[:14] for one in world.fold.quarantined] == ["AssertionError"]
    assert world.fold.charter is world.charter


def test_retention_is_at_least_a_day() -> None:
    """Whole days are kept: less than one would keep nothing."""
    with pytest.raises(ValueError, match="expected at least 1d"):
        Journal(retention=59 * MINUTE)
