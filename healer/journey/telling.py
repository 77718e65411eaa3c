"""What is each recipient to know of an incident by now, if that is new? Kept by `healer.journey.fold`. Pure.

What is wanted follows from what people were told before and from the instant alone; the rows that come of it are written with
the step, and whoever delivers sends the newest revision of each.
"""

from collections.abc import Collection, Iterator, Mapping
from hashlib import blake2b

import msgspec

from healer.convergence.outcome import Happening, Incident
from healer.journey.audience import Audience, Heard
from healer.journey.charter import Charter
from healer.journey.escalating import Call, Escalations, Standing
from healer.journey.ports import Wanted
from healer.journey.reminding import Reminder, Reminders, waits_for_somebody
from healer.notification.calling import REMINDER, Called, call
from healer.notification.story import Story, Summary, said, state_of
from healer.notification.wording import tell, unworded
from healer.remediation.planner import Planner
from healer.times import SECOND, Micros

PACE: Micros = 10 * SECOND
"""Between two editions of a message in which only numbers changed."""

_encode = msgspec.msgpack.Encoder().encode


class Told(msgspec.Struct, frozen=True):
    """What was told of incidents, and what is to be: a snapshot's part, all of it by incident."""

    revisions: dict[str, int] = {}
    told: dict[str, tuple[bytes, bytes, Micros]] = {}
    """Digests of what was new and of all that was said, and when."""
    pending: dict[str, Micros] = {}
    """When to tell what are only numbers."""
    called: dict[str, Called] = {}
    heard: Heard = Heard()
    reminders: dict[str, Reminder] = {}
    escalations: dict[str, Standing] = {}


class Telling:
    """Remembers what was told, and decides what is wanted told. `planner` says what was done, and in which words."""

    def __init__(self, planner: Planner, before: Told) -> None:
        self.escalations = Escalations(before.escalations)
        self._planner = planner
        self._revisions = before.revisions
        self._told = before.told
        self._pending = before.pending
        self._called = before.called
        self._audience = Audience(before.heard)
        self._reminders = Reminders(before.reminders)
        self._calls: dict[str, list[Call]] = {}
        """Calls by escalations since the last step."""

    def remembered(self) -> Told:
        """What a snapshot carries of it."""
        return Told(
            revisions=self._revisions,
            told=self._told,
            pending=self._pending,
            called=self._called,
            heard=self._audience.heard(),
            reminders=self._reminders.remembered,
            escalations=self.escalations.remembered,
        )

    # --- time

    def next_due(self) -> Micros | None:
        """When something is to be told, or somebody called, because of the time alone."""
        timers = (self._reminders.next_due(), self.escalations.next_due(), *self._pending.values())
        return min((due for due in timers if due is not None), default=None)

    def ring(self, now: Micros) -> list[str]:
        """The incidents of which it is time to tell by now."""
        waited = [incident for incident, at in self._pending.items() if at <= now]
        for incident in waited:
            del self._pending[incident]
        return [*waited, *self._reminders.ring(now)]

    # --- what changed

    def touch(self, incident: Incident, charter: Charter, now: Micros) -> None:
        """Something about it changed."""
        self._revisions[incident.id] = self._revisions.get(incident.id, 0) + 1
        if charter.by_the_hour and incident.told:
            # A step may hold what came before an hour began and what came after it.
            self._audience.channels(incident, charter, now)

    def escalate(self, incident: Incident, charter: Charter, now: Micros) -> tuple[Happening, ...]:
        """Find out who is to be called by now, and who is not any more; the lines of the timeline that come of it."""
        policies = charter.settings.oncall.escalations
        if not (policies or incident.id in self.escalations.remembered):
            return ()
        decided = self.escalations.look(
            incident,
            policies,
            () if self.is_summed_up(incident) else charter.escalations(incident, now),
            now,
            lambda names: charter.rota.reach(names, now),
            busy=state_of(incident, self._planner.deeds(incident.id)) in ("healing", "healed"),
        )
        # What begins and becomes needless within one step was never said to anybody.
        before = [one for one in self._calls.get(incident.id, ()) if one.escalation not in decided.needless]
        self._calls[incident.id] = [*before, *decided.calls]
        return decided.timeline

    def is_summed_up(self, incident: Incident) -> bool:
        """Whether the storm's message speaks for it: not for what is critical, was told by name before, or is acted upon."""
        return (
            incident.storm
            and incident.severity != "critical"
            and incident.id not in self._told
            and not self._planner.deeds(incident.id)
        )

    def _begins_later(self, incident: Incident) -> bool:
        """Whether nobody was told of it, and nobody is to be before it fires again or is over."""
        heard = incident.id in self._told or bool(self.escalations.calls(incident.id))
        return _only_flaps(incident) and not heard

    def let_go(self, incident: str) -> None:
        """It is over for good."""
        for each in (self._revisions, self._told, self._called, self._pending):
            each.pop(incident, None)
        self._audience.let_go(incident)
        self._reminders.let_go(incident)
        self.escalations.let_go(incident)

    # --- what is wanted

    def story(self, incident: Incident, summary: Summary | None, channel: str = "") -> Story:
        """All that people are told of it by now; a channel in the words that rules have for it, too."""
        words = self._words(incident.id, channel) if channel else ()
        first = self._called.get(incident.id, Called()).first
        return tell(incident, self._planner.deeds(incident.id), tuple(map(said, words)), summary, first)

    def _words(self, incident: str, channel: str) -> tuple[str, ...]:
        """What rules say to whom they meant by any name of this channel."""
        names = self._audience.names(incident, channel)
        return tuple(dict.fromkeys(word for name in names for word in self._planner.says(incident, name)))

    def take(self, incident: Incident, charter: Charter, summary: Summary | None, now: Micros) -> list[Wanted]:
        """All that is new to somebody since the last step. `summary`: what it says of others, where it speaks for a storm."""
        return [*self._wanted(incident, charter, summary, now), *self._escalated(incident, summary)]

    def _wanted(self, incident: Incident, charter: Charter, summary: Summary | None, now: Micros) -> Iterator[Wanted]:
        """News of the incident for each who hears of it. News that are only numbers wait for `PACE`."""
        if self.is_summed_up(incident) or self._begins_later(incident):
            return
        deeds, known = self._planner.deeds(incident.id), incident.id in self._told
        story = self.story(incident, summary)
        if self._reminders.rings(incident.id):
            yield from self._reminded(incident, charter, story, now)
        channels = self._audience.channels(incident, charter, now, self._planner.also_tell(incident.id))
        affected = self._audience.affected(incident, charter, now, channels)
        words = {channel: own for channel in channels if (own := self._words(incident.id, channel))}
        needless = self.escalations.needless(incident.id)
        news = _encode(
            (
                story.state,
                story.title,
                incident.status,
                incident.resolution,
                incident.severity,
                incident.told,
                incident.said_again,
                incident.flapping,
                incident.people,
                deeds,
                channels,
                affected,
                *([words] if words else ()),
                *([needless] if needless else ()),
            )
        )
        if not self._is_due(incident, news, story, now):
            return
        called, matter = call(self._called.get(incident.id, Called()), incident, deeds)
        if not (incident.told and known):
            # To whoever hears of it for the first time the story itself is new.
            matter = ""
        self._called[incident.id] = called.at(story.title, matter)
        self._reminders.arrange(incident, charter.repeats(incident, now)[0], now)
        data, revision = self._written(incident, story), self._revisions[incident.id]
        worded = {channel: self._written(incident, self.story(incident, summary, channel)) for channel in words}
        stories = dict.fromkeys(channels, data) | worded
        yield from self._messages(incident, stories, matter, urgent=_is_urgent(story))
        for channel in self._reminders.heard(incident.id):
            yield Wanted(incident.id, channel, revision, data, False, False, REMINDER)
        yield from self._news_for_called(incident, story, channels)
        opens, ends = _opens(incident), _comes_too_late(incident)
        for channel, brief in self._audience.news(incident, story, affected):
            yield Wanted(incident.id, channel, revision, brief, False, opens, ends=ends)

    def _is_due(self, incident: Incident, news: bytes, story: Story, now: Micros) -> bool:
        """Whether that is to be told now; what is told then is remembered."""
        last_news, last_said, last_at = self._told.get(incident.id, (b"", b"", 0))
        if last_news == news and now < last_at + PACE:
            self._pending[incident.id] = last_at + PACE
            return False
        self._pending.pop(incident.id, None)
        digest = _digest(_encode(msgspec.structs.replace(story, facts=None)))
        if (last_news, last_said) == (news, digest):
            return False
        self._told[incident.id] = news, digest, now
        return True

    def _messages(
        self, incident: Incident, stories: Mapping[str, bytes], matter: str, *, urgent: bool
    ) -> Iterator[Wanted]:
        """The story for each channel that hears all of it, and again in each message that somebody was called by; `matter` is
        what somebody is called for now, "" for nothing."""
        revision, opens, ends = self._revisions[incident.id], _opens(incident), _comes_too_late(incident)
        for channel, data in stories.items():
            names = self._audience.names(incident.id, channel)
            loud = urgent or any(self._planner.wakes(incident.id, name) for name in names)
            yield Wanted(incident.id, channel, revision, data, loud, opens, ends=ends)
            for one in self._called[incident.id].matters:
                new = one == matter
                yield Wanted(incident.id, channel, revision, data, new, new, one)

    def _written(self, incident: Incident, story: Story) -> bytes:
        """The story as a channel gets it, with what somebody was called for."""
        return _encode(unworded(msgspec.structs.replace(story, called=self._called[incident.id].says_it)))

    def _reminded(self, incident: Incident, charter: Charter, story: Story, now: Micros) -> Iterator[Wanted]:
        """Say again, in a new message, that it is open and nobody is on it; not while healer is at it."""
        every, channels = charter.repeats(incident, now)
        self._reminders.arrange(incident, every, now)
        if not waits_for_somebody(incident) or story.state not in ("broken", "needs you"):
            return
        self._reminders.heard(incident.id, channels)
        data, revision = _encode(unworded(story)), self._revisions[incident.id]
        for channel in channels:
            yield Wanted(incident.id, channel, revision, data, _is_urgent(story), True, REMINDER)

    def _escalated(self, incident: Incident, summary: Summary | None) -> Iterator[Wanted]:
        """Whom escalations call."""
        calls = self._calls.pop(incident.id, ())
        if not calls:
            return
        story = self.story(incident, summary)
        data, revision = _encode(unworded(story)), self._revisions[incident.id]
        for one in calls:
            yield Wanted(incident.id, one.channel, revision, data, urgent=True, opens=True, matter=one.matter)

    def _news_for_called(self, incident: Incident, story: Story, channels: Collection[str]) -> Iterator[Wanted]:
        """What became of it, for everybody whom an escalation called: where none can be edited, the first of several messages
        says it, and none where the story itself does."""
        heard, calls = set(channels), self._calls.get(incident.id, ())
        for one in self.escalations.calls(incident.id):
            called = one.matter if one.channel in heard else ""
            heard.add(one.channel)
            if one in calls:
                continue
            ends = one.escalation in self.escalations.needless(incident.id)
            data = _encode(unworded(msgspec.structs.replace(story, called=called)))
            yield Wanted(incident.id, one.channel, self._revisions[incident.id], data, False, False, one.matter, ends)


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def _opens(incident: Incident) -> bool:
    """Whether who has not heard of it yet is to."""
    return incident.told and not _only_flaps(incident) and not _comes_too_late(incident)


def _comes_too_late(incident: Incident) -> bool:
    """Whether nobody has to hear of it any more who did not yet: what was critical is told all the same, once."""
    return incident.told and incident.status == "resolved" and incident.severity != "critical"


def _only_flaps(incident: Incident) -> bool:
    """Whether nothing fires in it, and it is open until it is calm: what fired there may be explained elsewhere by now."""
    return incident.status == "open" and not incident.firing


def _is_urgent(story: Story) -> bool:
    return story.severity == "critical" or story.state == "needs you"
