"""Which channels reach a recipient now? A recipient is a channel, a person, or a schedule: whoever is on call by it.

Asked by `healer.journey.charter`, and for people who ask who is on call. Pure.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from healer.notification.oncall.duty import NONE, Calendars, on_duty
from healer.notification.oncall.settings import Oncall
from healer.notification.oncall.turns import Shift
from healer.times import Micros


class Reached(msgspec.Struct, frozen=True):
    """A channel, and who is reached by it: a person, or "" where the channel itself was named."""

    channel: str
    who: str = ""


class Rota(msgspec.Struct, frozen=True):
    """All that says who is on call: settings, what iCalendars say by schedule, calendars of holidays, and the channels."""

    oncall: Oncall = Oncall()
    channels: tuple[str, ...] = ()
    shifts: Mapping[str, Sequence[Shift]] = {}
    calendars: Calendars = NONE

    def reach(self, names: Iterable[str], now: Micros) -> tuple[Reached, ...]:
        """Everybody behind these names, each channel once; nobody for a name that is not known."""
        found: dict[str, Reached] = {}
        for name in names:
            for one in self._one(name, now):
                found.setdefault(one.channel, one)
        return tuple(found.values())

    def _one(self, name: str, now: Micros) -> Iterable[Reached]:
        if name in self.oncall.schedules and name not in self.channels:
            schedule = self.oncall.schedules[name]
            duty = on_duty(schedule, now, self.shifts.get(name, ()), self.calendars)
            return [reached for who in duty.people for reached in reached_by(who, self.oncall, self.channels)]
        return reached_by(name, self.oncall, self.channels)


def reached_by(name: str, oncall: Oncall, channels: Collection[str]) -> list[Reached]:
    """A channel, or the channels of a person, as far as there are such channels."""
    if name in channels:
        return [Reached(name)]
    person = oncall.people.get(name)
    return [Reached(channel, name) for channel in person.channels if channel in channels] if person is not None else []
