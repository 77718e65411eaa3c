"""Who is on call, as far as no part of the settings can check it alone: names of people, schedules and channels. Also reads the
calendars that are files.

Called while settings are loaded, and by `healer.bootstrap.plan`, which puts the turns into what decides.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath

import msgspec

from healer.documents.document import Document
from healer.documents.problems import Path, Problem
from healer.notification.oncall.ical import read_ical
from healer.notification.oncall.ical_lines import BadCalendar
from healer.notification.oncall.settings import Layer, Oncall, Override
from healer.notification.oncall.turns import Shift, read_moment
from healer.settings.model import Settings

EVERYBODY = "schedule, person or channel"


def wrong_names(document: Document, settings: Settings) -> Iterator[Problem]:
    """What is named and is not there, or is there twice."""
    oncall, channels = settings.oncall, settings.channels
    for kind, names in (("people", oncall.people), ("schedules", oncall.schedules)):
        for name in names:
            if name in channels or (kind == "schedules" and name in oncall.people):
                other = "a channel" if name in channels else "one of the people"
                message = f"{name} is {other} as well: routes and escalations name both, so give it a name of its own"
                yield document.problem(("oncall", kind, name), message, at_key=True)
    for place, name, known, what in _named(settings):
        if name not in known:
            listed = "channels" if what == "channel" else "there are"
            there = ", ".join(dict.fromkeys(known)) or "none"
            yield document.problem(place, f"no {what} is called {name!r}; {listed}: {there}")
    for name, schedule in oncall.schedules.items():
        if not schedule.layers and not schedule.overrides and schedule.ical is None:
            yield document.problem(("oncall", "schedules", name), "nobody is ever on call here: give layers, or ical")
        for at, day in enumerate(schedule.holidays):
            if day not in settings.calendars and not _is_day(day):
                there = ", ".join(settings.calendars) or "none"
                message = f"{day!r} is neither a day such as 2026-12-25 nor one of calendars: {there}"
                yield document.problem(("oncall", "schedules", name, "holidays", at), message)
        if schedule.ical is not None and schedule.ical.file is not None:
            try:
                read_file(schedule.ical.file, schedule.zone, oncall)
            except BadCalendar as error:
                yield document.problem(("oncall", "schedules", name, "ical", "file"), str(error))


def _named(settings: Settings) -> Iterator[tuple[Path, str, tuple[str, ...], str]]:
    """Every name, with its place, those that it may be, and what they are."""
    oncall, channels = settings.oncall, tuple(settings.channels)
    people, everybody = (*oncall.people, *channels), (*oncall.schedules, *oncall.people, *channels)
    anybody, anybody_is = (everybody, EVERYBODY) if len(everybody) > len(channels) else (channels, "channel")
    for index, route in enumerate(settings.routes):
        for at, name in enumerate(route.channels):
            yield ("routes", index, "channels", at), name, anybody, anybody_is
        for at, name in enumerate(route.escalate):
            yield ("routes", index, "escalate", at), name, tuple(oncall.escalations), "escalation"
    for who, person in oncall.people.items():
        for at, name in enumerate(person.channels):
            yield ("oncall", "people", who, "channels", at), name, channels, "channel"
    for which, schedule in oncall.schedules.items():
        turns: dict[str, Sequence[Layer | Override]] = {"layers": schedule.layers, "overrides": schedule.overrides}
        for kind, listed in turns.items():
            for number, turn in enumerate(listed):
                for at, name in enumerate(turn.people):
                    way = ("oncall", "schedules", which, kind, number, "people", at)
                    yield way, name, people, "person or channel"
    for which, escalation in oncall.escalations.items():
        for number, rung in enumerate(escalation.steps):
            for at, name in enumerate(rung.tell):
                yield ("oncall", "escalations", which, "steps", number, "tell", at), name, everybody, EVERYBODY


def _is_day(text: str) -> bool:
    try:
        read_moment(text)
    except ValueError:
        return False
    return len(text) == len("2026-12-25")


def read_file(file: str, zone: str, oncall: Oncall) -> tuple[Shift, ...]:
    """The turns that a file says. Raises BadCalendar."""
    try:
        content = FilePath(file).read_bytes()
    except OSError as error:
        raise BadCalendar(f"{file} cannot be read: {error.strerror}") from None
    try:
        return read_ical(content, zone, oncall.people)
    except BadCalendar as error:
        raise BadCalendar(f"{file}: {error}") from None


def shifts_of_files(oncall: Oncall) -> dict[str, tuple[Shift, ...]]:
    """By schedule, the turns of its file. Raises BadCalendar."""
    return {
        name: read_file(schedule.ical.file, schedule.zone, oncall)
        for name, schedule in oncall.schedules.items()
        if schedule.ical is not None and schedule.ical.file is not None
    }


def followed(oncall: Oncall) -> tuple[str, ...]:
    """The schedules whose calendar is asked for again and again."""
    return tuple(name for name, one in oncall.schedules.items() if one.ical is not None and one.ical.url is not None)


def without_places(oncall: Oncall) -> Oncall:
    """The same without where calendars are, which may be secret: what decides is what they say."""
    bare = {name: msgspec.structs.replace(schedule, ical=None) for name, schedule in oncall.schedules.items()}
    return msgspec.structs.replace(oncall, schedules=bare)
