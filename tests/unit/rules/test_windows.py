"""Windows of the week, in their own time zone."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.windows import BadWindow, ask_window, read_window

WEEKEND = "Fri 18:00 - Mon 08:00 Asia/Shanghai"


def micros(text: str) -> int:
    """An instant in microseconds."""
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("window", "at", "inside", "turns"),
    [
        (WEEKEND, "2026-01-09T17:59:59+08:00", False, "2026-01-09T18:00:00+08:00"),
        (WEEKEND, "2026-01-09T18:00:00+08:00", True, "2026-01-12T08:00:00+08:00"),
        (WEEKEND, "2026-01-12T07:59:59+08:00", True, "2026-01-12T08:00:00+08:00"),
        (WEEKEND, "2026-01-12T08:00:00+08:00", False, "2026-01-16T18:00:00+08:00"),
        ("Mon-Fri 09:00 - 17:00 UTC", "2026-01-07T12:00:00Z", True, "2026-01-07T17:00:00Z"),
        ("Mon-Fri 09:00 - 17:00 UTC", "2026-01-10T12:00:00Z", False, "2026-01-12T09:00:00Z"),
        ("22:00 - 06:00 UTC", "2026-01-07T23:00:00Z", True, "2026-01-08T06:00:00Z"),
        ("22:00 - 06:00 UTC", "2026-01-05T03:00:00Z", True, "2026-01-05T06:00:00Z"),
        ("Sat-Sun 00:00 - 23:00 UTC", "2026-01-11T12:00:00Z", True, "2026-01-11T23:00:00Z"),
        ("Sun 00:00 - Sun 06:00 Europe/Berlin", "2026-03-29T02:30:00+01:00", True, "2026-03-29T06:00:00+02:00"),
    ],
)
def test_inside_and_until_when(window: str, at: str, inside: bool, turns: str) -> None:
    """Whether the window is open, and when that turns next: over the week's end, over midnight, over summer time."""
    assert ask_window(read_window(window), micros(at)) == (inside, micros(turns))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Fri",
        "Fri 18:00 - Mon 08:00",
        "Fri 18:00 - Mon 08:00 Moon",
        "Fre 18:00 - Mon 08:00 UTC",
        "24:00 - 06:00 UTC",
    ],
)
def test_what_is_no_window(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(BadWindow):
        read_window(text)


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_any_instant_has_an_answer(now: int) -> None:
    """No instant raises, and what turns lies ahead."""
    _, turns = ask_window(read_window(WEEKEND), now)

    assert turns is None or turns > now
