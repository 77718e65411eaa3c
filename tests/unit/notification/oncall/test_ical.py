"""Calendars of other systems say who is on call, and what healer does not understand it refuses."""

import contextlib
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healer.notification.oncall.ical import read_ical
from healer.notification.oncall.ical_lines import BadCalendar
from healer.notification.oncall.settings import Person
from healer.notification.oncall.turns import Shift, on_now
from healer.times import Micros, from_datetime

BERLIN = "Europe/Berlin"
PEOPLE = {
    "ann": Person(channels=("ann-sms",), also=("Ann Smith", "ann@example.org")),
    "bo": Person(channels=("bo-sms",)),
}
WEEK = """BEGIN:VEVENT
UID:1
DTSTART;TZID=Europe/Berlin:20260105T090000
DTEND;TZID=Europe/Berlin:20260112T090000
SUMMARY:On Call - Ann Smith - Primary
END:VEVENT"""


def calendar(*events: str) -> bytes:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *"\n".join(events).split("\n"), "END:VCALENDAR", ""]).encode()


def event(start: str, end: str, *more: str, who: str = "Ann Smith", uid: str = "1") -> str:
    return "\n".join(
        ["BEGIN:VEVENT", f"UID:{uid}", f"DTSTART{start}", f"DTEND{end}", f"SUMMARY:{who}", *more, "END:VEVENT"]
    )


def read(*events: str) -> tuple[Shift, ...]:
    return read_ical(calendar(*events), BERLIN, PEOPLE)


def at(text: str, zone: str = BERLIN) -> Micros:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def who(shifts: tuple[Shift, ...], *times: str) -> list[str]:
    return [",".join(shift.who for shift in shifts if on_now(shift, at(one))) for one in times]


def test_an_event_is_a_turn() -> None:
    """In its zone, from its beginning up to its end, of whoever its summary names."""
    found = read(WEEK)
    assert who(found, "2026-01-05 08:59", "2026-01-05 09:00", "2026-01-12 08:59", "2026-01-12 09:00") == [
        "",
        "ann",
        "ann",
        "",
    ]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (":20260105T080000Z", ":20260105T160000Z"),
        (":20260105T090000", ":20260105T170000"),
        (";TZID=America/New_York:20260105T030000", ";TZID=Asia/Shanghai:20260106T000000"),
    ],
)
def test_times_are_in_utc_in_a_zone_or_in_that_of_the_schedule(start: str, end: str) -> None:
    """All of these are from nine to five in Berlin."""
    found = read(event(start, end))
    assert who(found, "2026-01-05 08:59", "2026-01-05 09:00", "2026-01-05 16:59", "2026-01-05 17:00") == [
        "",
        "ann",
        "ann",
        "",
    ]


def test_a_day_is_a_day_of_the_zone() -> None:
    """Also without an end, and for a length."""
    days = ("2026-01-04 23:59", "2026-01-05 00:00", "2026-01-05 23:59", "2026-01-06 00:00")
    whole = "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260105\nSUMMARY:bo\nEND:VEVENT"
    assert who(read(whole), *days) == ["", "bo", "bo", ""]
    assert who(read(whole.replace("SUMMARY", "DURATION:P2D\nSUMMARY")), *days) == ["", "bo", "bo", "bo"]


def test_it_comes_again() -> None:
    """Each second week, also when clocks changed in between, and not where it is left out, moved or cancelled."""
    series = event(
        ";TZID=Europe/Berlin:20260302T090000",
        ";TZID=Europe/Berlin:20260309T090000",
        "RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20260501T000000Z",
        "EXDATE;TZID=Europe/Berlin:20260330T090000",
    )
    moved = event(":20260420T070000Z", ":20260421T070000Z", "RECURRENCE-ID;TZID=Europe/Berlin:20260413T090000")
    cancelled = event(":20260427T070000Z", ":20260504T070000Z", "RECURRENCE-ID:20260427T070000Z", "STATUS:CANCELLED")
    times = (
        "03-02 09:00",
        "03-09 09:00",
        "03-16 09:00",
        "03-30 09:00",
        "04-13 09:00",
        "04-20 09:00",
        "04-27 09:00",
        "05-11 09:00",
    )
    assert who(read(series, moved, cancelled), *(f"2026-{one}" for one in times)) == [
        "ann",
        "",
        "ann",
        "",
        "",
        "ann",
        "",
        "",
    ]


def test_days_of_the_week_and_counts() -> None:
    """Monday, Wednesday and Friday, five times in all."""
    found = read(event(":20260107T090000", ":20260107T100000", "RRULE:FREQ=WEEKLY;BYDAY=FR,MO,WE;COUNT=5;WKST=SU"))
    days = [f"2026-01-{day:02} 09:30" for day in range(5, 24)]
    on = [day[8:10] for day, one in zip(days, who(found, *days), strict=True) if one]
    assert on == ["07", "09", "12", "14", "16"]


def test_whoever_is_invited_is_on_call() -> None:
    """By address or by name; else whoever the summary names, and if it names nobody here, itself."""
    day = (":20260105T090000", ":20260105T170000")
    invited = event(*day, 'ATTENDEE;CN="Somebody";ROLE=CHAIR:mailto:ANN@example.org', who="Primary")
    both = event(*day, who="bo and Ann Smith")
    stranger = event(*day, who="Primary: Jo\\, Bohr")
    found = [sorted(shift.who for shift in read(one)) for one in (invited, both, stranger)]
    assert found == [["ann"], ["ann", "bo"], ["Primary: Jo, Bohr"]]


def test_long_lines_are_folded_and_alarms_are_not_events() -> None:
    """As RFC 5545 has it."""
    folded = WEEK.replace("On Call - Ann Smith", "On Call - An\n n Smith").replace(
        "END:VEVENT", "BEGIN:VALARM\nDTSTART:nonsense\nEND:VALARM\nEND:VEVENT"
    )
    assert read(folded) == read(WEEK)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("RRULE:FREQ=MONTHLY", r"line 7: RRULE: FREQ=MONTHLY is not understood"),
        ("RRULE:FREQ=WEEKLY;BYSETPOS=1", "BYSETPOS is not understood"),
        ("RRULE:FREQ=WEEKLY;BYDAY=1MO", "day '1MO' is not understood"),
        ("RRULE:FREQ=WEEKLY;BYDAY=TU", "which is none of its days"),
        ("RRULE:FREQ=DAILY;BYDAY=MO", "DAILY with BYDAY is not understood"),
        ("RRULE:FREQ=DAILY", "begins again before it ends"),
        ("RRULE:FREQ=WEEKLY;COUNT=0", "no number from 1"),
        ("RDATE:20260106T090000Z", "RDATE: this kind of repetition"),
        ("RECURRENCE-ID;RANGE=THISANDFUTURE:20260105T090000Z", "RANGE is not understood"),
        ("EXDATE:tomorrow", "is no time"),
        ("DTSTART:20260105T090000Z", "twice in one event"),
        ("DTEND;TZID=Custom/Zone:20260105T090000", "twice in one event"),
    ],
)
def test_what_is_not_understood_is_refused(more: str, says: str) -> None:
    """With the line, and what is wrong there: a turn that is read otherwise would be the wrong person's."""
    with pytest.raises(BadCalendar, match=says):
        read(WEEK.replace("SUMMARY", f"{more}\nSUMMARY"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "nothing begins with BEGIN:VCALENDAR"),
        (b"<html>", "no line of an iCalendar"),
        (calendar(WEEK)[:-16], "it is cut off: VCALENDAR does not end"),
        (calendar(WEEK.replace("Europe/Berlin", "W. Europe Standard Time")), "is no time zone"),
        (calendar(WEEK.replace("DTSTART", "X-START")), "without DTSTART"),
        (calendar(event(":20260105T090000Z", ":20260105T090000Z")), "no end after its beginning"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_what_is_no_calendar_is_refused(content: bytes, says: str) -> None:
    """A page of a proxy, half a file, a zone of somebody's own."""
    with pytest.raises(BadCalendar, match=says):
        read_ical(content, BERLIN, PEOPLE)


@settings(max_examples=25)
@given(
    st.lists(
        st.sampled_from([*calendar(WEEK).decode().split("\r\n"), "RRULE:FREQ=WEEKLY", "EXDATE:", " ", ";;:", "\x00"])
    )
)
def test_no_lines_are_a_crash(lines: list[str]) -> None:
    """Whatever the order: it is read, or refused with a reason."""
    with contextlib.suppress(BadCalendar):
        assert len(read_ical("\n".join(lines).encode(), BERLIN, PEOPLE)) <= len(lines)
