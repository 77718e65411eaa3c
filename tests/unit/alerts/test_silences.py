"""Alertmanager's rules for a silence: where it stands, what may be changed in place, what is refused."""

from typing import Any

import msgspec
import pytest

from healer.alerts.silences import MAX_MATCHERS, Silence, SilenceMatcher, can_update, expired, identify, state, wrong
from healer.times import HOUR, MINUTE, SECOND

NOW = 1_767_780_000_000_000
HOST = SilenceMatcher("host", "a")
ACTIVE = Silence("s", "healer", (HOST,), NOW - HOUR, NOW + HOUR, "jo", "new disks")
PENDING = Silence("s", "healer", (HOST,), NOW + MINUTE, NOW + HOUR, "jo", "new disks")
OVER = Silence("s", "healer", (HOST,), NOW - HOUR, NOW - MINUTE, "jo", "new disks")


def test_states() -> None:
    """It holds from its start, and no longer at its end."""
    assert [state(one, NOW) for one in (PENDING, ACTIVE, OVER)] == ["pending", "active", "expired"]
    assert (state(ACTIVE, ACTIVE.starts_at), state(ACTIVE, ACTIVE.ends_at)) == ("active", "expired")


@pytest.mark.parametrize(
    ("known", "changes", "in_place"),
    [
        (ACTIVE, {"comment": "more", "ends_at": NOW + 9 * HOUR}, True),
        (ACTIVE, {"starts_at": ACTIVE.starts_at + SECOND - 1}, True),
        (ACTIVE, {"starts_at": ACTIVE.starts_at + SECOND}, False),
        (ACTIVE, {"ends_at": NOW - 1}, False),
        (ACTIVE, {"matchers": (HOST, SilenceMatcher("job", "node"))}, False),
        (ACTIVE, {"matchers": (SilenceMatcher("host", "a", is_equal=False),)}, False),
        (PENDING, {"starts_at": NOW}, True),
        (PENDING, {"starts_at": NOW - 1}, False),
        (OVER, {"ends_at": NOW + HOUR}, False),
    ],
)
def test_update(known: Silence, changes: dict[str, Any], in_place: bool) -> None:
    """Comment and end may change; other matchers, or another beginning, are another silence; what is over stays over."""
    assert can_update(known, msgspec.structs.replace(known, **changes), NOW) is in_place


def test_expire() -> None:
    """An active one ends now, a pending one never begins, and one that is over keeps its history."""
    assert (expired(ACTIVE, NOW).starts_at, expired(ACTIVE, NOW).ends_at) == (ACTIVE.starts_at, NOW)
    assert (expired(PENDING, NOW).starts_at, expired(PENDING, NOW).ends_at) == (NOW, NOW)
    assert expired(OVER, NOW) is OVER


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"matchers": ()}, "matchers", "at least one matcher required"),
        ({"matchers": (SilenceMatcher("a", ""),)}, "matchers", "must not match the empty string"),
        ({"matchers": (SilenceMatcher("a", ".*", is_regex=True),)}, "matchers", "must not match the empty string"),
        ({"matchers": (SilenceMatcher("a", "(", is_regex=True),)}, "matchers/0", "is no regular expression"),
        ({"matchers": (SilenceMatcher("", "x"),)}, "matchers/0", "needs the name of a label"),
        ({"matchers": (HOST,) * (MAX_MATCHERS + 1)}, "matchers", "at most 64 are taken"),
        ({"ends_at": ACTIVE.starts_at}, "endsAt", "start time must be before end time"),
        ({"ends_at": NOW - 1}, "endsAt", "end time can't be in the past"),
        ({"comment": "x" * 5_000}, "comment", "at most 4096"),
    ],
)
def test_wrong(changes: dict[str, Any], field: str, why: str) -> None:
    """What Alertmanager refuses is refused, in its words where it has any."""
    assert wrong(ACTIVE, NOW) == []
    (found,) = wrong(msgspec.structs.replace(ACTIVE, **changes), NOW)
    assert found[0] == field
    assert why in found[1]


def test_a_negative_matcher_is_enough() -> None:
    """`severity!=""` and `severity!="info"` do not match everything, so Alertmanager takes them alone."""
    for value in ("", "info"):
        one = SilenceMatcher("severity", value, is_equal=False)
        assert wrong(msgspec.structs.replace(ACTIVE, matchers=(one,)), NOW) == []


def test_ids() -> None:
    """An id follows from the journal alone, and has the form of a UUID."""
    assert identify("here", 7) == identify("here", 7)
    assert len({identify("here", 7), identify("there", 7), identify("here", 8)}) == 3
    assert [len(part) for part in identify("here", 7).split("-")] == [8, 4, 4, 4, 12]
