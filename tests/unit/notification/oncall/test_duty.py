"""Who is on call: rotations, layers, overrides and holidays, by the clock on a wall."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from healer.notification.oncall.duty import Duty, next_change, on_duty
from healer.notification.oncall.settings import Layer, Override, Schedule
from healer.notification.oncall.turns import Shift, begun, instant, read_moment, wall
from healer.times import DAY, HOUR, MINUTE, Micros, from_datetime, to_datetime

BERLIN = "Europe/Berlin"
PEOPLE = ("ann", "bo", "cy")


def at(text: str, zone: str = BERLIN) -> Micros:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def weekly(**more: Any) -> Layer:
    return Layer(**{"people": PEOPLE, "since": "2026-01-05 09:00", **more})


def schedule(*layers: Layer, **more: Any) -> Schedule:
    return Schedule(zone=BERLIN, layers=layers or (weekly(),), **more)


def who(found: Schedule, text: str, **more: Any) -> str:
    return ",".join(on_duty(found, at(text), **more).people)


def test_turns_follow_one_another() -> None:
    """In the order of the list, from the hand-over on, and from the beginning again; before the first nobody is on call."""
    found = schedule()
    days = (
        "2026-01-05 08:59",
        "2026-01-05 09:00",
        "2026-01-12 08:59",
        "2026-01-12 09:00",
        "2026-01-19 09:00",
        "2026-01-26 09:00",
    )
    assert [who(found, day) for day in days] == ["", "ann", "ann", "bo", "cy", "ann"]


@pytest.mark.parametrize(
    ("every", "days"),
    [
        ("daily", ["ann", "bo", "cy", "ann"]),
        ("2d", ["ann", "ann", "bo", "bo"]),
        ("12h", ["ann", "cy", "bo", "ann"]),
    ],
)
def test_a_turn_is_as_long_as_it_says(every: str, days: list[str]) -> None:
    """A day, some days, or some hours."""
    found = schedule(weekly(every=every))
    assert [who(found, f"2026-01-0{day} 09:00") for day in (5, 6, 7, 8)] == days


def test_hand_overs_keep_their_hour_when_clocks_change() -> None:
    """At 09:00 on the wall in summer and in winter: one week has 167 hours, and one has 169."""
    found = schedule()
    for day in ("2026-03-30", "2026-10-26"):
        before, after = on_duty(found, at(f"{day} 08:59")), on_duty(found, at(f"{day} 09:00"))
        assert before != after
        change = next_change(found, at(f"{day} 08:00"))
        assert change is not None
        assert change.at == at(f"{day} 09:00")


def test_a_hand_over_that_clocks_jump_over_is_at_the_jump() -> None:
    """02:30 does not exist on that Sunday; one that is shown twice counts the first time, and is not taken back."""
    spring = schedule(weekly(since="2026-03-28 02:30", every="daily"))
    assert who(spring, "2026-03-29 01:59") == "ann"
    assert on_duty(spring, instant(read_moment("2026-03-29 02:30"), BERLIN)).people == ("bo",)
    autumn = schedule(weekly(since="2026-10-24 02:30", every="daily"))
    first = at("2026-10-25 02:30")
    seen = [on_duty(autumn, first + minutes * MINUTE).people[0] for minutes in (-1, 0, 29, 31, 59, 61)]
    assert seen == ["ann", "bo", "bo", "bo", "bo", "bo"]


@given(
    first=st.integers(0, 400 * 24).map(lambda hours: at("2026-01-01 00:00") // HOUR * HOUR + hours * HOUR),
    every=st.sampled_from([HOUR, 5 * HOUR, 12 * HOUR, DAY, 3 * DAY, 7 * DAY]),
    zone=st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai", "UTC"]),
    past=st.integers(-10, 20_000).map(lambda minutes: minutes * 17 * MINUTE),
)
@settings(max_examples=40)
@example(first=at("2026-10-24 00:30"), every=HOUR, zone=BERLIN, past=DAY)
def test_the_turn_under_way_is_the_last_that_began(first: Micros, every: Micros, zone: str, past: Micros) -> None:
    """Whatever clocks do: it began by now, the next one did not."""
    now = instant(first, zone) + past
    number = begun(first, every, zone, now)
    assert instant(first + (number + 1) * every, zone) > now
    assert number < 0 or instant(first + number * every, zone) <= now


def test_the_first_layer_that_has_somebody_says_who() -> None:
    """By day the first, and else the one below it."""
    found = schedule(weekly(hours=("mon-fri 09:00-18:00",)), weekly(people=("night",)))
    assert [who(found, f"2026-01-{day}") for day in ("05 12:00", "05 18:00", "10 12:00")] == ["ann", "night", "night"]
    assert on_duty(found, at("2026-01-05 18:00")).source == "layer 2"


def test_an_override_goes_before_everything() -> None:
    """For its time, several people at once, or nobody."""
    some = Override(people=("cy", "bo"), since="2026-01-06 12:00", to="2026-01-07 12:00")
    nobody = Override(people=(), since="2026-01-06 00:00", to="2026-01-08")
    found = schedule(overrides=(some, nobody))
    days = ("06 11:59", "06 12:00", "07 11:59", "07 12:00", "08 00:00")
    assert [who(found, f"2026-01-{day}") for day in days] == ["", "cy,bo", "cy,bo", "", "ann"]


def test_a_layer_may_rest_on_holidays_or_be_for_them() -> None:
    """On whole days of the schedule's zone, and in the entries of a calendar."""
    layers = (weekly(holidays="not"), weekly(people=("holiday",), holidays="only"))
    found = schedule(*layers, holidays=("2026-01-06", "company"))
    days = ("2026-01-05 23:59", "2026-01-06 00:00", "2026-01-06 23:59", "2026-01-07 00:00", "2026-01-08 12:00")
    party = {"company": ((at("2026-01-08 11:00"), at("2026-01-08 13:00")),)}
    assert [who(found, day, calendars=party) for day in days] == ["ann", "holiday", "holiday", "ann", "holiday"]
    change = next_change(found, at("2026-01-07 10:00"), calendars=party)
    assert change is not None
    assert (change.at, change.duty) == (at("2026-01-08 11:00"), Duty(("holiday",), "layer 2"))


def test_a_calendar_goes_before_layers() -> None:
    """Where it has nobody the layers say who."""
    turn = Shift("zoe", wall(at("2026-01-06 12:00"), BERLIN), 12 * HOUR, BERLIN)
    days = ("06 11:59", "06 12:00", "06 23:59", "07 00:00")
    assert [who(schedule(), f"2026-01-{day}", shifts=(turn,)) for day in days] == ["ann", "zoe", "zoe", "ann"]


@settings(max_examples=20)
@given(st.integers(0, 60 * 24).map(lambda hours: at("2026-02-20 00:00") + hours * HOUR))
def test_until_the_next_change_nothing_changes(now: Micros) -> None:
    """Whoever is said to be on call until then is, at every quarter of an hour in between, and not any more then."""
    found = schedule(
        weekly(every="daily", hours=("mon-fri 22:00-07:00",), holidays="not"),
        weekly(people=("day", "day", "other")),
        overrides=(Override(people=("x",), since="2026-03-29 01:30", to="2026-03-29 03:30"),),
        holidays=("2026-03-04",),
    )
    change = next_change(found, now)
    assert change is not None
    duty = on_duty(found, now)
    assert all(on_duty(found, one).people == duty.people for one in range(now, change.at, 15 * MINUTE))
    assert on_duty(found, change.at) == change.duty
    assert change.duty.people != duty.people


def test_without_a_hand_over_there_is_no_next() -> None:
    """One person for ever, or nobody in sight."""
    assert next_change(schedule(weekly(people=("ann",))), at("2026-02-01 00:00")) is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"every": "90m"}, "no length of a turn"),
        ({"every": "monthly"}, "no length of a turn"),
        ({"since": "2026-02-30 09:00"}, "no moment"),
        ({"people": ()}, "between 1 and"),
        ({"hours": ("25:00-26:00",)}, "not within a day"),
    ],
)
def test_what_is_no_rotation_is_refused(wrong: dict[str, Any], says: str) -> None:
    """With what would be right."""
    with pytest.raises(ValueError, match=says):
        weekly(**wrong)


def test_the_wall_is_what_clocks_show() -> None:
    """Also where an hour is shown twice: then it is the same for both."""
    first = at("2026-10-25 02:30")
    assert wall(first, BERLIN) == wall(first + HOUR, BERLIN) == read_moment("2026-10-25 02:30")
    assert to_datetime(instant(read_moment("2026-10-25 02:30"), BERLIN)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
