"""When does a turn begin and end? Turns come again by the clock on a wall, in a time zone of their own.

Asked by `healer.notification.oncall.duty`. A day of the wall may have 23 hours or 25: a hand-over at 09:00 is at 09:00 all the
same. A time that clocks jump over is that of the jump, and one that they show twice the first of both. Pure.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from healer.alerts.schedule import first_shown
from healer.times import DAY, Micros, from_datetime, to_datetime

JUMP: Micros = DAY
"""Clocks never jump farther."""


class Shift(msgspec.Struct, frozen=True):
    """`who` is on call from `first` on for `lasts`, and again after each `every` (0: once) up to the one that begins at `until`
    (0: for ever), but not those that begin at one of `without`. All times are those that clocks in `zone` show, in
    microseconds as if it were UTC."""

    who: str
    first: Micros
    lasts: Micros
    zone: str
    every: Micros = 0
    until: Micros = 0
    without: tuple[Micros, ...] = ()


@lru_cache(maxsize=1_000)
def wall(now: Micros, zone: str) -> Micros:
    """What clocks in a zone show, as if it were UTC."""
    return from_datetime(to_datetime(now).astimezone(ZoneInfo(zone)).replace(tzinfo=UTC))


@lru_cache(maxsize=10_000)
def instant(shown: Micros, zone: str) -> Micros:
    """When clocks in a zone show this first."""
    return from_datetime(first_shown(to_datetime(shown).replace(tzinfo=None), ZoneInfo(zone)))


@lru_cache(maxsize=1_000)
def read_moment(text: str) -> Micros:
    """Read `2026-01-05 09:00`, or `2026-01-05` for its first minute, as a clock on a wall shows it. Raises ValueError."""
    for form in ("%Y-%m-%d %H:%M", "%Y-%m-%d"):
        try:
            return from_datetime(datetime.strptime(text, form).replace(tzinfo=UTC))
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no moment: write 2026-01-05 09:00, or 2026-01-05")


def begun(first: Micros, every: Micros, zone: str, now: Micros) -> int:
    """How many turns began by now, less one: the number of the turn that is under way; -1 before the first."""
    number = (wall(now, zone) - first) // every
    # In the hour that clocks show twice the wall says less than has begun, and after a jump more.
    while instant(first + (number + 1) * every, zone) <= now:
        number += 1
    while number >= 0 and instant(first + number * every, zone) > now:
        number -= 1
    return max(number, -1)


def on_now(shift: Shift, now: Micros) -> bool:
    """Whether this is one of its times."""
    if not shift.every and not -JUMP <= wall(now, shift.zone) - shift.first < shift.lasts + JUMP:
        # Most turns of a calendar are long over, or far away: that is seen without asking when clocks change.
        return False
    number = begun(shift.first, shift.every, shift.zone, now) if shift.every else 0
    start = shift.first + number * shift.every
    if number < 0 or (shift.until and start > shift.until) or start in shift.without:
        return False
    return instant(start, shift.zone) <= now < instant(start + shift.lasts, shift.zone)


def edges(shift: Shift, now: Micros) -> Iterator[Micros]:
    """Instants at which it may begin or end next: among them the first after now."""
    number = begun(shift.first, shift.every, shift.zone, now) if shift.every else 0
    for turn in (number, number + 1) if shift.every else (0,):
        start = shift.first + max(turn, 0) * shift.every
        yield instant(start, shift.zone)
        yield instant(start + shift.lasts, shift.zone)
