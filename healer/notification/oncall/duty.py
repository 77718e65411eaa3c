"""Who is on call, and until when? Asked by routes and escalations (`healer.journey.charter`), and by people. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec

from healer.notification.hours import end_of, parse_hours
from healer.notification.oncall.settings import Layer, Schedule
from healer.notification.oncall.turns import Shift, begun, edges, instant, on_now, read_moment, wall
from healer.times import DAY, MINUTE, Micros

MOST_EDGES = 200
"""Instants that are looked at for the next hand-over."""
HORIZON: Micros = 366 * DAY
"""A hand-over that is farther away is not looked for."""

Calendars = Mapping[str, Sequence[tuple[Micros, Micros]]]
NONE: Calendars = MappingProxyType({})


class Duty(msgspec.Struct, frozen=True):
    """`people` (or channels) are on call, by this `source`: an override, the calendar, layer 1 and so on; "" where nothing says
    who, and nobody is."""

    people: tuple[str, ...] = ()
    source: str = ""


class Change(msgspec.Struct, frozen=True):
    """From then on it is these."""

    at: Micros
    duty: Duty


def on_duty(schedule: Schedule, now: Micros, shifts: Sequence[Shift] = (), calendars: Calendars = NONE) -> Duty:
    """Who is on call now. `shifts` are what its iCalendar says."""
    zone = schedule.zone
    for override in schedule.overrides:
        if instant(read_moment(override.since), zone) <= now < instant(read_moment(override.to), zone):
            return Duty(override.people, "override")
    if found := tuple(dict.fromkeys(shift.who for shift in shifts if on_now(shift, now))):
        return Duty(found, "calendar")
    holiday = is_holiday(schedule, now, calendars)
    for place, layer in enumerate(schedule.layers, 1):
        if layer.holidays != "too" and (layer.holidays == "only") is not holiday:
            continue
        if layer.hours and not end_of(layer.hours, zone, now):
            continue
        number = begun(read_moment(layer.since), layer.turn, zone, now)
        if number >= 0:
            return Duty((layer.people[number % len(layer.people)],), f"layer {place}")
    return Duty()


def next_change(
    schedule: Schedule, now: Micros, shifts: Sequence[Shift] = (), calendars: Calendars = NONE
) -> Change | None:
    """When somebody else is on call next, and who; None when nothing changes within a year."""
    before, at = on_duty(schedule, now, shifts, calendars), now
    for _ in range(MOST_EDGES):
        later = [edge for edge in _edges(schedule, at, shifts, calendars) if edge > at]
        if not later or min(later) > now + HORIZON:
            return None
        at = min(later)
        then = on_duty(schedule, at, shifts, calendars)
        if then.people != before.people:
            return Change(at, then)
    return None


def is_holiday(schedule: Schedule, now: Micros, calendars: Calendars) -> bool:
    """Whether this is one of its holidays."""
    for name in schedule.holidays:
        if name in calendars:
            if any(begin <= now < end for begin, end in calendars[name]):
                return True
        else:
            day = read_moment(name)
            if instant(day, schedule.zone) <= now < instant(day + DAY, schedule.zone):
                return True
    return False


def _edges(schedule: Schedule, now: Micros, shifts: Sequence[Shift], calendars: Calendars) -> Iterator[Micros]:
    """Instants at which something may change; among them the next at which it does."""
    zone = schedule.zone
    for override in schedule.overrides:
        yield instant(read_moment(override.since), zone)
        yield instant(read_moment(override.to), zone)
    for shift in shifts:
        yield from edges(shift, now)
    for name in schedule.holidays:
        if name in calendars:
            yield from (edge for entry in calendars[name] for edge in entry)
        else:
            yield instant(read_moment(name), zone)
            yield instant(read_moment(name) + DAY, zone)
    for layer in schedule.layers:
        yield from _handovers(layer, zone, now)


def _handovers(layer: Layer, zone: str, now: Micros) -> Iterator[Micros]:
    first = read_moment(layer.since)
    yield instant(first + (begun(first, layer.turn, zone, now) + 1) * layer.turn, zone)
    today = wall(now, zone) // DAY * DAY
    for hours in map(parse_hours, layer.hours):
        for day in range(today - DAY, today + 9 * DAY, DAY):
            start = day + hours.start * MINUTE
            yield instant(start, zone)
            yield instant(start + hours.lasts * MINUTE, zone)
