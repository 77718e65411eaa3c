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

MOST_MATTERS = 20
"""Calls of one incident at most: whoever did not come for these does not come for more."""


class Called(msgspec.Struct, frozen=True, array_like=True):
    """What people were called for about one incident, and the cause that they were told of last, and at first."""

    root: str = ""
    matters: tuple[str, ...] = ()
    first: str = ""


def call(before: Called, incident: Incident, deeds: Sequence[Deed]) -> tuple[Called, str]:
    """What people are called for by now, and the matter that is new among it, "" for none. No matter is called for twice."""
    root = cause_of(incident)
    first = before.first or (root if incident.told else "")
    matter = _turn(incident, deeds) or _other_root(before.root, root, incident)
    if not matter or matter in before.matters or len(before.matters) >= MOST_MATTERS:
        return Called(root, before.matters, first), ""
    return Called(root, (*before.matters, matter), first), matter


def why_called(matter: str) -> tuple[str, dict[str, str]]:
    """In which words a language says what a matter is, and what is filled in: whoever is woken by it knows no code of ours."""
    about, _, what = matter.partition(" ")
    if about == "root":
        return "called root", {"root": what}
    what, _, count = what.partition(", ")
    return f"called {what}", {"remediation": about, "count": count}


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
    return f"root {now}"
