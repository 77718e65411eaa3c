"""When does it come again? A schedule as cron writes it, in a time zone of its own. Pure, but for the zones' own tables.

An occurrence begins at a wall-clock time and lasts a number of hours that really pass. A time that the clock jumps over in
spring begins when it has jumped; one that it shows twice in autumn begins the first time. Used by
`healer.alerts.maintenance`, and by `healer.notification.oncall` for what clocks show.
"""

import re
from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from healer.times import DAY, Micros, from_datetime, to_datetime

AHEAD_DAYS = 366 * 8 + 2
"""How far to look for the next occurrence: 29 February comes again after eight years at the latest."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKLY = re.compile(r"([A-Za-z]{3}(?:[-,][A-Za-z]{3})*|daily)\s+(\d{1,2}):(\d{2})", re.IGNORECASE)
_PART = re.compile(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d+))?")


class BadSchedule(ValueError):
    """A text that is no schedule, or a zone that nobody knows; the message says what to write."""


class Cron(NamedTuple):
    """When occurrences begin, in local time. Days of the week count from Monday, 0. `either`: one of both days is enough,
    as cron has it where both are restricted."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def on(self, day: date) -> bool:
        """Whether it comes on this day."""
        if day.month not in self.months:
            return False
        by_date, by_week = day.day in self.days, day.weekday() in self.weekdays
        return by_date or by_week if self.either else by_date and by_week


@lru_cache(maxsize=1024)
def parse_schedule(text: str) -> Cron:
    """Read `Sat 02:00`, `Mon-Fri 22:30`, `daily 03:00`, or cron's five fields `0 2 * * 6`. Raises BadSchedule."""
    weekly = _WEEKLY.fullmatch(text.strip())
    fields = ["0", "0", "*", "*", "*"] if weekly else text.split()
    if len(fields) != 5:
        raise BadSchedule(f"{text!r} is no schedule: write `Sat 02:00`, `Mon-Fri 22:30`, or cron's `0 2 * * 6`")
    if weekly:
        days, hour, minute = weekly.groups()
        fields = [minute, hour, "*", "*", "*" if days.lower() == "daily" else days]
    minutes = _field(fields[0], 0, 59, ())
    hours = _field(fields[1], 0, 23, ())
    dates = _field(fields[2], 1, 31, ())
    months = _field(fields[3], 1, 12, MONTHS)
    # cron's week begins on Sunday, 0 or 7; ours, as Python's, on Monday.
    numbers = _field(_from_sunday(fields[4]), 0, 7, ())
    weekdays = frozenset((number - 1) % 7 for number in numbers)
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    return Cron(tuple(sorted(minutes)), tuple(sorted(hours)), dates, months, weekdays, either)


def parse_zone(name: str) -> ZoneInfo:
    """The zone with this IANA name. Raises BadSchedule."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSchedule(f"{name!r} is no time zone: write its IANA name, like Europe/Berlin or UTC") from None


def last_start(schedule: str, zone: str, now: Micros, within: Micros) -> Micros | None:
    """The latest occurrence that began at `now` or before, not longer than `within` ago."""
    cron, place = parse_schedule(schedule), parse_zone(zone)
    day = to_datetime(now).astimezone(place).date()
    for back in range(within // DAY + 3):
        that = day - timedelta(days=back)
        past = _how_many(cron, that, place, now)
        if past:
            start = _start(that, _times(cron)[past - 1], place)
            return start if start > now - within else None
    return None


def next_start(schedule: str, zone: str, now: Micros) -> Micros | None:
    """The first occurrence that begins after `now`; None when there is none for years (30 February)."""
    cron, place = parse_schedule(schedule), parse_zone(zone)
    day = to_datetime(now).astimezone(place).date()
    for ahead in range(-1, AHEAD_DAYS):
        that = day + timedelta(days=ahead)
        if cron.on(that) and (past := _how_many(cron, that, place, now)) < len(_times(cron)):
            return _start(that, _times(cron)[past], place)
    return None


@lru_cache(maxsize=1024)
def _times(cron: Cron) -> tuple[time, ...]:
    """The times of a day at which it begins, in order."""
    return tuple(time(hour, minute) for hour in cron.hours for minute in cron.minutes)


def _how_many(cron: Cron, day: date, zone: ZoneInfo, now: Micros) -> int:
    """How many of a day's occurrences began at `now` or before. Later on the clock is never earlier, whatever clocks do."""
    return bisect_right(_times(cron), now, key=lambda at: _start(day, at, zone)) if cron.on(day) else 0


def _start(day: date, at: time, zone: ZoneInfo) -> Micros:
    return from_datetime(first_shown(datetime.combine(day, at), zone))


def first_shown(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which clocks there first show this time, or, where they jump over it, the instant of the jump."""
    first = local.replace(tzinfo=zone).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == local:
        return first
    # Of a time in a gap, fold 0 counts with the offset before the jump and fold 1 with the one after it, so the jump lies
    # between both: halve until it is found, to the second.
    early, late = local.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        early, late = (middle, late) if middle.astimezone(zone).utcoffset() == before else (early, middle)
    return late.replace(microsecond=0)


def _from_sunday(text: str) -> str:
    """Names of days as cron's numbers; a range that runs over Sunday (`fri-mon`) becomes its days."""

    def number(found: re.Match[str]) -> str:
        name = found[0].lower()
        if name not in DAYS:
            raise BadSchedule(f"{found[0]!r} is no day of the week: expected one of {', '.join(DAYS)}")
        return str(DAYS.index(name) + 1)

    parts = []
    for part in re.sub(r"[A-Za-z]+", number, text).split(","):
        first, dash, last = part.partition("-")
        if dash and first.isdigit() and last.isdigit() and int(last) < int(first) <= 7:
            parts += [str(day) for day in (*range(int(first), 8), *range(1, int(last) + 1))]
        else:
            parts.append(part)
    return ",".join(parts)


def _field(text: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    """One field of cron's: `*`, `5`, `1-5`, `*/15`, `1,15`, names of months."""
    found: set[int] = set()
    for part in text.split(","):
        read = _PART.fullmatch(part)
        if read is None:
            raise BadSchedule(f"{part!r} is no part of a schedule: write *, 5, 1-5, */15, with commas between")
        every, first, last, step = read.groups()
        begin = low if every == "*" else _number(first, names, low, high)
        end = high if every == "*" or (step and not last) else _number(last or first, names, low, high)
        if begin > end or step == "0":
            raise BadSchedule(f"{part!r} names nothing: a range runs from the lower to the higher")
        found.update(range(begin, end + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, names: tuple[str, ...], low: int, high: int) -> int:
    number = names.index(text.lower()) + 1 if text.lower() in names else int(text) if text.isdigit() else -1
    if not low <= number <= high:
        raise BadSchedule(f"{text!r} is outside {low} to {high}")
    return number
