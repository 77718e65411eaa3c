"""Occurrences of a schedule: a function of time alone, right when the clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.alerts.schedule import BadSchedule, last_start, next_start, parse_schedule, parse_zone
from healer.times import DAY, HOUR, MINUTE, format_rfc3339, from_datetime


def at(text: str) -> int:
    return from_datetime(datetime.fromisoformat(text))


def starts(schedule: str, zone: str, after: str, count: int) -> list[str]:
    """The next occurrences, to the minute."""
    now, found = at(after), []
    for _ in range(count):
        following = next_start(schedule, zone, now)
        assert following is not None
        now = following
        found.append(format_rfc3339(now)[:16])
    return found


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "expected"),
    [
        ("Sat 02:00", "UTC", "2026-01-07T10:00Z", ["2026-01-10T02:00", "2026-01-17T02:00"]),
        ("0 2 * * 6", "UTC", "2026-01-10T02:00Z", ["2026-01-17T02:00", "2026-01-24T02:00"]),
        ("Fri-Mon 22:30", "UTC", "2026-01-09T23:00Z", ["2026-01-10T22:30", "2026-01-11T22:30", "2026-01-12T22:30"]),
        ("daily 03:00", "Asia/Shanghai", "2026-01-07T10:00Z", ["2026-01-07T19:00", "2026-01-08T19:00"]),
        ("*/30 8-9 1,15 * *", "UTC", "2026-01-01T09:00Z", ["2026-01-01T09:30", "2026-01-15T08:00"]),
        ("0 4 * * 0", "UTC", "2026-01-07T10:00Z", ["2026-01-11T04:00"]),
        ("0 4 * * 7", "UTC", "2026-01-07T10:00Z", ["2026-01-11T04:00"]),
        ("0 4 13 * fri", "UTC", "2026-02-06T05:00Z", ["2026-02-13T04:00", "2026-02-20T04:00"]),
        ("0 0 29 feb *", "UTC", "2026-01-07T10:00Z", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        # Berlin's clocks jump from 02:00 to 03:00 on 29 March 2026, and go back from 03:00 to 02:00 on 25 October.
        ("Sun 02:30", "Europe/Berlin", "2026-03-22T02:00Z", ["2026-03-29T01:00", "2026-04-05T00:30"]),
        ("Sun 02:30", "Europe/Berlin", "2026-10-18T02:00Z", ["2026-10-25T00:30", "2026-11-01T01:30"]),
        ("Sun 12:00", "Europe/Berlin", "2026-03-22T12:00Z", ["2026-03-29T10:00"]),
        # Lord Howe's clocks move by half an hour; Apia had no 30 December 2011.
        ("Sun 02:15", "Australia/Lord_Howe", "2026-10-03T00:00Z", ["2026-10-03T15:30"]),
        ("daily 12:00", "Pacific/Apia", "2011-12-29T22:00Z", ["2011-12-30T10:00", "2011-12-30T22:00"]),
    ],
)
def test_next(schedule: str, zone: str, after: str, expected: list[str]) -> None:
    """Each occurrence begins when clocks in that zone show its time, once a day whatever they do."""
    assert starts(schedule, zone, after, len(expected)) == expected


def test_never() -> None:
    """A day that no month has does not come."""
    assert next_start("0 0 30 2 *", "UTC", at("2026-01-07T10:00Z")) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Sat", "is no schedule: write `Sat 02:00`"),
        ("0 2 * *", "is no schedule"),
        ("61 2 * * *", "'61' is outside 0 to 59"),
        ("0 2 * * funday", "'funday' is no day of the week"),
        ("0 5-2 * * *", "'5-2' names nothing"),
        ("0 */0 * * *", "names nothing"),
        ("0 2 ? * *", "'?' is no part of a schedule"),
        ("", "is no schedule"),
    ],
)
def test_unreadable(text: str, why: str) -> None:
    """What cannot be read says what to write."""
    with pytest.raises(BadSchedule) as refused:
        parse_schedule(text)
    assert why in str(refused.value)


@pytest.mark.parametrize("name", ["Europe/Nowhere", "../etc/passwd", "", "/etc/localtime", "a\0b"])
def test_unknown_zone(name: str) -> None:
    """A zone is an IANA name, and never a file."""
    with pytest.raises(BadSchedule, match="is no time zone"):
        parse_zone(name)


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo")


@given(
    st.sampled_from(ZONES),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(at("2015-01-01T00:00Z"), at("2030-01-01T00:00Z")),
)
def test_daily(zone: str, hour: int, minute: int, now: int) -> None:
    """Day by day: what comes next came last when it has come, it is less than 26 hours away, and clocks there show its time,
    or have just jumped over it."""
    schedule = f"daily {hour:02}:{minute:02}"
    following = next_start(schedule, zone, now)
    assert following is not None
    assert now < following <= now + 26 * HOUR
    assert last_start(schedule, zone, following, DAY) == following
    assert last_start(schedule, zone, following - 1, 2 * DAY) != following
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=following)).astimezone(ZoneInfo(zone))
    shown = timedelta(hours=local.hour, minutes=local.minute)
    wanted = timedelta(hours=hour, minutes=minute)
    before = (local.astimezone(UTC) - timedelta(minutes=1)).astimezone(ZoneInfo(zone))
    jumped = before.utcoffset() != local.utcoffset()
    assert shown == wanted or (jumped and wanted < shown <= wanted + timedelta(hours=1)), (local, schedule)
    assert following % MINUTE == 0
