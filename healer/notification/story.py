"""What people are told about an incident: what broke, what healer did about it, whether it helped, and why.

Made by the fold inside a step, so it is pure; `healer.notification.wording` puts it into words.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from healer.convergence.outcome import Incident
from healer.remediation.deed import Deed
from healer.remediation.model import UNDER_WAY

State = Literal["broken", "healing", "healed", "needs you", "over"]

TITLE_LIMIT = 40
"""Characters of line 1: what a lock screen shows."""
REASON_LIMIT = 300
"""Characters of a reason: the whole of it is in the API."""
DEEDS = 5
"""Remediations that are told one by one: the newest."""

SUMMED = 10
"""Incidents of a storm that are told by name in its message."""
_ORDER = {"critical": 0, "error": 1, "warning": 2, "info": 3}

_FAILED = frozenset({"failed", "undone", "not_verified", "handed_over", "expired", "rejected"})
_NOTHING_DONE = frozenset({"observed", "suggested", "superseded", "cancelled", "refused"})
"""A remediation that ended so says nothing about the state of its incident."""


class Summary(msgspec.Struct, frozen=True):
    """A storm: how many incidents opened in it and how many are open, and the worst and oldest of those, (severity, title)."""

    opened: int
    left: int
    worst: tuple[tuple[str, str], ...]


class Facts(msgspec.Struct, frozen=True):
    """All that a story says, in no language. `said` are a rule's own words; `owners` those whose alerts come from it, for a
    story in one line to them; `first` is the cause that people were told at first."""

    incident: Incident
    deeds: tuple[Deed, ...] = ()
    said: tuple[str, ...] = ()
    summary: Summary | None = None
    owners: tuple[str, ...] = ()
    first: str = ""


class Story(msgspec.Struct, frozen=True):
    """An incident in words. `lines` follow the title; an empty one parts paragraphs. `trace_id` is the incident's.

    The words are English with times in UTC. A story on its way has no lines but the `facts`, from which whoever tells it makes
    them again as its recipient reads them.
    """

    incident: str
    trace_id: str
    state: State
    severity: str
    title: str
    lines: tuple[str, ...] = ()
    called: str = ""
    """What people are called for in a message of its own, beside this one, which says the same line 1."""
    facts: Facts | None = None


def last_that_counts(deeds: Sequence[Deed]) -> Deed | None:
    """The newest remediation that says something about the state of its incident."""
    return next((deed for deed in reversed(deeds) if deed.state not in _NOTHING_DONE), None)


def came_back(incident: Incident, last: Deed) -> bool:
    """Whether the alert began anew after that."""
    return last.state == "succeeded" and incident.root.starts_at > last.at


def cause_of(incident: Incident) -> str:
    """What people are told is the cause: a node, or the alert of one that is on none."""
    root = incident.named or incident.root
    return one_line(incident.people.suspect or root.node or root.name)


def state_of(incident: Incident, deeds: Sequence[Deed]) -> State:
    """In which of five states people see it."""
    last = last_that_counts(deeds)
    state = last.state if last is not None else ""
    if incident.status == "open" and (state == "awaiting_approval" or state in _FAILED):
        return "needs you"
    if incident.status != "merged" and last is not None and state in UNDER_WAY - {"waiting"} and last.acted:
        # Over or not: nothing is called healed before it was verified.
        return "healing"
    again = last is not None and came_back(incident, last)
    if incident.status != "open":
        # What came back after it had been verified, and ended again, was not healed.
        return "healed" if state == "succeeded" and incident.status == "resolved" and not again else "over"
    if state == "succeeded":
        # The rule had its turn. If the alert began anew after that, only a person is left.
        return "needs you" if again else "healed"
    return "broken"


def said(message: str) -> str:
    """What a rule says in its own words, as a line of a story: it may hold what an alert brought."""
    return cut(one_line(message), REASON_LIMIT)


def sum_up(opened: int, incidents: Sequence[Incident]) -> Summary:
    """A storm: how many incidents opened in it, and which of those are open, the worst and oldest first."""
    left = sorted(
        (one for one in incidents if one.status == "open"),
        key=lambda one: (_ORDER.get(one.severity, len(_ORDER)), one.opened_at, one.id),
    )
    worst = ((one.severity, cut(one_line(one.title), REASON_LIMIT)) for one in left[:SUMMED])
    return Summary(opened, len(left), tuple(worst))


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def one_line(text: str) -> str:
    """Names come from outside: whatever they hold, a line stays one line."""
    return " ".join(text.split())
