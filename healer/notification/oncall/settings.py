"""What people may set about who is on call, and who is next when nobody answers. Assembled by `healer.settings`."""

from typing import Annotated, ClassVar, Literal

import msgspec

from healer.documents.fields import OR_TEXT, Duration, PathText, Secret
from healer.notification.oncall.turns import read_moment
from healer.notification.settings import check_hours, check_zone
from healer.times import DAY, HOUR, MINUTE, Micros, parse_duration

MAX_PEOPLE = 1_000
"""In all, and in one rotation."""
MAX_RUNGS = 20
"""Steps of one escalation."""
MAX_REPEAT = 10
LONGEST_TURN: Micros = 366 * DAY
WORDS: dict[str, Micros] = {"daily": DAY, "weekly": 7 * DAY}


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who can be on call. A plain list is the channels."""

    short: ClassVar[tuple[str, ...]] = ("channels",)

    channels: tuple[str, ...]
    """The channels that reach this person; all of them are told."""
    also: tuple[str, ...] = ()
    """Other names in calendars: a full name, a mail address."""

    def __post_init__(self) -> None:
        if not self.channels:
            raise ValueError("expected at least one channel: nobody could be called", "channels")


class Layer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rotation: people who take over from one another."""

    people: tuple[str, ...]
    """Names of people, or of channels, in the order of their turns; then from the beginning."""
    since: str = msgspec.field(name="from")
    """When the first of them takes over first, in the zone of the schedule: `2026-01-05 09:00`; the others follow at its hour."""
    every: str = "weekly"
    """How long a turn is: `daily`, `weekly`, or a duration of whole hours or days such as `12h` or `3d`."""
    hours: tuple[str, ...] = ()
    """When somebody is on call at all, such as `mon-fri 09:00-18:00`; none is always."""
    holidays: Literal["too", "not", "only"] = "too"
    """Whether it goes on on holidays: `too`, `not` then, or `only` then."""

    def __post_init__(self) -> None:
        if not 0 < len(self.people) <= MAX_PEOPLE:
            raise ValueError(f"expected between 1 and {MAX_PEOPLE} names", "people")
        check_moment(self.since, "from")
        check_hours(self.hours, "hours")
        try:
            length = self.turn
        except ValueError:
            length = 0
        if not HOUR <= length <= LONGEST_TURN or length % HOUR:
            raise ValueError(f"{self.every!r} is no length of a turn: write daily, weekly, 12h or 3d", "every")

    @property
    def turn(self) -> Micros:
        """How long a turn is, by the clock on the wall. Raises ValueError."""
        return WORDS.get(self.every) or parse_duration(self.every)


class Override(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody else for a while."""

    people: tuple[str, ...]
    """Who is on call then, all of them; an empty list says: nobody."""
    since: str = msgspec.field(name="from")
    """From when, in the schedule's zone: `2026-12-24 18:00`."""
    to: str
    """Until when: `2026-12-27 09:00`."""

    def __post_init__(self) -> None:
        check_moment(self.since, "from")
        check_moment(self.to, "to")
        if read_moment(self.to) <= read_moment(self.since):
            raise ValueError("is not after from", "to")


class Ical(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A calendar that says who is on call: iCalendar, as Google, PagerDuty, Opsgenie and Grafana export it."""

    file: PathText | None = None
    """A file; read when the configuration is."""
    url: Annotated[Secret, OR_TEXT] | None = None
    """Or where it is published; plain, or a secret."""
    every: Duration = 15 * MINUTE
    """Between two looks at `url`. While it cannot be read, what it said last counts."""

    def __post_init__(self) -> None:
        if (self.file is None) is (self.url is None):
            raise ValueError("give a file or a url")
        if self.every < MINUTE:
            raise ValueError("expected at least 1m", "every")


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is on call when: overrides first, then the calendar, then the first layer that has somebody."""

    zone: str = "UTC"
    """The time zone of all its times, such as Asia/Shanghai, with its summer time."""
    layers: tuple[Layer, ...] = ()
    """Rotations; the first that has somebody says who."""
    overrides: tuple[Override, ...] = ()
    """Exceptions; of several at the same time the first counts."""
    holidays: tuple[str, ...] = ()
    """Days such as `2026-12-25`, and names of `calendars`: when layers with `holidays: not` rest."""
    ical: Ical | None = None
    """A calendar from elsewhere."""

    def __post_init__(self) -> None:
        check_zone(self.zone, "zone")


class Rung(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of an escalation."""

    tell: tuple[str, ...]
    """Names of schedules, people or channels: all are called."""
    after: Duration = 0
    """How long after the step before, without an acknowledgement; of the first step: after the incident was told."""

    def __post_init__(self) -> None:
        if not self.tell:
            raise ValueError("expected at least one schedule, person or channel", "tell")


class Escalation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is called, and who is next when nobody acknowledges."""

    steps: tuple[Rung, ...]
    """One after the other, until somebody acknowledges the incident, silences it, or it is over."""
    repeat: Annotated[int, msgspec.Meta(ge=0, le=MAX_REPEAT)] = 0
    """How often all steps are gone through again."""
    wait: Duration = 15 * MINUTE
    """After the last step: before they are gone through again, and before nobody is left to be called."""

    def __post_init__(self) -> None:
        if not 0 < len(self.steps) <= MAX_RUNGS:
            raise ValueError(f"expected between 1 and {MAX_RUNGS} steps", "steps")
        for place, step in enumerate(self.steps):
            if place and step.after < MINUTE:
                raise ValueError("expected at least 1m: who was called needs time to answer", "steps", place, "after")
        if self.wait < MINUTE:
            raise ValueError("expected at least 1m", "wait")

    @property
    def calls(self) -> int:
        """How many steps there are with all repetitions."""
        return len(self.steps) * (1 + self.repeat)


class Oncall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is on call, and who is next when nobody answers."""

    people: dict[str, Person] = {}
    """Who can be on call, by a name of your choice."""
    schedules: dict[str, Schedule] = {}
    """Who is on call when, by a name of your choice: routes and escalations may name it like a channel."""
    escalations: dict[str, Escalation] = {}
    """What routes name under `escalate`."""


def check_moment(text: str, key: str) -> None:
    """Raises ValueError, for this key, where it cannot be read."""
    try:
        read_moment(text)
    except ValueError as error:
        raise ValueError(str(error), key) from None
