"""Which buttons stand under a message, and what comes back when one is pressed."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from healer.convergence.outcome import Candidate, People
from healer.notification import buttons
from healer.notification.buttons import SILENCES, Verb, Wish, instead, mark, read, sure, under
from healer.notification.own import ALERT
from healer.notification.wording import PLAIN, Language, Speech, tell
from healer.remediation.model import ONLY_SUGGESTED
from notifiers.message import Rows
from notifiers.telegram_keyboard import DATA_BYTES
from tests.unit.notification.test_story import deed, incident, over

CANDIDATES = tuple(Candidate(node, b"", 1, ()) for node in ("host/web-1", "switch/sw-3", "rack/r1"))
ID, LONG = "3f2a9c81d0e4", "host/" + "x" * 500


def texts(rows: Rows) -> list[list[str]]:
    return [[one.text for one in row] for row in rows]


ALL = [["Acknowledge", "Not the cause", "Why?"], ["Silence 1 h", "4 h", "until over"]]


@pytest.mark.parametrize(
    ("changes", "deeds", "expected"),
    [
        ({}, (), ALL),
        ({"candidates": ()}, (), [["Acknowledge", "Why?"], ALL[1]]),
        ({"people": People(acked_by="ann")}, (), [["Not the cause", "Why?"], ALL[1]]),
        ({"told": False}, (), [ALL[0]]),
        ({}, (deed("awaiting_approval"),), [["Approve", "Reject"], *ALL]),
        ({}, (deed("awaiting_approval"), deed("executing")), [["Approve", "Reject"], *ALL]),
        ({}, (deed("executing"),), ALL),
        ({}, (deed("suggested", detail=ONLY_SUGGESTED),), [["Run it"], *ALL]),
        ({}, (deed("suggested", detail="dry run"),), ALL),
        ({}, (deed("suggested", detail=ONLY_SUGGESTED), deed("executing")), ALL),
        ({"root_name": ALERT, "root_node": ""}, (), [["Acknowledge", "Why?"]]),
    ],
)
def test_buttons_are_what_can_be_said_now(changes: dict[str, Any], deeds: tuple[Any, ...], expected: Any) -> None:
    """An answer where one is asked for; no word that was said already, and no other cause where there is none."""
    assert texts(under(tell(incident(**{"candidates": CANDIDATES} | changes), deeds), PLAIN)) == expected


def test_what_is_over_has_no_buttons() -> None:
    """Nor has one that another incident speaks for, nor the line for those who have nothing to repair there."""
    story = tell(incident(), ())
    assert story.facts is not None
    theirs = msgspec.structs.replace(story, facts=msgspec.structs.replace(story.facts, owners=("web",)))
    ended = (tell(over(), ()), tell(incident(status="merged"), ()), theirs, msgspec.structs.replace(story, facts=None))
    assert [under(one, PLAIN) for one in ended] == [()] * 4


@pytest.mark.parametrize("language", get_args(Language))
def test_every_button_fits_and_means_what_it_says(language: Language) -> None:
    """Whatever nodes are called, what comes back has at most 64 bytes and is read as what was written, in each language."""
    speech = Speech(language)
    found = incident(id=ID, candidates=(*CANDIDATES, Candidate(LONG, b"", 1, ())))
    asked = msgspec.structs.replace(deed("awaiting_approval"), remediation=ID)
    left = msgspec.structs.replace(deed("suggested", detail=ONLY_SUGGESTED), remediation=ID)
    offered = (*under(tell(found, (asked,)), speech), *under(tell(found, (left,)), speech))
    rows = (*offered, *instead(found, speech), *sure(ID, (LONG, "b"), ID, speech))
    seen = {}
    for one in (button for row in rows for button in row):
        wish = read(one.data)
        assert wish is not None
        assert len(one.data.encode()) <= DATA_BYTES
        assert (str(wish), 0 < len(one.text) <= buttons.TEXT) == (one.data, True)
        seen[wish.verb] = wish
    assert seen.keys() == set(get_args(Verb))
    assert seen["blame"] == Wish("blame", ID, mark(LONG))


@given(st.text() | st.builds(lambda *parts: ":".join(parts), st.sampled_from(buttons.VERBS), st.text(), st.text()))
@example("ack:0:")
def test_what_no_button_says_is_nothing(data: str) -> None:
    """A press may bring any text: it is read as a button that healer could have made, or not at all."""
    wish = read(data)
    if wish is None:
        return
    assert str(wish) == data[: buttons.DATA]
    assert wish.about.isascii()
    assert wish.which in {"", *SILENCES} or len(wish.which) == 16
    assert len(wish.about) > 0
