"""Who is on call by an iCalendar (RFC 5545), as Google, PagerDuty, Opsgenie and Grafana export it.

Events are read with daily and weekly repetitions, exceptions and moved occurrences. What would make a turn another than it is
read here is refused, never passed over: a wrong turn is worse than none. Pure; called where a file is read, or a URL asked.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from healer.alerts.schedule import BadSchedule, parse_zone
from healer.notification.oncall.ical_lines import BadCalendar, Line, events
from healer.notification.oncall.settings import Person
from healer.notification.oncall.turns import Shift, instant, wall
from healer.times import DAY, HOUR, MINUTE, SECOND, Micros, from_datetime

MAX_EVENTS = 5_000
MAX_COUNT = 100_000
"""Repetitions of one event that a COUNT may ask for."""
NAME = 100
"""Characters of a name that nobody here has."""
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_RULE_KEYS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"}
_DURATION = re.compile(r"\+?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_SINGLE = ("DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID", "SUMMARY", "UID", "STATUS")


class _Moment(msgspec.Struct, frozen=True):
    """A time by the clock on a wall in a zone; `whole` for a day without a time."""

    shown: Micros
    zone: str
    whole: bool

    def within(self, zone: str) -> Micros:
        """What clocks in another zone show then."""
        return self.shown if zone == self.zone else wall(instant(self.shown, self.zone), zone)


class _Event(msgspec.Struct, frozen=True):
    """An event, with the properties that are there once by name, and the others."""

    one: dict[str, Line]
    attendees: tuple[Line, ...]
    excluded: tuple[Line, ...]

    @property
    def begin(self) -> Line:
        return self.one["DTSTART"]


def read_ical(content: bytes, zone: str, people: Mapping[str, Person]) -> tuple[Shift, ...]:
    """The turns that a calendar says. `zone` is that of times without one; whoever no name of `people` fits keeps the event's
    summary for a name. Raises BadCalendar."""
    found = [_event(lines) for lines in events(content)]
    if len(found) > MAX_EVENTS:
        raise BadCalendar(f"it has {len(found)} events: at most {MAX_EVENTS}")
    names = _names(people)
    moved: dict[str, list[Line]] = {}
    for event in found:
        if "RECURRENCE-ID" in event.one:
            moved.setdefault(_uid(event), []).append(event.one["RECURRENCE-ID"])
    return tuple(
        shift
        for event in found
        if event.one.get("STATUS") is None or event.one["STATUS"].value.upper() != "CANCELLED"
        for shift in _shifts(event, zone, names, moved.get(_uid(event), []) if "RRULE" in event.one else [])
    )


def _event(lines: Sequence[Line]) -> _Event:
    one: dict[str, Line] = {}
    for line in lines:
        if line.name in ("RDATE", "EXRULE"):
            raise line.refuse("this kind of repetition is not understood; write the turns as events of their own")
        if line.name in _SINGLE:
            if line.name in one:
                raise line.refuse("it stands twice in one event")
            one[line.name] = line
    if "DTSTART" not in one:
        where = f"line {lines[0].number}: " if lines else ""
        raise BadCalendar(f"{where}an event without DTSTART")
    if "RECURRENCE-ID" in one and "RANGE" in one["RECURRENCE-ID"].parameters:
        raise one["RECURRENCE-ID"].refuse("RANGE is not understood")
    attendees = tuple(line for line in lines if line.name == "ATTENDEE")
    return _Event(one, attendees, tuple(line for line in lines if line.name == "EXDATE"))


def _uid(event: _Event) -> str:
    return event.one["UID"].value if "UID" in event.one else ""


def _shifts(event: _Event, zone: str, names: Mapping[str, str], moved: Sequence[Line]) -> Iterator[Shift]:
    begin = _moment(event.begin, event.begin.value, zone)
    lasts = _lasts(event, begin, zone)
    excluded = [(line, value) for line in (*event.excluded, *moved) for value in line.value.split(",")]
    without = tuple(sorted(_moment(line, value, zone).within(begin.zone) for line, value in excluded))
    firsts, every, until = _repetition(event.one.get("RRULE"), begin)
    if every and lasts > every:
        raise event.begin.refuse("it begins again before it ends")
    for who in _who(event, names):
        for first in firsts:
            if not until or first <= until:
                yield Shift(who, first, lasts, begin.zone, every, until, without)


def _lasts(event: _Event, begin: _Moment, zone: str) -> Micros:
    end, duration = event.one.get("DTEND"), event.one.get("DURATION")
    if end is not None:
        lasts = _moment(end, end.value, zone).within(begin.zone) - begin.shown
    elif duration is not None:
        found = _DURATION.fullmatch(duration.value)
        if not found or not any(found.groups()):
            raise duration.refuse(f"{duration.value[:60]!r} is no duration")
        units = (7 * DAY, DAY, HOUR, MINUTE, SECOND)
        lasts = sum(int(count) * unit for count, unit in zip(found.groups(), units, strict=True) if count)
    else:
        lasts = DAY if begin.whole else 0
    if lasts <= 0:
        raise event.begin.refuse("it has no end after its beginning")
    return lasts


def _repetition(rule: Line | None, begin: _Moment) -> tuple[list[Micros], Micros, Micros]:
    """The first beginnings (of a rule with several days one for each), how long until each comes again, and the last of all."""
    if rule is None:
        return [begin.shown], 0, 0
    parts = dict(part.upper().split("=", 1) for part in rule.value.strip(";").split(";") if "=" in part)
    for key in parts.keys() - _RULE_KEYS:
        raise rule.refuse(f"{key} is not understood; write the turns as events of their own")
    freq, interval = parts.get("FREQ", ""), _number(rule, parts.get("INTERVAL", "1"))
    if freq not in ("DAILY", "WEEKLY") or (freq == "DAILY" and "BYDAY" in parts):
        kind = f"{freq} with BYDAY" if freq == "DAILY" else f"FREQ={freq}"
        raise rule.refuse(f"{kind} is not understood: DAILY, or WEEKLY with days; write others as events of their own")
    every = interval * (DAY if freq == "DAILY" else 7 * DAY)
    firsts = _firsts(rule, parts, begin.shown, every) if "BYDAY" in parts else [begin.shown]
    if "COUNT" in parts:
        last = _number(rule, parts["COUNT"]) - 1
        return firsts, every, firsts[last % len(firsts)] + last // len(firsts) * every
    if "UNTIL" not in parts:
        return firsts, every, 0
    until = _moment(rule, parts["UNTIL"], begin.zone, plain=True)
    return firsts, every, until.within(begin.zone) + (DAY - 1 if until.whole else 0)


def _firsts(rule: Line, parts: Mapping[str, str], begin: Micros, every: Micros) -> list[Micros]:
    """The first beginning on each day of a weekly rule, in order."""
    days = parts["BYDAY"].split(",")
    for day in (*days, parts.get("WKST", "MO")):
        if day not in _DAYS:
            raise rule.refuse(f"the day {day[:10]!r} is not understood: one of {', '.join(_DAYS)}")
    # 1970-01-01 was a Thursday.
    today = (begin // DAY + 3) % 7
    if _DAYS[today] not in days:
        raise rule.refuse(f"the event begins on {_DAYS[today]}, which is none of its days")
    starts_on = _DAYS.index(parts.get("WKST", "MO"))
    week = begin - (today - starts_on) % 7 * DAY
    found = [week + (_DAYS.index(day) - starts_on) % 7 * DAY for day in dict.fromkeys(days)]
    return sorted(first if first >= begin else first + every for first in found)


def _moment(line: Line, value: str, zone: str, *, plain: bool = False) -> _Moment:
    """A date, or a date with a time, of this line; `plain`: its parameters are not of this value."""
    value, named = value.strip().upper(), "" if plain else line.parameters.get("TZID", "")
    if named:
        try:
            parse_zone(named)
        except BadSchedule as error:
            raise line.refuse(str(error)) from None
    for form in ("%Y%m%d", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%SZ"):
        try:
            shown = from_datetime(datetime.strptime(value, form).replace(tzinfo=UTC))
        except ValueError:
            continue
        return _Moment(shown, "UTC" if form.endswith("Z") else named or zone, "T" not in form)
    raise line.refuse(f"{value[:40]!r} is no time: 20260105, 20260105T090000 or 20260105T090000Z")


def _number(rule: Line, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= MAX_COUNT:
        raise rule.refuse(f"{text[:20]!r} is no number from 1 to {MAX_COUNT}")
    return int(text)


def _names(people: Mapping[str, Person]) -> dict[str, str]:
    """Who has which name, the longest names first."""
    found = {said.casefold(): name for name, person in people.items() for said in (*person.also, name)}
    return dict(sorted(found.items(), key=lambda one: (-len(one[0]), one[0])))


def _who(event: _Event, names: Mapping[str, str]) -> list[str]:
    """Who it is about: the attendees that are known, else whoever is named in the summary, else the summary itself."""
    said_of = (
        (line.value.casefold().removeprefix("mailto:"), line.parameters.get("CN", "")) for line in event.attendees
    )
    invited = [names[said.casefold()] for both in said_of for said in both if said.casefold() in names]
    if invited:
        return list(dict.fromkeys(invited))
    summary = " ".join(event.one["SUMMARY"].text.split()) if "SUMMARY" in event.one else ""
    rest, found = summary.casefold(), list[str]()
    for said, name in names.items():
        shorter = re.sub(rf"(?<!\w){re.escape(said)}(?!\w)", " ", rest)
        if shorter != rest:
            rest = shorter
            found.append(name)
    return list(dict.fromkeys(found)) or [summary[:NAME] or "(no name)"]
