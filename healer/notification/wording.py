"""Puts a story into words: plain ones, in the language and the time zone of whoever reads it at night on a telephone.

Pure. English in UTC is what the fold compares to know whether there is news; delivery makes the words again for a channel
with another language or zone.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from healer.alerts.identity import labels_of
from healer.changes.wording import told as changed
from healer.convergence.fixed import ONE
from healer.convergence.outcome import Confidence, Incident, Root
from healer.notification.chinese import CHINESE
from healer.notification.english import ENGLISH
from healer.notification.own import ALERT, trouble
from healer.notification.story import (
    DEEDS,
    REASON_LIMIT,
    TITLE_LIMIT,
    Facts,
    State,
    Story,
    Summary,
    cause_of,
    cut,
    last_that_counts,
    one_line,
    state_of,
)
from healer.notification.tongue import Tongue
from healer.remediation.deed import Deed
from healer.times import SECOND, Micros, format_duration, to_datetime

Language = Literal["en", "zh"]
TONGUES: Mapping[Language, Tongue] = MappingProxyType({"en": ENGLISH, "zh": CHINESE})

_WHICH = ("instance", "host", "node", "pod", "service", "device", "job", "namespace", "cluster")
"""Labels that say which one, for an alert that is on no node: the first that is there stands in the title."""
_SAID = frozenset({"alertname", "severity"})


class Speech(msgspec.Struct, frozen=True):
    """How somebody is spoken to. `zone` is a name such as Asia/Shanghai; `template` their own words for what is below line 1,
    "" for healer's."""

    language: Language = "en"
    zone: str = "UTC"
    template: str = ""

    @property
    def tongue(self) -> Tongue:
        return TONGUES[self.language]

    def say(self, key: str, **facts: object) -> str:
        """The words for `key`, filled in."""
        return self.tongue.lines[key].format(**facts)

    def clock(self, instant: Micros, since: Micros) -> str:
        """Time of day, to the second; with the day where that is not the day of `since`."""
        here, then = (to_datetime(one).astimezone(ZoneInfo(self.zone)) for one in (instant, since))
        return f"{here:%H:%M:%S}" if here.date() == then.date() else f"{here:%Y-%m-%d %H:%M:%S}"

    def minute(self, instant: Micros) -> str:
        """Time of day with its zone, for line 1."""
        return f"{to_datetime(instant).astimezone(ZoneInfo(self.zone)):%H:%M %Z}"

    def clocks(self, instant: Micros) -> str:
        """The day, and the time of day with its zone, and in UTC beside it: people elsewhere read the same message."""
        here = f"{to_datetime(instant).astimezone(ZoneInfo(self.zone)):%Y-%m-%d %H:%M:%S %Z}"
        return here if self.zone == "UTC" else f"{here} ({to_datetime(instant):%H:%M:%S} UTC)"


PLAIN = Speech()


def is_zone(name: str) -> bool:
    """Whether there is a time zone of this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def tell(
    incident: Incident,
    deeds: Sequence[Deed],
    said: Sequence[str] = (),
    summary: Summary | None = None,
    first: str = "",
) -> Story:
    """The whole story as it stands, but for how sure the cause is: that changes with every other incident, and is no news. `said`
    are lines of its own; `summary` is for an incident that speaks for others; `first` is the cause that people were told at
    first."""
    facts = Facts(incident, tuple(deeds), tuple(said), summary, first=first)
    unsure = msgspec.structs.replace(facts, incident=msgspec.structs.replace(incident, confidence=Confidence()))
    return msgspec.structs.replace(_worded(unsure, PLAIN), facts=facts)


def tell_affected(story: Story, owners: Sequence[str]) -> Story:
    """One line for those whose critical alerts come from another team's root, and who have nothing to repair there."""
    assert story.facts is not None, "a story that was just made has its facts"
    return _worded(msgspec.structs.replace(story.facts, owners=tuple(owners)), PLAIN)


def unworded(story: Story) -> Story:
    """The story on its way: with the facts, from which its lines are made again."""
    return msgspec.structs.replace(story, lines=()) if story.facts is not None else story


def worded(story: Story, speech: Speech = PLAIN) -> Story:
    """The story in somebody's words. One that an earlier healer wrote has no facts, and stays as it was told."""
    if story.facts is None:
        return story
    return msgspec.structs.replace(_worded(story.facts, speech), called=story.called)


def _worded(facts: Facts, speech: Speech) -> Story:
    incident = facts.incident
    state = state_of(incident, facts.deeds)
    return Story(
        incident=incident.id,
        trace_id=incident.trace_id,
        state=state,
        severity=incident.severity,
        title=title(incident, state, speech),
        lines=tuple(_theirs(facts, speech) if facts.owners else _lines(facts, state, speech)),
        facts=facts,
    )


def title(incident: Incident, state: State, speech: Speech = PLAIN) -> str:
    """Line 1, for a lock screen: `[CRIT broken] rack r17 down, cn-1`. What does not fit goes in the order of its worth."""
    root, suspect, tongue = incident.named or incident.root, one_line(incident.people.suspect), speech.tongue
    severity = tongue.severities.get(incident.severity, incident.severity.upper())
    start = f"[{severity} {tongue.states[state]}] "
    if suspect:
        return cut(speech.say("suspected", start=start, node=suspect), TITLE_LIMIT)
    if not root.node:
        own = trouble(root.name, root.labels, tongue.troubles)
        named = start + (own.title if own else _name(root, speech))
        labels = {} if own else labels_of(root.labels)
        which = next((one_line(labels[name]) for name in _WHICH if labels.get(name)), "")
        return f"{named} {which}" if which and len(named) + len(which) < TITLE_LIMIT else cut(named, TITLE_LIMIT)
    what = speech.say("down") if root.hard else f" {_name(root, speech)}"
    kind, slash, name = one_line(root.node).partition("/")
    place = one_line(root.beneath.partition("/")[2] or root.beneath)
    full = f"{start}{kind} {name}{what}" if slash else f"{start}{kind}{what}"
    shorter = f"{start}{name or kind}{what}"
    for candidate in (speech.say("place", full=full, place=place) if place else full, full, shorter):
        if len(candidate) <= TITLE_LIMIT:
            return candidate
    room = TITLE_LIMIT - len(start) - len(what)
    return cut(start + cut(name or kind, room) + what if room > len(what) else shorter, TITLE_LIMIT)


def _theirs(facts: Facts, speech: Speech) -> Iterator[str]:
    incident = facts.incident
    owners, who = ", ".join(map(one_line, facts.owners)), one_line(incident.owner)
    if incident.status == "merged":
        yield speech.say("theirs merged", owners=owners, incident=incident.merged_into)
    elif incident.status == "resolved":
        yield speech.say("theirs over", owners=owners)
    else:
        yield speech.say("theirs with" if who else "theirs", owners=owners, who=who)


def _lines(facts: Facts, state: State, speech: Speech) -> Iterator[str]:
    """Paragraphs: what it is, what is done about it, and what is said beside."""
    incident, deeds = facts.incident, facts.deeds
    paragraphs = (
        (
            *_since_when(incident, speech),
            *_who_is_hurt(incident, speech),
            *_the_cause(facts, speech),
            *_what_people_say(incident, speech),
        ),
        (
            *_what_was_done(incident, deeds, speech),
            *_how_it_stands(incident, deeds, state, speech),
            *_what_changed(incident, speech),
        ),
        (*_storm(facts.summary, speech), *facts.said),
    )
    for number, paragraph in enumerate(filter(None, paragraphs)):
        if number:
            yield ""
        yield from paragraph


def _how_it_stands(incident: Incident, deeds: Sequence[Deed], state: State, speech: Speech) -> Iterator[str]:
    if incident.status == "resolved":
        lasted = format_duration(_seconds(incident.resolved_at - incident.root.onset))
        ended = speech.tongue.ended.get(incident.resolution, speech.say("ended it"))
        if incident.resolution == "person" and incident.people.closed_by:
            ended = speech.say("closed by", who=one_line(incident.people.closed_by))
        if incident.resolution in ("expired", "vanished"):
            ended = speech.say("seen well" if state == "healed" else "not well", ended=ended)
        yield speech.say("over", at=speech.clock(incident.resolved_at, incident.root.onset), lasted=lasted, ended=ended)
    elif incident.status == "merged":
        yield speech.say("merged", incident=incident.merged_into)
    elif state == "needs you":
        last = last_that_counts(deeds)
        asked = last.remediation if last is not None and last.state == "awaiting_approval" else ""
        yield speech.say("your answer", remediation=asked) if asked else speech.say("your turn")


def _since_when(incident: Incident, speech: Speech) -> Iterator[str]:
    root, back = incident.named or incident.root, incident.reopened
    since = speech.say("since", at=speech.clocks(root.onset))
    if root.onset_from == "judged afresh":
        since += speech.say("left over")
    yield since + (speech.say("back once" if back == 1 else "back", count=back) if back else "")


def _who_is_hurt(incident: Incident, speech: Speech) -> Iterator[str]:
    if incident.status != "open" or incident.root.name == ALERT:
        return
    others = incident.suppressed + incident.members
    yield speech.say({0: "no others", 1: "one other"}.get(others, "others"), count=others)
    if incident.affected:
        yield cut(speech.say("hurts", owners=", ".join(map(one_line, incident.affected))), REASON_LIMIT)
    if incident.said_again and incident.suppressed:
        yield speech.say("said again", ordinal=_ordinal(incident.said_again), count=incident.said_again)
    if incident.flapping:
        yield speech.say("flapping")


def _the_cause(facts: Facts, speech: Speech) -> Iterator[str]:
    """What it is and where, how sure that is, what else it could be, and what was said before."""
    incident = facts.incident
    root, sure = incident.named or incident.root, incident.confidence
    own = trouble(root.name, root.labels, speech.tongue.troubles)
    if own:
        yield own.meaning
        return
    name, node, beneath = _name(root, speech), one_line(root.node), one_line(root.beneath)
    where = "beneath" if beneath and beneath != node else "where"
    yield speech.say(where, name=name, node=node, beneath=beneath) if node else name
    if not node:
        shown = (f"{key}={value}" for key, value in labels_of(root.labels).items() if key not in _SAID)
        yield cut(one_line(", ".join(shown)) or speech.say("no labels"), REASON_LIMIT)
    if incident.how == "ranked" and len(incident.candidates) > 1:
        best, second = incident.candidates[:2]
        why, count = one_line(best.why[0] if best.why else ""), len(incident.candidates)
        yield cut(speech.say("likeliest", count=count, why=why, second=one_line(second.node)), REASON_LIMIT)
    if sure.value is not None and incident.status == "open":
        yield speech.say("sure", share=f"{sure.value / ONE:.0%}", right=sure.right, of=sure.of)
    if facts.first and facts.first != cause_of(incident):
        yield cut(speech.say("first said", first=facts.first, now=cause_of(incident)), REASON_LIMIT)
    if incident.beside and incident.status == "open":
        yield speech.say("beside", incident=incident.beside)


def _what_changed(incident: Incident, speech: Speech) -> Iterator[str]:
    """The newest change shortly before, and how many more there are."""
    if incident.changes:
        root = incident.named or incident.root
        before = changed(incident.changes[0], root.onset, speech.tongue.changes)
        more = len(incident.changes) - 1
        rest = speech.say("more changes", count=more) if more else ""
        yield cut(speech.say("changed", change=before), REASON_LIMIT) + rest


def _what_people_say(incident: Incident, speech: Speech) -> Iterator[str]:
    """Who is on it, and what they think of the root that is named."""
    people = incident.people
    if people.suspect:
        yield speech.say("blamed", who=one_line(people.blamed_by), node=one_line(people.suspect))
    elif people.blamed_by:
        yield speech.say("named", who=one_line(people.blamed_by))
    if people.confirmed_by:
        yield speech.say("confirmed", who=one_line(people.confirmed_by))
    if people.acked_by:
        yield speech.say("on it", who=one_line(people.acked_by), at=speech.clocks(people.acked_at))
    if people.silenced_by and people.silenced_until:
        yield speech.say("silenced", who=one_line(people.silenced_by), at=speech.clocks(people.silenced_until))
    elif people.silenced_by:
        yield speech.say("silenced until over", who=one_line(people.silenced_by))


def _what_was_done(incident: Incident, deeds: Sequence[Deed], speech: Speech) -> Iterator[str]:
    if len(deeds) > DEEDS:
        yield speech.say("earlier deeds", count=len(deeds) - DEEDS)
    for deed in deeds[-DEEDS:]:
        sentence = speech.tongue.deeds.get(deed.state, f"{deed.state}: {{what}}").format(what=one_line(deed.what))
        because = speech.say("because", why=cut(one_line(deed.detail), REASON_LIMIT)) if deed.detail else ""
        at, rule = speech.clock(deed.at, incident.root.onset), one_line(deed.rule)
        yield speech.say("deed", at=at, deed=sentence, because=because, rule=rule)
    if not deeds and incident.status == "open" and incident.root.name != ALERT:
        yield speech.say("nothing done")
    if incident.status == "open" and deeds and deeds[-1].runbook:
        yield speech.say("runbook", runbook=cut(one_line(deeds[-1].runbook), REASON_LIMIT))


def _storm(summary: Summary | None, speech: Speech) -> Iterator[str]:
    if summary is None:
        return
    yield speech.say("storm" if summary.left else "storm calm", opened=summary.opened, left=summary.left)
    for severity, named in summary.worst:
        shown = speech.tongue.severities.get(severity, severity)
        yield speech.say("in storm", severity=shown, title=named)
    if summary.left > len(summary.worst):
        yield speech.say("more in storm", count=summary.left - len(summary.worst))


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _name(root: Root, speech: Speech) -> str:
    # Alertmanager's API takes an alert without alertname; an empty line 1 would say nothing.
    return one_line(root.name) or speech.say("no name")


def _seconds(duration: Micros) -> Micros:
    return max(duration, 0) // SECOND * SECOND
