"""Does a person have to look now? Then they get a message of its own, since an edit of an older one makes no sound.

Pure; asked by `healer.journey.telling` whenever there is news of an incident that people were told of before.
"""

from collections.abc import Sequence

import msgspec

from healer.convergence.outcome import Incident
from healer.notification.story import came_back, cause_of, last_that_counts, state_of
from healer.remediation.deed import Deed

REMINDER = "reminder"
"""The matter of saying again that an incident is open and nobody is on it: in a new message, once the last was heard."""

_ROOT = "root"
MOST_MATTERS = 20
"""Calls of one incident at most: whoever did not come for these does not come for more."""


class Called(msgspec.Struct, frozen=True, array_like=True):
    """What people were called for about one incident, the cause that they were told of last, and at first, and line 1 of the
    newest call for as long as it stands."""

    root: str = ""
    matters: tuple[str, ...] = ()
    first: str = ""
    line: str = ""

    def at(self, line: str, matter: str) -> "Called":
        """The same with the line 1 that people read now, called for `matter` or, "", for nothing new."""
        return msgspec.structs.replace(self, line=line if matter or self.line == line else "")

    @property
    def says_it(self) -> str:
        """The call that says what there is to say, "" where something else is to be said by now."""
        return self.matters[-1] if self.line else ""


def call(before: Called, incident: Incident, deeds: Sequence[Deed]) -> tuple[Called, str]:
    """What people are called for by now, and the matter that is new among it, "" for none. No matter is called for twice."""
    root = cause_of(incident)
    first = before.first or (root if incident.told else "")
    matter = _turn(incident, deeds) or _other_root(before.root, root, incident)
    if not matter or matter in before.matters or len(before.matters) >= MOST_MATTERS:
        return Called(root, before.matters, first, before.line), ""
    return Called(root, (*before.matters, matter), first, before.line), matter


def why_called(matter: str) -> tuple[str, dict[str, str]]:
    """In which words a language says what a matter is, and what is filled in: whoever is woken by it knows no code of ours."""
    about, _, what = matter.partition(" ")
    if about == _ROOT:
        return "why root", {"root": what}
    what, _, count = what.partition(", ")
    return f"why {what}", {"remediation": about, "count": count}


def is_elsewhere(matter: str) -> bool:
    """Whether it is somewhere else than people were told: there is another place to show."""
    return matter.startswith(f"{_ROOT} ")


def is_needed(matter: str, incident: Incident, deeds: Sequence[Deed]) -> bool:
    """Whether it is as it was when people were called for it; that somebody is on it may be from before."""
    return incident.status == "open" and matter in (_turn(incident, deeds), f"{_ROOT} {cause_of(incident)}")


def _turn(incident: Incident, deeds: Sequence[Deed]) -> str:
    """What healer waits for: an answer, or somebody who goes on where it is at its end."""
    last = last_that_counts(deeds)
    if last is None or state_of(incident, deeds) != "needs you" or last.state == "rejected":
        # Whoever said no knows about it.
        return ""
    if last.state == "awaiting_approval":
        return f"{last.remediation} approval"
    if came_back(incident, last):
        return f"{last.remediation} came back, {incident.reopened}"
    return f"{last.remediation} failed"


def _other_root(before: str, now: str, incident: Incident) -> str:
    """The cause is somewhere else than people were told, and nobody of them said so."""
    if not before or before == now or incident.status != "open" or incident.people.blamed_by:
        return ""
    return f"{_ROOT} {now}"
