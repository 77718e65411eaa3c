"""What people read about an incident: one message that says what broke, what healer did about it and whether it helped.

Told by the fold inside a step, so it is pure; `healer.notification.deliver` turns it into a channel's message.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from healer.convergence.outcome import Incident
from healer.remediation.model import UNDER_WAY
from healer.times import Micros, format_duration, to_datetime

State = Literal["broken", "healing", "healed", "needs you", "over"]

TITLE_LIMIT = 40
"""Characters of line 1: what a lock screen shows."""

_SHORT = {"critical": "CRIT", "error": "ERR", "warning": "WARN", "info": "INFO"}
_FAILED = frozenset({"failed", "not_verified", "handed_over", "expired", "rejected"})
_DEED = {
    "planned": "about to run",
    "waiting": "waiting to run",
    "awaiting_approval": "waiting for approval",
    "locked": "about to run",
    "executing": "running",
    "verifying": "ran, watching whether it helped",
    "undoing": "being undone",
    "observed": "would have run (observe)",
    "suggested": "suggested; nothing was run",
    "succeeded": "ran, and it helped",
    "failed": "FAILED",
    "not_verified": "ran, and did NOT help",
    "undone": "was undone",
    "refused": "was refused",
    "rejected": "was rejected",
    "expired": "was not approved in time",
    "cancelled": "was cancelled",
    "superseded": "was no longer needed",
    "handed_over": "needs a person",
}
_ENDED = {
    "sent": "the alerts resolved",
    "expired": "no longer reported: the sender fell silent",
    "vanished": "no longer reported: Alertmanager does not know it any more",
    "superseded": "no longer reported: what it was about is gone",
    "person": "closed by a person",
}


class Deed(msgspec.Struct, frozen=True):
    """One remediation as it is told: what, on which node, by which rule, how far it got and why."""

    remediation: str
    rule: str
    what: str
    state: str
    detail: str = ""
    at: Micros = 0
    acted: bool = False
    """Whether an effect was begun."""


class Story(msgspec.Struct, frozen=True):
    """An incident in words. `lines` follow the title; an empty one parts paragraphs. `trace_id` is the incident's."""

    incident: str
    trace_id: str
    state: State
    severity: str
    title: str
    lines: tuple[str, ...]


def state_of(incident: Incident, deeds: Sequence[Deed]) -> State:
    """In which of five states people see it."""
    last = deeds[-1].state if deeds else ""
    if incident.status == "open" and (last == "awaiting_approval" or last in _FAILED):
        return "needs you"
    if incident.status != "merged" and last in UNDER_WAY and deeds[-1].acted:
        # Over or not: nothing is called healed before it was verified.
        return "healing"
    if incident.status != "open":
        return "healed" if last == "succeeded" and incident.status == "resolved" else "over"
    return "healed" if last == "succeeded" else "broken"


def tell(incident: Incident, deeds: Sequence[Deed]) -> Story:
    """The whole story as it stands."""
    state = state_of(incident, deeds)
    return Story(
        incident=incident.id,
        trace_id=incident.trace_id,
        state=state,
        severity=incident.severity,
        title=title(incident, state),
        lines=tuple(_lines(incident, deeds)),
    )


def title(incident: Incident, state: State) -> str:
    """Line 1, for a lock screen: `[CRIT broken] rack r17 down, cn-1`."""
    root = incident.root
    start = f"[{_SHORT.get(incident.severity, incident.severity.upper())} {state}] "
    if not root.node:
        return cut(start + root.name, TITLE_LIMIT)
    what = "down" if root.hard else root.name
    plain = f"{start}{root.node.replace('/', ' ', 1)} {what}"
    place = f", {root.beneath.partition('/')[2] or root.beneath}"
    return plain + place if root.beneath and len(plain + place) <= TITLE_LIMIT else cut(plain, TITLE_LIMIT)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _lines(incident: Incident, deeds: Sequence[Deed]) -> list[str]:
    root = incident.root
    lines = [f"{root.name} on {root.node}" if root.node else root.name]
    lines.append(
        f"began {clock(root.onset)}, told after {format_duration(_seconds(incident.opened_at - incident.began_at))}"
    )
    others = incident.suppressed + incident.members
    if incident.status == "open":
        lines.append(f"explains {others} more alert{'s' * (others != 1)}" if others else "nothing else is affected")
    if incident.reopened:
        lines.append(f"came back {incident.reopened} time{'s' * (incident.reopened != 1)}")
    if deeds:
        lines.append("")
    for deed in deeds:
        because = f": {deed.detail}" if deed.detail else ""
        lines.append(f"{deed.what} {_DEED.get(deed.state, deed.state)}{because} (rule {deed.rule})")
    if incident.status == "resolved":
        lasted = format_duration(_seconds(incident.resolved_at - incident.began_at))
        lines += [
            "",
            f"over at {clock(incident.resolved_at)} after {lasted}: {_ENDED.get(incident.resolution, 'it ended')}",
        ]
    elif incident.status == "merged":
        lines += ["", f"part of incident {incident.merged_into}, which speaks for it from now on"]
    return lines


def clock(instant: Micros) -> str:
    """Time of day in UTC, to the second."""
    return to_datetime(instant).strftime("%H:%M:%S UTC")


def _seconds(duration: Micros) -> Micros:
    return max(duration, 0) // 1_000_000 * 1_000_000
