"""Is it one of these hours? Times of the week as people write them: `22:00-07:00`, `mon-fri 09:00-18:00`, `sat,sun`.

Asked by routes (`healer.journey.charter`) and, for quiet hours, by delivery. Pure: the instant is handed in. Hours are those
of a clock on the wall in a time zone, so they go with its summer time.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from healer.times import Micros, from_datetime, to_datetime

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EXAMPLE = "22:00-07:00, mon-fri 09:00-18:00 or sat,sun"

_DAY = 24 * 60
_DAYS = re.compile(r"[a-z]{3}(-[a-z]{3})?(,[a-z]{3}(-[a-z]{3})?)*")
_MOMENT = re.compile(r"([a-z]{3}) ([0-9]{2}):([0-9]{2})")
_TIMES = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")


class Hours(msgspec.Struct, frozen=True):
    """From minute `start` of each of these days (0 is Monday) for `lasts` minutes, at most a day, maybe past midnight."""

    days: frozenset[int]
    start: int
    lasts: int

    def end(self, local: datetime) -> datetime | None:
        """When the stretch that holds this moment of the wall clock ends there; None outside of all."""
        for back in (0, 1):
            midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=back)
            begin = midnight + timedelta(minutes=self.start)
            end = begin + timedelta(minutes=self.lasts)
            if midnight.weekday() in self.days and begin <= local < end:
                return end
        return None


@lru_cache(maxsize=1_000)
def parse_hours(text: str) -> Hours:
    """Read `[DAYS] [HH:MM-HH:MM]`: without days every day, without times all day. Raises ValueError."""
    words = text.split()
    days, times = frozenset(range(7)), (0, _DAY)
    if words and _DAYS.fullmatch(words[0]):
        days = frozenset(day for part in words.pop(0).split(",") for day in _days(part))
    elif not words:
        raise ValueError(f"these are no hours: write {EXAMPLE}")
    if words:
        times = _times(words.pop(0), text)
    if words:
        raise ValueError(f"{text!r} are no hours: write {EXAMPLE}")
    return Hours(days, *times)


def end_of(hours: Iterable[str], zone: str, now: Micros) -> Micros:
    """Until when it is one of these hours, at least; 0 when it is none of them now."""
    local = to_datetime(now).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    ends = [end for text in hours if (end := parse_hours(text).end(local)) is not None]
    if not ends:
        return 0
    # When clocks go back an end may lie before now; a minute later somebody looks again.
    return max(from_datetime(max(ends).replace(tzinfo=ZoneInfo(zone))), now + 60_000_000)


def parse_moment(text: str) -> tuple[int, int]:
    """Read a moment of the week, `mon 09:00`: the day (0 is Monday) and the minute of it. Raises ValueError."""
    found = _MOMENT.fullmatch(text)
    if not found or found[1] not in DAYS or int(found[2]) > 23 or int(found[3]) > 59:
        raise ValueError(f"{text!r} is no moment of the week: write mon 09:00")
    return DAYS.index(found[1]), int(found[2]) * 60 + int(found[3])


def last_moment(text: str, zone: str, now: Micros) -> Micros:
    """When it was this moment of the week last."""
    day, minute = parse_moment(text)
    local = to_datetime(now).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    moment = midnight - timedelta(days=(local.weekday() - day) % 7) + timedelta(minutes=minute)
    if moment > local:
        moment -= timedelta(days=7)
    return from_datetime(moment.replace(tzinfo=ZoneInfo(zone)))


def _days(part: str) -> Iterable[int]:
    first, _, last = part.partition("-")
    for name in (first, last or first):
        if name not in DAYS:
            raise ValueError(f"no day is called {name!r}: {', '.join(DAYS)}")
    start, end = DAYS.index(first), DAYS.index(last or first)
    return (day % 7 for day in range(start, end + 1 if end >= start else end + 8))


def _times(written: str, text: str) -> tuple[int, int]:
    found = _TIMES.fullmatch(written)
    if not found:
        raise ValueError(f"{text!r} are no hours: write {EXAMPLE}")
    hour, minute, to_hour, to_minute = map(int, found.groups())
    start, end = hour * 60 + minute, to_hour * 60 + to_minute
    if minute > 59 or to_minute > 59 or start >= _DAY or end > _DAY:
        raise ValueError(f"{written} is not within a day: from 00:00 to 24:00")
    if start == end:
        raise ValueError(f"{written} is empty: write 00:00-24:00 for all day")
    return start, end - start if end > start else end + _DAY - start
