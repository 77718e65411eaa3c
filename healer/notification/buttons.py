"""Which buttons stand under a message, and what a press of one means.

Pure. `deliver` puts them there, `healer.web.pressing` does what was pressed. What is written on a button only names what is
meant: it opens nothing, needs no secret and is good after any restart, because whoever presses it has to be somebody who may.
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Literal, cast, get_args

import msgspec

from healer.convergence.outcome import Candidate, Incident
from healer.notification.own import ALERT
from healer.notification.story import Story, cut, one_line
from healer.notification.wording import Speech
from healer.remediation.deed import Deed
from healer.remediation.model import ONLY_SUGGESTED, UNDER_WAY
from healer.times import HOUR, Micros
from notifiers.message import Button, Rows

Keyboard = Rows
"""Buttons under a message, row by row."""
Verb = Literal["ack", "others", "blame", "silence", "why", "back", "approve", "sure", "reject", "run"]
VERBS: tuple[str, ...] = get_args(Verb)
OF_REMEDIATIONS = frozenset({"approve", "sure", "reject", "run"})
"""What is about a remediation; all else is about an incident."""
SILENCES: dict[str, Micros] = {"1h": HOUR, "4h": 4 * HOUR, "over": 0}
"""For how long a press silences; `over`: until the incident is."""
OTHERS = 6
"""Candidates that are offered in the place of the one that is named."""
ASKED = 2
"""Plans that can be answered under one message: the newest."""
TEXT = 40
"""Characters of a button."""
DATA = 200
"""Characters of what comes back that are looked at."""
_MARKED = ("blame", "sure")
_MARK = re.compile(r"[0-9a-f]{16}")


class Wish(msgspec.Struct, frozen=True):
    """What a press means: `about` is an incident, or for some verbs a remediation; `which` says more."""

    verb: Verb
    about: str
    which: str = ""

    def __str__(self) -> str:
        return ":".join(filter(None, (self.verb, self.about, self.which)))


def read(data: str) -> Wish | None:
    """What stands on a button; None for what no button of healer's ever had, since a press may bring anything."""
    verb, _, rest = data[:DATA].partition(":")
    about, _, which = rest.partition(":")
    if verb not in VERBS or not about.isalnum() or not about.isascii():
        return None
    fits = which in SILENCES if verb == "silence" else bool(_MARK.fullmatch(which)) if verb in _MARKED else not which
    wish = Wish(cast("Verb", verb), about, which)
    return wish if fits and str(wish) == data[:DATA] else None


def under(story: Story, speech: Speech) -> Keyboard:
    """The buttons of a message: what can be said of the incident as it stands."""
    facts = story.facts
    if facts is None or facts.owners or facts.incident.status != "open":
        return ()
    asked = [deed.remediation for deed in facts.deeds if deed.state == "awaiting_approval"][-ASKED:]
    answers = ((_button(speech, "approve", id), _button(speech, "reject", id)) for id in asked)
    wish = ((_button(speech, "run", id),) for id in _suggested(facts.deeds))
    return (
        *answers,
        *wish,
        *filter(None, (tuple(_words(facts.incident, speech)), tuple(_silences(facts.incident, speech)))),
    )


def _suggested(deeds: Sequence[Deed]) -> list[str]:
    """The newest suggestion that its rule leaves to people, while nothing is under way."""
    if any(deed.state in UNDER_WAY for deed in deeds):
        return []
    return [deed.remediation for deed in deeds if (deed.state, deed.detail) == ("suggested", ONLY_SUGGESTED)][-1:]


def _words(incident: Incident, speech: Speech) -> Iterator[Button]:
    if not incident.people.acked_by:
        yield _button(speech, "ack", incident.id)
    if others_of(incident):
        yield _button(speech, "others", incident.id)
    yield _button(speech, "why", incident.id)


def _silences(incident: Incident, speech: Speech) -> Iterator[Button]:
    if not incident.told or incident.root.name == ALERT:
        return
    for which in SILENCES:
        yield Button(speech.say(f"button silence {which}"), str(Wish("silence", incident.id, which)))


def instead(incident: Incident, speech: Speech) -> Keyboard:
    """The other candidates, one a row, and the way back."""
    found = [
        Button(cut(one_line(one.node), TEXT), str(Wish("blame", incident.id, mark(one.node))))
        for one in others_of(incident)
    ]
    return (*((one,) for one in found), (_button(speech, "back", incident.id),))


def sure(remediation: str, targets: tuple[str, ...], incident: str, speech: Speech) -> Keyboard:
    """The second yes to something destructive: it names what is destroyed."""
    yes = speech.say("button sure", targets=one_line(", ".join(targets)))
    return (
        (Button(cut(yes, TEXT), str(Wish("sure", remediation, targets_mark(targets)))),),
        (_button(speech, "back", incident),),
    )


def others_of(incident: Incident) -> tuple[Candidate, ...]:
    """Who else could be the cause, the likeliest first."""
    root = incident.named or incident.root
    named = incident.people.suspect or root.node
    if not named or incident.root.name == ALERT:
        return ()
    return tuple(one for one in incident.candidates if one.node != named)[:OTHERS]


def mark(node: str) -> str:
    """A node in 16 digits: names are longer than what a button holds."""
    return blake2b(node.encode(), digest_size=8).hexdigest()


def targets_mark(targets: tuple[str, ...]) -> str:
    """Targets in 16 digits: who presses agrees to these, and to no others."""
    return mark("\0".join(targets))


def _button(speech: Speech, verb: Verb, about: str) -> Button:
    return Button(speech.say(f"button {verb}"), str(Wish(verb, about)))
