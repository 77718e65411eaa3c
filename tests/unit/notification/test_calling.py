"""When a person has to look now, and when an edit is enough."""

import pytest

from healer.convergence.outcome import Incident, People
from healer.notification.calling import MOST_MATTERS, REMINDER, Called, call
from healer.notification.escalation import matter_of
from healer.notification.message import message_of
from healer.notification.story import Story
from healer.notification.wording import Language, Speech, tell
from healer.remediation.deed import Deed
from healer.times import MINUTE
from tests.contracts.store.given import NOON
from tests.unit.notification.test_story import deed, incident, over

HERE = Called("host/web-1")


@pytest.mark.parametrize(
    ("found", "deeds", "matter"),
    [
        (incident(), [], ""),
        (incident(), [deed("executing")], ""),
        (incident(), [deed("succeeded")], ""),
        (over(), [deed("succeeded")], ""),
        (over(), [deed("failed")], ""),
        (incident(), [deed("suggested")], ""),
        (incident(), [deed("rejected")], ""),
        (incident(), [deed("awaiting_approval")], "r1 approval"),
        (incident(), [deed("expired")], "r1 failed"),
        (incident(), [deed("failed")], "r1 failed"),
        (incident(), [deed("failed"), deed("refused")], "r1 failed"),
        (incident(), [deed("not_verified")], "r1 failed"),
        (incident(reopened=1, root_starts_at=NOON + MINUTE), [deed("succeeded")], "r1 came back, 1"),
        (incident(root_node="rack/r17"), [], "root rack/r17"),
        (incident(root_node="rack/r17"), [deed("failed")], "r1 failed"),
        (over(root_node="rack/r17"), [], ""),
        (incident(people=People(blamed_by="ada", suspect="power/x")), [], ""),
    ],
)
def test_what_people_are_called_for(found: Incident, deeds: list[Deed], matter: str) -> None:
    """An answer that is waited for, a failure, a fault that came back, another root; not what they said themselves."""
    called, new = call(HERE, found, deeds)
    assert new == matter
    assert called.matters == ((matter,) if matter else ())


def test_nothing_is_called_for_twice() -> None:
    """Neither a failure that is told again, nor a root that was named before."""
    called, first = call(HERE, incident(root_node="rack/r17"), [])
    called, back = call(called, incident(), [])
    called, again = call(called, incident(root_node="rack/r17"), [])
    assert (first, back, again) == ("root rack/r17", "root host/web-1", "")


def test_calls_of_one_incident_have_a_limit() -> None:
    """A root that wanders on and on does not keep a telephone ringing."""
    called, rung = HERE, 0
    for number in range(2 * MOST_MATTERS):
        called, matter = call(called, incident(root_node=f"rack/r{number}"), [])
        rung += bool(matter)
    assert rung == MOST_MATTERS


@pytest.mark.parametrize(
    ("matter", "language", "words"),
    [
        (REMINDER, "en", "Still open, and nobody said that they are on it."),
        (REMINDER, "zh", "仍未结束，且无人认领。"),
        ("r1 failed", "en", "You are called: what healer tried did not help (remediation r1)"),
        ("r1 approval", "zh", "请你处理：有修复等待你批准（处置 r1）"),
        (
            "r1 came back, 2",
            "en",
            "You are called: it is back, 2 times by now, although it was repaired (remediation r1)",
        ),
        ("r1 went away", "en", "You are called: r1 went away"),
        ("root rack/r, a 7", "en", "You are called: the cause is another one than you were told, rack/r, a 7"),
    ],
)
def test_a_reminder_says_that_nobody_is_on_it(matter: str, language: Language, words: str) -> None:
    """In the reader's language; every other call says what for."""
    story = Story("i1", "0" * 32, "broken", "critical", "[CRIT broken] a")
    message = message_of(story, "", matter, Speech(language))
    assert words in ["".join(span.text for span in line) for line in message.lines]


@pytest.mark.parametrize(
    ("found", "language", "says"),
    [
        (incident(), "en", "You are called: nobody is on it yet (escalation nights at work, call 12)"),
        (incident(people=People(acked_by="ada")), "en", "that is not needed any more"),
        (over(), "zh", "现已不需要"),
    ],
)
def test_whoever_is_called_next_reads_why(found: Incident, language: Language, says: str) -> None:
    """By which escalation; and that they need not, once somebody is on it or it is over."""
    message = message_of(tell(found, []), "", matter_of("nights at work", 12), Speech(language=language))
    assert says in "\n".join("".join(span.text for span in one) for one in message.lines)
    assert not message.silent


@pytest.mark.parametrize(
    ("matter", "found", "deeds", "says"),
    [
        ("r1 approval", incident(), [deed("awaiting_approval")], "You are called: a repair waits"),
        ("r1 approval", incident(), [deed("executing")], "You were called, and that is not needed any more: a repair"),
        ("r1 failed", incident(people=People(acked_by="ada")), [deed("failed")], "You are called: what healer tried"),
        ("r1 failed", incident(), [deed("succeeded")], "You were called, and that is not needed any more"),
        ("root host/web-1", incident(), [], "You are called: the cause is another one than you were told, host/web-1"),
        ("root host/web-1", over(), [], "You were called, and that is not needed any more: the cause"),
    ],
)
def test_a_call_that_nobody_has_to_follow_any_more_says_so(
    matter: str, found: Incident, deeds: list[Deed], says: str
) -> None:
    """It is the second line, above all else, as long as the message stands: who reads it late need not get up."""
    message = message_of(tell(found, deeds), "", matter)
    assert "".join(span.text for span in message.lines[0]).startswith(says)
