"""When is it time to say again that an incident is open and nobody is on it? Kept by `healer.journey.telling`. Pure."""

from collections.abc import Iterable

import msgspec

from healer.convergence.outcome import Incident
from healer.times import Micros


class Reminder(msgspec.Struct, frozen=True, array_like=True):
    """Of one incident: when the next is due (0: none is), and the channels that heard one."""

    due: Micros = 0
    channels: tuple[str, ...] = ()


def waits_for_somebody(incident: Incident) -> bool:
    """Whether people were told of it, it goes on, and nobody said that they are on it."""
    return incident.status == "open" and incident.told and not incident.flapping and not incident.people.acked_by


class Reminders:
    """Remembers when people are to be reminded of what. `remembered` is a snapshot's part, by incident."""

    def __init__(self, remembered: dict[str, Reminder] | None = None) -> None:
        self.remembered = dict(remembered or {})
        self._ringing: dict[str, None] = {}

    def next_due(self) -> Micros | None:
        """When the next one is due."""
        return min((one.due for one in self.remembered.values() if one.due), default=None)

    def ring(self, now: Micros) -> list[str]:
        """The incidents of which people are to be reminded by now."""
        found = [id for id, one in self.remembered.items() if 0 < one.due <= now]
        for id in found:
            self._set(id, due=0)
            self._ringing[id] = None
        return found

    def rings(self, incident: str) -> bool:
        """Whether it is time for this one; said once."""
        return self._ringing.pop(incident, "") is None

    def arrange(self, incident: Incident, every: Micros, now: Micros) -> None:
        """There was news, or a reminder: the next one comes after `every` (0: never), unless one is due sooner."""
        due = self.remembered.get(incident.id, Reminder()).due
        wanted = (due or now + every) if every and waits_for_somebody(incident) else 0
        if due != wanted:
            self._set(incident.id, due=wanted)

    def heard(self, incident: str, channels: Iterable[str] = ()) -> tuple[str, ...]:
        """The channels that heard a reminder, with these from now on."""
        before = self.remembered.get(incident, Reminder()).channels
        found = tuple(dict.fromkeys((*before, *channels)))
        if found != before:
            self._set(incident, channels=found)
        return found

    def let_go(self, incident: str) -> None:
        """It is over for good."""
        self.remembered.pop(incident, None)
        self._ringing.pop(incident, None)

    def _set(self, incident: str, **changed: Micros | tuple[str, ...]) -> None:
        before = self.remembered.get(incident, Reminder())
        self.remembered[incident] = msgspec.structs.replace(before, **changed)
