"""Hours as people write them: of a clock on the wall, over midnight, in their own time zone."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from healer.notification.hours import end_of, last_moment, parse_hours, parse_moment
from healer.times import HOUR, MINUTE, from_datetime, to_datetime

SHANGHAI = "Asia/Shanghai"
BERLIN = "Europe/Berlin"


def at(text: str, zone: str = "UTC") -> int:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def ends(hours: str, now: str, zone: str = "UTC") -> str:
    """The end by the clock there, "" when it is none of these hours."""
    found = end_of((hours,), zone, at(now, zone))
    return to_datetime(found).astimezone(ZoneInfo(zone)).strftime("%a %H:%M") if found else ""


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        ("22:00-07:00", "2026-01-07T21:59:59", ""),
        ("22:00-07:00", "2026-01-07T22:00:00", "Thu 07:00"),
        ("22:00-07:00", "2026-01-08T06:59:59", "Thu 07:00"),
        ("22:00-07:00", "2026-01-08T07:00:00", ""),
        ("mon-fri 09:00-18:00", "2026-01-09T12:00:00", "Fri 18:00"),
        ("mon-fri 09:00-18:00", "2026-01-10T12:00:00", ""),
        ("sat,sun", "2026-01-10T12:00:00", "Sun 00:00"),
        ("fri 22:00-06:00", "2026-01-10T05:00:00", "Sat 06:00"),
        ("fri 22:00-06:00", "2026-01-09T05:00:00", ""),
        ("sat-mon 08:00-24:00", "2026-01-12T23:59:00", "Tue 00:00"),
        ("sat-mon 08:00-24:00", "2026-01-13T09:00:00", ""),
        ("wed 00:00-24:00", "2026-01-07T00:00:00", "Thu 00:00"),
    ],
)
def test_a_stretch_holds_its_beginning_and_not_its_end(hours: str, now: str, end: str) -> None:
    """The day is the one on which the stretch begins, also past midnight."""
    assert ends(hours, now) == end


def test_hours_are_those_of_the_zone() -> None:
    """The same instant is night in Shanghai and afternoon in UTC."""
    instant = at("2026-01-07T23:00:00", SHANGHAI)
    assert end_of(("22:00-07:00",), SHANGHAI, instant) == at("2026-01-08T07:00:00", SHANGHAI)
    assert end_of(("22:00-07:00",), "UTC", instant) == 0


def test_of_several_the_one_that_ends_last_counts() -> None:
    """Saturday as a whole, and the night into it."""
    found = end_of(("22:00-07:00", "sat"), "UTC", at("2026-01-10T06:00:00"))
    assert found == at("2026-01-11T00:00:00")


def test_summer_time_moves_the_end_with_the_clock_on_the_wall() -> None:
    """The night in which an hour is left out is an hour shorter."""
    before = at("2026-03-28T22:00:00", BERLIN)
    assert end_of(("22:00-07:00",), BERLIN, before) - before == 8 * HOUR


def test_an_end_never_lies_before_now() -> None:
    """In the hour that comes twice somebody looks again a minute later."""
    second_time = at("2026-10-25T02:30:00", BERLIN) + HOUR
    assert end_of(("01:00-02:45",), BERLIN, second_time) == second_time + MINUTE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "write 22:00-07:00"),
        ("at night", "write 22:00-07:00"),
        ("9-18", "write 22:00-07:00"),
        ("mon-fri 09:00-18:00 UTC", "write 22:00-07:00"),
        ("mo-fr 09:00-18:00", "write 22:00-07:00"),
        ("mon-frx 09:00-18:00", "no day is called 'frx'"),
        ("09:00-25:00", "not within a day"),
        ("09:60-18:00", "not within a day"),
        ("24:00-07:00", "not within a day"),
        ("09:00-09:00", "is empty"),
    ],
)
def test_what_are_no_hours_is_refused_with_what_would_be(text: str, says: str) -> None:
    """People learn the form from the message."""
    with pytest.raises(ValueError, match=says):
        parse_hours(text)


@pytest.mark.parametrize(
    ("moment", "now", "last"),
    [
        ("mon 09:00", "2026-01-07T10:00:00", "2026-01-05T09:00:00"),
        ("mon 09:00", "2026-01-05T09:00:00", "2026-01-05T09:00:00"),
        ("mon 09:00", "2026-01-05T08:59:59", "2025-12-29T09:00:00"),
        ("sun 23:30", "2026-01-05T00:00:00", "2026-01-04T23:30:00"),
    ],
)
def test_a_moment_of_the_week_was_last_at_most_a_week_ago(moment: str, now: str, last: str) -> None:
    """By the clock on the wall there."""
    assert last_moment(moment, SHANGHAI, at(now, SHANGHAI)) == at(last, SHANGHAI)


@pytest.mark.parametrize(
    "text", ["", "monday", "mon", "mon 9:00", "mon 24:00", "mo 09:00", "mon 09:60", "mon-fri 09:00"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    """With what would be one."""
    with pytest.raises(ValueError, match="write mon 09:00"):
        parse_moment(text)
