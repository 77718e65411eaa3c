"""A person's word that somebody works on a node: its alerts are not spoken of, and nothing is repaired there, until it ends.

It chooses alerts by a node (with `below`, and everything beneath it) or by matchers, once or again and again. Journalled by
`healer.web.maintenance`, judged by `healer.convergence`, heeded by `healer.remediation`. Pure.
"""

from typing import Literal

import msgspec

from healer.alerts.schedule import BadSchedule, last_start, next_start, parse_schedule, parse_zone
from healer.alerts.silences import SilenceMatcher, too_long, wrong_matchers
from healer.times import DAY, Micros, format_duration

MAX_LENGTH: Micros = 30 * DAY
"""Of one that happens once. What is out of service for longer is better taken out of monitoring."""
MAX_OCCURRENCE: Micros = 7 * DAY
"""Of each time that a recurring one happens."""
MAX_KEPT = 1_000

State = Literal["pending", "active", "expired"]


class Maintenance(msgspec.Struct, frozen=True):
    """Who works where, and when. Of a recurring one `schedule` says when each occurrence begins in `zone`, and `lasts` how
    long it is; `starts_at` and `ends_at` then bound them all (0: no bound)."""

    id: str
    created_by: str
    comment: str
    starts_at: Micros
    ends_at: Micros
    node: str = ""
    below: bool = False
    matchers: tuple[SilenceMatcher, ...] = ()
    schedule: str = ""
    zone: str = ""
    lasts: Micros = 0
    updated_at: Micros = 0
    extended_to: Micros = 0
    """Of a recurring one: the occurrence that was under way goes on until then."""

    @property
    def what(self) -> str:
        """What it is about, as people write it."""
        if self.node:
            return f"{self.node} and everything beneath it" if self.below else self.node
        return ", ".join(str(one.ready()) for one in self.matchers)


def occurrence(one: Maintenance, now: Micros) -> tuple[Micros, Micros] | None:
    """Begin and end of the occurrence that is under way at `now`."""
    if not one.schedule:
        return (one.starts_at, one.ends_at) if one.starts_at <= now < one.ends_at else None
    start = last_start(one.schedule, one.zone, now, max(one.lasts, MAX_OCCURRENCE))
    if start is None or start < one.starts_at or (one.ends_at and now >= one.ends_at):
        return None
    end = max(start + one.lasts, one.extended_to if now < one.extended_to else 0)
    if one.ends_at:
        end = min(end, one.ends_at)
    return (start, end) if now < end else None


def next_turn(one: Maintenance, now: Micros) -> Micros | None:
    """When, after `now`, an occurrence begins or ends next; None when nothing of it is to come."""
    under_way = occurrence(one, now)
    if under_way is not None:
        return under_way[1]
    if not one.schedule:
        return one.starts_at if now < one.starts_at else None
    start = next_start(one.schedule, one.zone, max(now, one.starts_at - 1))
    return None if start is None or (one.ends_at and start >= one.ends_at) else start


def state(one: Maintenance, now: Micros) -> State:
    """Where it stands: a recurring one is pending between its occurrences."""
    if occurrence(one, now) is not None:
        return "active"
    return "expired" if next_turn(one, now) is None else "pending"


def ended(one: Maintenance, now: Micros) -> Maintenance:
    """The same, over at `now`, with all that was to come of it."""
    if state(one, now) == "expired":
        return one
    return msgspec.structs.replace(one, starts_at=min(one.starts_at, now), ends_at=now, updated_at=now)


def extended(one: Maintenance, until: Micros, now: Micros) -> Maintenance:
    """The same, the occurrence under way (or, of one that happens once, the one to come) ending at `until`. What is over stays
    so: between two occurrences there is none to prolong."""
    if state(one, now) == "expired" or (one.schedule and occurrence(one, now) is None):
        return one
    if one.schedule:
        return msgspec.structs.replace(one, extended_to=until, updated_at=now)
    return msgspec.structs.replace(one, ends_at=until, updated_at=now)


def wrong(one: Maintenance, now: Micros) -> list[tuple[str, str]]:
    """What is wrong with one that a person says: field of the API, sentence. The node is looked up by whoever knows nodes."""
    found = too_long(createdBy=one.created_by, comment=one.comment)
    found += [(name, "who says so, and why, is part of it") for name in _missing(one)]
    if bool(one.node) is bool(one.matchers):
        found.append(("node", "a node, or matchers: one of both"))
    elif one.matchers:
        found += wrong_matchers(one.matchers)
        if one.below:
            found.append(("below", "needs a node: with matchers nothing says what is beneath"))
    return found + (_wrong_schedule(one, now) if one.schedule else wrong_interval(one, now))


def wrong_interval(one: Maintenance, now: Micros) -> list[tuple[str, str]]:
    """What is wrong with the time of one that happens once."""
    length = one.ends_at - one.starts_at
    if length <= 0:
        return [("endsAt", "it ends before it begins")]
    if one.ends_at <= now:
        return [("endsAt", "it is over already")]
    if length > MAX_LENGTH:
        longest = format_duration(MAX_LENGTH)
        return [
            (
                "endsAt",
                f"it lasts {format_duration(length)}: at most {longest}; what is away for longer is better not monitored",
            )
        ]
    return []


def _wrong_schedule(one: Maintenance, now: Micros) -> list[tuple[str, str]]:
    found = []
    for field, text, read in (("schedule", one.schedule, parse_schedule), ("zone", one.zone, parse_zone)):
        try:
            read(text)
        except BadSchedule as error:
            found.append((field, str(error)))
    if not 0 < one.lasts <= MAX_OCCURRENCE:
        longest = format_duration(MAX_OCCURRENCE)
        found.append(("for", f"each time may last at most {longest}, and longer than nothing"))
    if one.ends_at and one.ends_at <= max(one.starts_at, now):
        found.append(("endsAt", "it ends before it begins, or is over already"))
    if not found and next_turn(one, now) is None:
        found.append(("schedule", f"{one.schedule!r} never comes"))
    return found


def _missing(one: Maintenance) -> list[str]:
    return [name for name, text in (("createdBy", one.created_by), ("comment", one.comment)) if not text.strip()]
