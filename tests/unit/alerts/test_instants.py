from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.alerts.instants import BadTime, read_instant
from healer.times import from_datetime

JANUARY = 1_767_780_000_000_000  # 2026-01-07T10:00:00Z


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-07T10:00:00Z", JANUARY),
        ("2026-01-07T10:00:00.5Z", JANUARY + 500_000),
        ("2026-01-07T10:00:00.123456789Z", JANUARY + 123_457),
        ("2026-01-07T18:00:00+08:00", JANUARY),
        ("2026-01-07T04:30:00.000-05:30", JANUARY),
        ("0001-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00.000Z", 0),
        ("", 0),
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("2200-12-31T23:59:59Z", 7_289_654_399_000_000),
    ],
)
def test_rfc_3339_becomes_microseconds(text: str, instant: int) -> None:
    assert read_instant(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:01Z",
        "0001-06-01T00:00:00Z",
        "0001-01-01T00:00:00+08:00",
        "1969-12-31T23:59:59Z",
        "2201-01-01T00:00:00Z",
        "2026-01-07T10:00:00",
        "2026-02-30T10:00:00Z",
        "yesterday",
        "1767780000",
        "\0",
    ],
)
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadTime, match=r"is no time: write RFC 3339|is outside 1970 to 2200"):
        read_instant(text)


@given(
    moment=st.datetimes(
        datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis wants naive bounds
        datetime(2200, 12, 30),  # noqa: DTZ001 - the same
        timezones=st.integers(-839, 839).map(lambda m: timezone(timedelta(minutes=m))),
    )
)
def test_every_instant_from_1970_to_2200_is_read_exactly(moment: datetime) -> None:
    assert read_instant(moment.isoformat()) == from_datetime(moment.astimezone(UTC))
