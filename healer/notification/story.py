"""What people read about an incident: one message that says what broke, what healer did about it, whether it helped, and why.

Told by the fold inside a step, so it is pure; `healer.notification.deliver` turns it into a channel's message. Somebody
reads it at night on a telephone: plain words, the verdict first, and what to do when it is their turn.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from healer.alerts.identity import labels_of
from healer.changes.wording import told as changed
from healer.convergence.outcome import Incident, Root
from healer.notification.own import trouble
from healer.remediation.model import UNDER_WAY
from healer.times import SECOND, Micros, format_duration, to_datetime

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

_WHICH = ("instance", "host", "node", "pod", "service", "device", "job", "namespace", "cluster")
"""Labels that say which one, for an alert that is on no node: the first that is there stands in the title."""
_SAID = frozenset({"alertname", "severity"})

_SHORT = {"critical": "CRIT", "error": "ERR", "warning": "WARN", "info": "INFO"}
_FAILED = frozenset({"failed", "undone", "not_verified", "handed_over", "expired", "rejected"})
_NOTHING_DONE = frozenset({"observed", "suggested", "superseded", "cancelled", "refused"})
"""A remediation that ended so says nothing about the state of its incident."""

_DEED = {
    "planned": "about to run: {what}",
    "waiting": "waiting to run: {what}",
    "awaiting_approval": "asking for approval to run: {what}",
    "locked": "about to run: {what}",
    "executing": "running: {what}",
    "verifying": "ran: {what}. Watching whether it helped",
    "undoing": "undoing: {what}",
    "observed": "would have run: {what}. Nothing was done, its rule only observes",
    "suggested": "suggestion: {what}. Nothing was done",
    "succeeded": "ran: {what}. It helped",
    "failed": "FAILED: {what}",
    "not_verified": "ran: {what}. It was NOT seen to help",
    "undone": "undone: {what}",
    "refused": "not run: {what}. Refused",
    "rejected": "not run: {what}. Somebody said no",
    "expired": "not run: {what}. Nobody approved it in time",
    "cancelled": "cancelled: {what}",
    "superseded": "not needed any more: {what}",
    "handed_over": "needs you: {what}",
}
_ENDED = {
    "sent": "Prometheus says that it is well again",
    "expired": "whoever reported it fell silent",
    "vanished": "Alertmanager has forgotten it",
    "superseded": "what it was about is gone",
    "person": "a person closed it",
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
    called: str = ""
    """What people are called for in a message of its own, beside this one."""


def last_that_counts(deeds: Sequence[Deed]) -> Deed | None:
    """The newest remediation that says something about the state of its incident."""
    return next((deed for deed in reversed(deeds) if deed.state not in _NOTHING_DONE), None)


def came_back(incident: Incident, last: Deed) -> bool:
    """Whether the alert began anew after that."""
    return last.state == "succeeded" and incident.root.starts_at > last.at


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


def tell(incident: Incident, deeds: Sequence[Deed], more: Sequence[str] = ()) -> Story:
    """The whole story as it stands. `more` are lines of its own, for an incident that speaks for others."""
    state = state_of(incident, deeds)
    return Story(
        incident=incident.id,
        trace_id=incident.trace_id,
        state=state,
        severity=incident.severity,
        title=title(incident, state),
        lines=(*_lines(incident, deeds, state), *(("", *more) if more else ())),
    )


def said(message: str) -> str:
    """What a rule says in its own words, as a line of a story: it may hold what an alert brought."""
    return cut(_one_line(message), REASON_LIMIT)


def sum_up(opened: int, incidents: Sequence[Incident]) -> list[str]:
    """A storm in a few lines: how many incidents opened in it, and which of those are open, the worst and oldest first."""
    left = sorted(
        (one for one in incidents if one.status == "open"),
        key=lambda one: (_ORDER.get(one.severity, len(_ORDER)), one.opened_at, one.id),
    )
    lines = [f"{opened} incidents opened in this storm, {len(left)} of them are open:"]
    lines += [f"- {one.severity}: {cut(_one_line(one.title), REASON_LIMIT)}" for one in left[:SUMMED]]
    if len(left) > SUMMED:
        lines.append(f"- and {len(left) - SUMMED} more: healer incidents list")
    return lines


def tell_affected(incident: Incident, story: Story, owners: Sequence[str]) -> Story:
    """One line for those whose critical alerts come from another team's root, and who have nothing to repair there."""
    whose = ", ".join(_one_line(owner) for owner in owners)
    who = _one_line(incident.owner)
    if incident.status == "merged":
        said = f"Critical alerts of {whose} come from incident {incident.merged_into} from now on."
    elif incident.status == "resolved":
        said = f"Over. Critical alerts of {whose} came from this."
    else:
        said = f"Critical alerts of {whose} come from this{f': it is with {who}' if who else ''}."
    return msgspec.structs.replace(story, lines=(said,))


def title(incident: Incident, state: State) -> str:
    """Line 1, for a lock screen: `[CRIT broken] rack r17 down, cn-1`. What does not fit goes in the order of its worth."""
    root, suspect = incident.named or incident.root, _one_line(incident.people.suspect)
    start = f"[{_SHORT.get(incident.severity, incident.severity.upper())} {state}] "
    if suspect:
        return cut(f"{start}{suspect} suspected", TITLE_LIMIT)
    if not root.node:
        own = trouble(root.name, root.labels)
        named = start + (own.title if own else _name(root))
        labels = {} if own else labels_of(root.labels)
        which = next((_one_line(labels[name]) for name in _WHICH if labels.get(name)), "")
        return f"{named} {which}" if which and len(named) + len(which) < TITLE_LIMIT else cut(named, TITLE_LIMIT)
    what = " down" if root.hard else f" {_name(root)}"
    kind, slash, name = _one_line(root.node).partition("/")
    place = _one_line(root.beneath.partition("/")[2] or root.beneath)
    full = f"{start}{kind} {name}{what}" if slash else f"{start}{kind}{what}"
    shorter = f"{start}{name or kind}{what}"
    for candidate in (f"{full}, {place}" if place else full, full, shorter):
        if len(candidate) <= TITLE_LIMIT:
            return candidate
    room = TITLE_LIMIT - len(start) - len(what)
    return cut(start + cut(name or kind, room) + what if room > len(what) else shorter, TITLE_LIMIT)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clock(instant: Micros) -> str:
    """Time of day in UTC, to the second."""
    return to_datetime(instant).strftime("%H:%M:%S")


def _lines(incident: Incident, deeds: Sequence[Deed], state: State) -> Iterator[str]:
    yield from _what_broke(incident)
    yield from _what_people_say(incident)
    yield ""
    yield from _what_was_done(incident, deeds)
    if incident.status == "resolved":
        lasted = format_duration(_seconds(incident.resolved_at - incident.root.onset))
        ended = _ENDED.get(incident.resolution, "it ended")
        if incident.resolution == "person" and incident.people.closed_by:
            ended = f"{_one_line(incident.people.closed_by)} closed it, whatever still fires"
        if incident.resolution in ("expired", "vanished"):
            ended = f"{ended}, after healer had seen it well" if state == "healed" else f"NOT known to be well: {ended}"
        yield f"{clock(incident.resolved_at)} over after {lasted}: {ended}"
    elif incident.status == "merged":
        yield f"Part of incident {incident.merged_into} from now on: look there."
    elif state == "needs you":
        yield "It is your turn: healer tries nothing more here unless you approve or something changes."


def _what_broke(incident: Incident) -> Iterator[str]:
    root = incident.named or incident.root
    name, node, beneath = _name(root), _one_line(root.node), _one_line(root.beneath)
    where = f" on {node}" + (f", beneath {beneath}" if beneath and beneath != node else "") if node else ""
    yield f"{name}{where}"
    own = trouble(root.name, root.labels)
    if own:
        yield own.meaning
    elif not root.node:
        shown = (f"{key}={value}" for key, value in labels_of(root.labels).items() if key not in _SAID)
        yield cut(_one_line(", ".join(shown)) or "It has no other labels", REASON_LIMIT)
    if incident.how == "ranked" and len(incident.candidates) > 1:
        best, second = incident.candidates[:2]
        why = _one_line(best.why[0] if best.why else "")
        yield cut(f"The likeliest of {len(incident.candidates)}: {why}; then {_one_line(second.node)}", REASON_LIMIT)
    if incident.changes:
        before = changed(incident.changes[0], root.onset)
        more = len(incident.changes) - 1
        yield cut(f"Changed: {before}", REASON_LIMIT) + (f", and {more} more" if more else "")
    since = f"Since {clock(root.onset)} UTC"
    if root.onset_from == "judged afresh":
        since += " (left over from an earlier fault)"
    back = incident.reopened
    yield since + (f"; came back {'once' if back == 1 else f'{back} times'}" if back else "")
    if incident.status == "open":
        others = incident.suppressed + incident.members
        yield (
            f"{others} more alert{'s come' if others != 1 else ' comes'} from it"
            if others
            else "No other alert comes from it"
        )
        if incident.said_again and incident.suppressed:
            yield f"Said again, the {_ordinal(incident.said_again)} time: it still fires, and so does what it hides"
        if incident.flapping:
            yield "Flapping: it comes and goes. You hear of it again when it is calm, and nothing is run until then"
        if incident.beside:
            yield f"Incident {incident.beside} would explain it, but this is told in any case"


def _what_people_say(incident: Incident) -> Iterator[str]:
    """Who is on it, and what they think of the root that is named."""
    people = incident.people
    if people.suspect:
        yield f"{_one_line(people.blamed_by)} says that the root is {_one_line(people.suspect)}, which has no alert of its own"
    elif people.blamed_by:
        yield f"{_one_line(people.blamed_by)} named this root"
    if people.confirmed_by:
        yield f"{_one_line(people.confirmed_by)} confirmed this root"
    if people.acked_by:
        yield f"{_one_line(people.acked_by)} is on it since {clock(people.acked_at)} UTC"


def _what_was_done(incident: Incident, deeds: Sequence[Deed]) -> Iterator[str]:
    if len(deeds) > DEEDS:
        yield f"({len(deeds) - DEEDS} earlier remediations are not shown)"
    for deed in deeds[-DEEDS:]:
        sentence = _DEED.get(deed.state, f"{deed.state}: {{what}}").replace("{what}", _one_line(deed.what))
        because = f": {cut(_one_line(deed.detail), REASON_LIMIT)}" if deed.detail else ""
        yield f"{clock(deed.at)} {sentence}{because} (rule {_one_line(deed.rule)})"
    if not deeds and incident.status == "open":
        yield "healer has done nothing about it."


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _name(root: Root) -> str:
    # Alertmanager's API takes an alert without alertname; an empty line 1 would say nothing.
    return _one_line(root.name) or "(no alertname)"


def _one_line(text: str) -> str:
    """Names come from outside: whatever they hold, a line stays one line."""
    return " ".join(text.split())


def _seconds(duration: Micros) -> Micros:
    return max(duration, 0) // SECOND * SECOND
