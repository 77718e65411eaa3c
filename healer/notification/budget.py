"""What did a period cost people, and what did it spare them: the noise budget.

Pure; made by `healer.bootstrap.offered` of what the store kept, shown by `healer report`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median_low

import msgspec

from healer.convergence.outcome import Happening, Incident
from healer.notification.hours import end_of
from healer.notification.own import is_own
from healer.notification.ports import TOGETHER
from healer.remediation.model import UNDER_WAY, Remediation
from healer.times import Micros

NIGHT = ("22:00-07:00",)
"""In the time zone of the channel."""
UNHEARD = "unheard"
"""The timeline's code for an incident that was over before anybody of a channel heard of it."""
NOISIEST = 5
"""Alerts, and rules, that are named: those with the most."""
_HELPED = frozenset({"succeeded"})
_DID_NOT = frozenset({"failed", "not_verified", "undone", "handed_over"})


class Period(msgspec.Struct, frozen=True):
    """What the store kept of a time: alerts by their number, incidents that opened in it, what was told and repaired in it.

    `complete` is False where there was more than is looked at: then it is the newest of it.
    """

    since: Micros
    until: Micros
    alerts: int = 0
    refused: int = 0
    incidents: tuple[Incident, ...] = ()
    notices: tuple[Happening, ...] = ()
    remediations: tuple[Remediation, ...] = ()
    complete: bool = True


class Messages(msgspec.Struct, frozen=True):
    """Of one channel: new ones, of these at night, edits, and what it refused for good."""

    new: int = 0
    at_night: int = 0
    edits: int = 0
    dead: int = 0


class Repairs(msgspec.Struct, frozen=True):
    """Remediations that began: those that helped, those that did not, those under way; and those that nobody ran."""

    helped: int = 0
    did_not_help: int = 0
    under_way: int = 0
    not_run: int = 0


class Budget(msgspec.Struct, frozen=True):
    """A period in numbers. Times are medians in microseconds, None without a case."""

    since: Micros
    until: Micros
    complete: bool
    alerts: int
    refused: int
    incidents: int
    told: int
    open: int
    severities: dict[str, int]
    noisiest: dict[str, int]
    """By the root's alertname: the incidents."""
    unmapped: int
    """Incidents whose root is on no node of the topology."""
    roots_confirmed: int
    roots_wrong: int
    channels: dict[str, Messages]
    repairs: Repairs
    rules: dict[str, Repairs]
    unheard: int
    """Incidents that were over before anybody heard of them, and not critical: nobody was told."""
    healed_alone: int
    """Incidents that a repair ended and that nobody had to touch."""
    to_tell: Micros | None
    """From the start of the condition to the first message."""
    to_acknowledge: Micros | None
    """From the first message to the acknowledgement."""
    to_resolve: Micros | None
    """From the start of the condition to the end."""

    @property
    def messages(self) -> int:
        """New ones, in all channels."""
        return sum(one.new for one in self.channels.values())


def budget(period: Period, zones: Mapping[str, str]) -> Budget:
    """The numbers of a period; `zones` are the channels' time zones."""
    incidents, first = period.incidents, _first_told(period.notices)
    others = [one for one in incidents if not is_own(one.root.labels)]
    helped = {one.plan.incident for one in period.remediations if one.state in _HELPED}
    rules: dict[str, list[Remediation]] = {}
    for one in period.remediations:
        rules.setdefault(one.plan.rule, []).append(one)
    most = sorted(rules, key=lambda rule: (-len(rules[rule]), rule))[:NOISIEST]
    return Budget(
        since=period.since,
        until=period.until,
        complete=period.complete,
        alerts=period.alerts,
        refused=period.refused,
        incidents=len(incidents),
        told=sum(one.told for one in incidents),
        open=sum(one.status == "open" for one in incidents),
        severities=dict(Counter(one.severity for one in incidents).most_common()),
        noisiest=dict(Counter(one.root.name for one in incidents).most_common(NOISIEST)),
        unmapped=sum(not one.root.node for one in others),
        roots_confirmed=sum(bool(one.people.confirmed_by) for one in others),
        roots_wrong=sum(bool(one.people.blamed_by) for one in others),
        channels=_channels(period.notices, zones),
        repairs=_repairs(period.remediations),
        rules={rule: _repairs(rules[rule]) for rule in most},
        unheard=len({one.incident for one in period.notices if one.code == UNHEARD} - first.keys()),
        healed_alone=sum(one.id in helped and _untouched(one) for one in others),
        to_tell=_median(first[one.id] - one.root.onset for one in incidents if one.id in first),
        to_acknowledge=_median(
            one.people.acked_at - first[one.id] for one in incidents if one.people.acked_at and one.id in first
        ),
        to_resolve=_median(one.resolved_at - one.root.onset for one in incidents if one.status == "resolved"),
    )


def _first_told(notices: Iterable[Happening]) -> dict[str, Micros]:
    """By incident, when people heard of it first."""
    first: dict[str, Micros] = {}
    for one in notices:
        if one.code == "told":
            first[one.incident] = min(one.at, first.get(one.incident, one.at))
    return first


def _channels(notices: Iterable[Happening], zones: Mapping[str, str]) -> dict[str, Messages]:
    new: Counter[str] = Counter()
    at_night: Counter[str] = Counter()
    edits: Counter[str] = Counter()
    dead: Counter[str] = Counter()
    bundles: set[tuple[str, str]] = set()
    for one in notices:
        channel, message_id = one.facts.get("channel", ""), one.facts.get("message_id", "")
        if message_id.startswith(TOGETHER):
            if (channel, message_id) in bundles:
                continue
            bundles.add((channel, message_id))
        if one.code == "told":
            new[channel] += 1
            at_night[channel] += end_of(NIGHT, zones.get(channel, "UTC"), one.at) > 0
        elif one.code in ("edited", "dead"):
            (edits if one.code == "edited" else dead)[channel] += 1
    names = sorted({*new, *edits, *dead})
    return {name: Messages(new[name], at_night[name], edits[name], dead[name]) for name in names}


def _repairs(remediations: Sequence[Remediation]) -> Repairs:
    states = [one.state for one in remediations]
    helped, did_not, going = (sum(state in which for state in states) for which in (_HELPED, _DID_NOT, UNDER_WAY))
    return Repairs(helped, did_not, going, len(states) - helped - did_not - going)


def _untouched(incident: Incident) -> bool:
    people = incident.people
    return incident.status == "resolved" and not (people.acked_by or people.blamed_by or people.closed_by)


def _median(durations: Iterable[Micros]) -> Micros | None:
    found = [max(each, 0) for each in durations]
    return median_low(found) if found else None
