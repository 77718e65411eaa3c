"""When is it that time of the week? `Fri 18:00 - Mon 08:00 Asia/Shanghai`, read and asked. Pure.

Read by `rules.calling` where a rule says `window("...")`, asked by `rules.evaluation`. Instants are microseconds since
1970; times of day are those of the window's own zone, summer time included.
"""

import re
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from rules.units import SECOND

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EXPECTED: Final = '"Fri 18:00 - Mon 08:00 Asia/Shanghai", "Mon-Fri 09:00 - 17:00 UTC" or "22:00 - 06:00 UTC"'
_ACROSS = re.compile(r"([A-Za-z]{3}) (\d\d):(\d\d) - ([A-Za-z]{3}) (\d\d):(\d\d) (\S+)")
_DAILY = re.compile(r"(?:([A-Za-z]{3})(?:-([A-Za-z]{3}))? )?(\d\d):(\d\d) - (\d\d):(\d\d) (\S+)")
_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY


class BadWindow(ValueError):
    """The text is no window; the error says what is wrong with it."""


class Window(msgspec.Struct, frozen=True):
    """Spans of the week in minutes since Monday 00:00, `zone`'s time; one that ends past Sunday goes on on Monday."""

    zone: str
    spans: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        _zone(self.zone)  # one that was kept may name what this machine no longer knows


def read_window(text: str) -> Window:
    """The window. Raises BadWindow."""
    words = " ".join(text.split())
    if found := _ACROSS.fullmatch(words):
        first, last = _minute(found[1], found[2], found[3]), _minute(found[4], found[5], found[6])
        if first == last:
            raise BadWindow("it begins when it ends")
        return Window(_zone(found[7]), ((first, last if last > first else last + _WEEK),))
    if found := _DAILY.fullmatch(words):
        begin, end = _time(found[3], found[4]), _time(found[5], found[6])
        if begin == end:
            raise BadWindow("it begins when it ends")
        days = _days(found[1], found[2])
        length = end - begin if end > begin else end - begin + _DAY
        return Window(_zone(found[7]), tuple((day * _DAY + begin, day * _DAY + begin + length) for day in days))
    raise BadWindow("it is no window of the week with a time zone")


def ask_window(window: Window, now: int) -> tuple[bool, int | None]:
    """Whether the window is open at `now`, and the next instant at which that could be otherwise."""
    try:
        moment = datetime.fromtimestamp(now // SECOND, UTC).astimezone(_load(window.zone))
        monday = datetime.combine(moment.date() - timedelta(days=moment.weekday()), time(), moment.tzinfo)
        edges = sorted(
            (_instant(monday, begin + week * _WEEK), _instant(monday, end + week * _WEEK))
            for begin, end in window.spans
            for week in (-1, 0, 1)
        )
    except (OverflowError, ValueError, OSError):  # beyond the years that a calendar has
        return False, None
    inside = any(begin <= now < end for begin, end in edges)
    return inside, min((edge for pair in edges for edge in pair if edge > now), default=None)


def _instant(monday: datetime, minute: int) -> int:
    day = monday.date() + timedelta(days=minute // _DAY)
    local = datetime.combine(day, time(minute % _DAY // 60, minute % 60), monday.tzinfo)
    return int(local.timestamp()) * SECOND


def _minute(day: str, hours: str, minutes: str) -> int:
    return _day(day) * _DAY + _time(hours, minutes)


def _days(first: str | None, last: str | None) -> list[int]:
    if first is None:
        return list(range(7))
    begin = _day(first)
    end = _day(last) if last else begin
    return [day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)]


def _day(word: str) -> int:
    if word.lower() not in DAYS:
        raise BadWindow(f"{word} is no day; the days are Mon Tue Wed Thu Fri Sat Sun")
    return DAYS.index(word.lower())


def _time(hours: str, minutes: str) -> int:
    if int(hours) > 23 or int(minutes) > 59:
        raise BadWindow(f"{hours}:{minutes} is no time of day")
    return int(hours) * 60 + int(minutes)


def _zone(name: str) -> str:
    try:
        _load(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadWindow(f"{name} is no time zone, such as UTC or Asia/Shanghai") from None
    return name


@lru_cache(maxsize=64)
def _load(name: str) -> ZoneInfo:
    return ZoneInfo(name)
