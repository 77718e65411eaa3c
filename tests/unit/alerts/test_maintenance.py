"""Maintenance as a value: when it holds, when it turns next, what is wrong with one."""

from typing import Any

import msgspec
import pytest

from healer.alerts.maintenance import MAX_LENGTH, Maintenance, ended, extended, next_turn, occurrence, state, wrong
from healer.alerts.silences import SilenceMatcher
from healer.times import DAY, HOUR, MINUTE

NOW = 1_767_780_000_000_000
"""2026-01-07T10:00:00Z, a Wednesday."""
ONCE = Maintenance("m", "jo", "new disks", NOW, NOW + HOUR, "host/a")
WEEKLY = Maintenance("w", "jo", "reinstall", 0, 0, "host/a", schedule="Wed 11:00", zone="UTC", lasts=2 * HOUR)


def test_once() -> None:
    """It holds from its beginning to right before its end, and turns at both."""
    assert [state(ONCE, NOW + at) for at in (-1, 0, HOUR - 1, HOUR)] == ["pending", "active", "active", "expired"]
    assert [next_turn(ONCE, NOW + at) for at in (-1, 0, HOUR)] == [NOW, NOW + HOUR, None]


def test_weekly() -> None:
    """Each occurrence lasts as long as it says; between them it is pending, until its own last end."""
    begin = NOW + HOUR
    assert [occurrence(WEEKLY, begin + at) for at in (-1, 0, 2 * HOUR)] == [None, (begin, begin + 2 * HOUR), None]
    assert [next_turn(WEEKLY, begin + at) for at in (-1, 0, 2 * HOUR)] == [begin, begin + 2 * HOUR, begin + 7 * DAY]
    bounded = msgspec.structs.replace(WEEKLY, starts_at=begin + 1, ends_at=begin + 7 * DAY + HOUR)
    assert occurrence(bounded, begin + 2) is None, "it began before this one counts"
    assert occurrence(bounded, begin + 7 * DAY) == (begin + 7 * DAY, begin + 7 * DAY + HOUR)
    assert state(bounded, begin + 7 * DAY + HOUR) == "expired"


def test_longer_and_over() -> None:
    """Extended, the occurrence that is under way ends later and the next as ever; ended, none comes any more."""
    begin = NOW + HOUR
    longer = extended(WEEKLY, begin + 5 * HOUR, begin + HOUR)
    assert occurrence(longer, begin + 4 * HOUR) == (begin, begin + 5 * HOUR)
    assert occurrence(longer, begin + 7 * DAY) == (begin + 7 * DAY, begin + 7 * DAY + 2 * HOUR)
    assert state(ended(WEEKLY, begin + HOUR), begin + HOUR) == "expired"
    over = ended(ONCE, NOW + MINUTE)
    assert (over.ends_at, state(over, NOW + MINUTE)) == (NOW + MINUTE, "expired")
    assert ended(over, NOW + HOUR) is over


@pytest.mark.parametrize(
    ("of", "changes", "field", "why"),
    [
        (ONCE, {"ends_at": NOW}, "endsAt", "it ends before it begins"),
        (ONCE, {"starts_at": NOW - DAY, "ends_at": NOW - HOUR}, "endsAt", "it is over already"),
        (ONCE, {"ends_at": NOW + MAX_LENGTH + 1}, "endsAt", "at most 4w2d"),
        (ONCE, {"node": ""}, "node", "a node, or matchers: one of both"),
        (
            ONCE,
            {"node": "", "matchers": (SilenceMatcher("a", ".*", is_regex=True),)},
            "matchers",
            "must not match the empty",
        ),
        (ONCE, {"node": "", "matchers": (SilenceMatcher("a", "("),), "below": True}, "below", "needs a node"),
        (ONCE, {"comment": " "}, "comment", "is part of it"),
        (ONCE, {"created_by": ""}, "createdBy", "is part of it"),
        (WEEKLY, {"schedule": "whenever"}, "schedule", "is no schedule"),
        (WEEKLY, {"zone": "Berlin"}, "zone", "is no time zone"),
        (WEEKLY, {"lasts": 0}, "for", "each time may last at most 1w"),
        (WEEKLY, {"lasts": 8 * DAY}, "for", "each time may last at most 1w"),
        (WEEKLY, {"schedule": "0 0 30 2 *"}, "schedule", "never comes"),
        (WEEKLY, {"ends_at": NOW}, "endsAt", "is over already"),
    ],
)
def test_wrong(of: Maintenance, changes: dict[str, Any], field: str, why: str) -> None:
    """What cannot be taken says which field, and what would be right."""
    assert wrong(of, NOW) == []
    (found,) = wrong(msgspec.structs.replace(of, **changes), NOW)
    assert found[0] == field
    assert why in found[1]
