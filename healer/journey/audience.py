"""Who hears of an incident: all of it by routes and rules, or in one line because it is the cause of their own alerts?

Kept by `healer.journey.telling`, with what each was told, since whoever heard of an incident hears of its end.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

import msgspec

from healer.convergence.outcome import Incident
from healer.journey.charter import Charter
from healer.notification.story import Story
from healer.notification.wording import tell_affected, unworded
from healer.times import Micros

_encode = msgspec.msgpack.Encoder().encode


class Brief(msgspec.Struct, frozen=True, array_like=True):
    """What a channel was told whose owners an incident affects: whose, a hash of it, and whether it was to be told."""

    owners: tuple[str, ...]
    said: bytes
    told: bool


class Heard(msgspec.Struct, frozen=True):
    """By incident: channels that hear all of it, and those that were told in one line. A snapshot's part."""

    hearing: dict[str, tuple[str, ...]] = {}
    briefed: dict[str, dict[str, Brief]] = {}
    named: dict[str, dict[str, tuple[str, ...]]] = {}
    """... and by what names of rules each was meant that hears of it because of a rule: its own, a person's, a schedule's."""


class Audience:
    """Remembers who heard of what."""

    def __init__(self, heard: Heard | None = None) -> None:
        self._hearing = dict(heard.hearing) if heard is not None else {}
        self._briefed = {one: dict(there) for one, there in heard.briefed.items()} if heard is not None else {}
        self._named = {one: dict(there) for one, there in heard.named.items()} if heard is not None else {}

    def heard(self) -> Heard:
        return Heard(self._hearing, self._briefed, self._named)

    def channels(self, incident: Incident, charter: Charter, now: Micros, also: Iterable[str] = ()) -> tuple[str, ...]:
        """Who hears all of it: by routes and rules now, and before, when it had another root or it was another hour."""
        known = charter.settings.channels
        before = [channel for channel in self._hearing.get(incident.id, ()) if channel in known]
        meant = [(channel, name) for name in also for channel in charter.reached((name,), now)]
        named = self._named.setdefault(incident.id, {}) if meant else {}
        for channel, name in meant:
            named[channel] = tuple(dict.fromkeys((*named.get(channel, ()), name)))
        also_now = [channel for channel, _ in meant]
        self._hearing[incident.id] = found = tuple(dict.fromkeys((*before, *charter.route(incident, now), *also_now)))
        return found

    def names(self, incident: str, channel: str) -> tuple[str, ...]:
        """By which names rules may have meant a channel, now or before, as when its person was on call."""
        return self._named.get(incident, {}).get(channel, (channel,))

    def affected(
        self, incident: Incident, charter: Charter, now: Micros, channels: tuple[str, ...]
    ) -> dict[str, tuple[str, ...]]:
        """Who hears that it is the cause of their own critical alerts, each with the owners that meet there; not who is told
        anyway."""
        known = charter.settings.channels
        before = self._briefed.get(incident.id, {})
        found = {name: brief.owners for name, brief in before.items() if name in known and name not in channels}
        for owner in incident.affected:
            for channel in charter.route(incident, now, owner):
                if channel not in channels:
                    found[channel] = tuple(sorted({*found.get(channel, ()), owner}))
        return found

    def news(
        self, incident: Incident, story: Story, affected: Mapping[str, tuple[str, ...]]
    ) -> Iterator[tuple[str, bytes]]:
        """The one line (a story, packed) for each of these channels that it is new to."""
        briefed = self._briefed.setdefault(incident.id, {}) if affected else {}
        for channel, owners in affected.items():
            brief = tell_affected(story, owners)
            words = _encode(msgspec.structs.replace(brief, facts=None))
            was, now = briefed.get(channel), Brief(owners, blake2b(words, digest_size=16).digest(), incident.told)
            if was != now:
                briefed[channel] = now
                yield channel, _encode(unworded(brief))

    def let_go(self, incident: str) -> None:
        """It is over for good."""
        self._hearing.pop(incident, None)
        self._briefed.pop(incident, None)
        self._named.pop(incident, None)
