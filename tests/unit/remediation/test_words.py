"""What rules want said in their own words, what they have to ask for that, and what they hold back and tell as one."""

import msgspec

from healer.convergence.outcome import Confidence
from healer.journey.records import Answer, Answered
from healer.remediation.summary import MAX_NAMED, Summary
from healer.times import HOUR, MINUTE
from tests.unit.remediation.build import NOON, Desk, incident, rule

STEP = 'execute("restart_service", unit: "shop.service")'


def tells(desk: Desk, text: str, *, rule: str = "shop") -> None:
    """Every question about the rule is answered by this text of the alert's."""
    (asked,) = [one for one in desk.planner.questions(NOON) if one.rule == rule]
    answers = tuple(Answer(query.key, None, 0, text=text) for query in asked.queries)
    desk.planner.answer(Answered("i1", rule, answers), NOON)


def test_a_message_is_said_to_its_channel_alone() -> None:
    """`notify("dba", message: ...)` tells that channel beside the story, with names filled in, and no other."""
    desk = Desk(rule("shop", f'then: notify("dba", message: "look at {{{{ node.name }}}}") {STEP}'))
    desk.one()

    assert desk.planner.also_tell("i1") == ("dba",)
    assert desk.planner.says("i1", "dba") == ("look at web-1",)
    assert desk.planner.says("i1", "oncall") == ()


def test_what_otherwise_says_waits_for_the_failure() -> None:
    """A message of `otherwise` is said once the plan has failed; one of `after success` once it has helped."""
    desk = Desk(
        rule("shop", 'otherwise: notify("oncall", message: "no use")', 'after success: notify("dev", message: "fine")')
    )
    planned = desk.one()
    assert desk.planner.also_tell("i1") == ()
    desk.gets_to(planned, "failed")

    assert desk.planner.says("i1", "oncall") == ("no use",)
    assert desk.planner.says("i1", "dev") == ()


def test_what_helped_is_said_as_well() -> None:
    """`after success: notify(...)` tells its channel when the remediation succeeded."""
    desk = Desk(rule("shop", 'after success: notify("dev", message: "fine")'))
    desk.gets_to(desk.one(), "succeeded")

    assert desk.planner.says("i1", "dev") == ("fine",)


def test_an_annotation_is_asked_before_it_is_said() -> None:
    """A plan waits for what its steps need to know, and is filled in with the answer."""
    desk = Desk(rule("shop", 'then: notify("dba", message: "{{ annotations.summary }}")'))
    assert desk.sees(incident()) == []
    (question,) = desk.planner.questions(NOON)
    assert [(one.of, one.text) for one in question.queries] == [("alert", "annotations.summary")]
    tells(desk, "the disk is full")

    assert len(desk.sees()) == 1
    assert desk.planner.says("i1", "dba") == ("the disk is full",)


def test_an_annotation_that_is_not_there_keeps_nobody_from_being_told() -> None:
    """What cannot be said is left out."""
    desk = Desk(rule("shop", 'then: notify("dba", message: "{{ annotations.summary }}")'))
    desk.sees(incident())
    desk.hears(None, why="the alert has no annotation summary")

    assert desk.planner.also_tell("i1") == ("dba",)
    assert desk.planner.says("i1", "dba") == ()


def test_confidence_and_how_the_root_was_found_are_known() -> None:
    """`confidence` is a ratio and unknown in a young installation; `root_is` says how the root was found."""
    text = rule("shop", 'when: confidence > 80% AND root_is == "ranked"')

    assert Desk(text).sees(incident(how="ranked")) == []
    assert Desk(text).sees(incident(how="ranked", confidence=Confidence(900_000))) != []
    assert Desk(text).sees(incident(how="direct", confidence=Confidence(900_000))) == []


def test_what_is_held_back_is_told_as_one() -> None:
    """Beyond the number nothing starts; the first that is held back tells of all the others, and they point to it."""
    desk = Desk(rule("shop", "repeat: summarize beyond 1 per 1h per rule"))
    incidents = [incident(id=f"i{number}") for number in range(1, 5)]
    states = [[(one.state, one.detail) for one in desk.sees(each)] for each in incidents]

    assert states[0] == [("planned", "")]
    assert states[1][0][1].endswith("1 started in the last 1h; 1 held back: host/web-1")
    assert states[2] == states[3] == [("refused", "told with incident i2")]
    (deed,) = desk.planner.deeds("i2")
    assert deed.detail.endswith("; 3 held back: host/web-1, host/web-1, host/web-1")
    assert desk.decided[-1].retold == ["i2"]


def test_a_summary_ends_with_its_window() -> None:
    """What is held back after the window of the first is told anew."""
    desk = Desk(rule("shop", "repeat: summarize beyond 0 per 1h per rule"))
    desk.sees(incident())
    later = desk.one(incident(id="i2"), now=NOON + HOUR + MINUTE)

    assert later.detail.endswith("1 held back: host/web-1")


def test_a_long_summary_counts_what_it_does_not_name() -> None:
    """At most ten are named."""
    summary = Summary("shop", "rule shop", "r1", NOON, "why", ("a",))
    for number in range(MAX_NAMED + 4):
        summary = summary.add(f"b{number}")

    assert summary.sentence.startswith("why; 15 held back: a, b0")
    assert summary.sentence.endswith("b8 and 5 more")


def test_answers_of_the_alert_survive_the_start() -> None:
    """What an alert said in words is known at its recovery, too; what was measured is not."""
    desk = Desk(rule("shop", 'on recovery: notify("dba", message: "{{ annotations.summary }}")'))
    desk.sees(incident())
    tells(desk, "it was the disk")
    (planned,) = desk.sees()
    desk.gets_to(planned, "executing")
    desk.gets_to(planned, "succeeded")
    desk.sees(msgspec.structs.replace(incident(), status="resolved", resolution="sent"), now=NOON + HOUR)

    assert desk.planner.says("i1", "dba") == ("it was the disk",)
