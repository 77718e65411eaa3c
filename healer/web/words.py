"""A person's word into the journal: durable when it returns, and, as a rule, in force.

Used by the handlers of silences and maintenance.
"""

import asyncio
from typing import TypeVar

from healer.alerts.instants import BadTime, read_instant
from healer.alerts.matchers import MatcherError, parse_matchers
from healer.alerts.silences import SilenceMatcher
from healer.journey.ports import Arrival, StoreUnavailable
from healer.journey.records import Record
from healer.times import SECOND, Micros, parse_duration
from healer.web.ports import Service

T = TypeVar("T")

NAMES = {"for_": "for", "starts_at": "startsAt", "ends_at": "endsAt", "created_by": "createdBy"}
"""Fields of orders as the API writes them."""

Wrong = list[tuple[str, str]]
"""Fields of an order, each with the sentence that says what is wrong with it."""


async def say(service: Service, record: Record) -> int:
    """Its position in the journal, after the engine (with luck) has heard of it. Raises StoreUnavailable."""
    try:
        async with asyncio.timeout(service.bounds.store / SECOND):
            ((position, _),) = await service.journal.append([Arrival(record)])
    except TimeoutError:
        waited = f"it did not answer within {service.bounds.store // SECOND} s"
        raise StoreUnavailable(waited, ambiguous=True) from None
    await service.view.settled()
    return position


def instant(text: str, field: str, wrong: Wrong) -> Micros:
    """The time that is meant; 0 for none."""
    try:
        return read_instant(text)
    except BadTime as error:
        wrong.append((field, str(error)))
        return 0


def duration(text: str, field: str, wrong: Wrong) -> Micros:
    """The duration that is meant; 0 for none."""
    try:
        return parse_duration(text) if text else 0
    except ValueError as error:
        wrong.append((field, str(error)))
        return 0


def matchers(texts: list[str], wrong: Wrong) -> tuple[SilenceMatcher, ...]:
    """Matchers as people write them: `job="node"`."""
    found: list[SilenceMatcher] = []
    for number, text in enumerate(texts):
        try:
            found += [SilenceMatcher(m.name, m.value, m.is_regex, m.is_equal) for m in parse_matchers(text)]
        except MatcherError as error:
            wrong.append((f"matchers/{number}", str(error)))
    return tuple(found)
