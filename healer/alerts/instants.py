"""When does a sender say something was? RFC 3339 as Prometheus and Alertmanager write it, to microseconds. Pure."""

from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from healer.times import Micros, from_datetime

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2201, 1, 1, tzinfo=UTC)
_ZERO = datetime(1, 1, 1, tzinfo=UTC)
"""Go's zero time, by which both servers say "none"."""

REMEMBERED = 4096
"""Texts kept with their instants: the alerts of a batch share a few."""


class BadTime(ValueError):
    """A text that is no instant healer takes; the message says what to write."""


@lru_cache(REMEMBERED)
def read_instant(text: str) -> Micros:
    """The instant, or 0 for none (an empty text, or the zero time). Nanoseconds are rounded to microseconds.

    Raises BadTime for anything but RFC 3339 with an offset within 1970 to 2200.
    """
    if not text:
        return 0
    try:
        moment = msgspec.convert(text, type=datetime)
    except msgspec.ValidationError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadTime(f"{text[:64]!r} is no time: write RFC 3339 with an offset, like 2026-01-07T10:00:00Z")
    if moment == _ZERO:
        return 0
    if not EARLIEST <= moment < LATEST:
        raise BadTime(f"{text[:64]!r} is outside 1970 to 2200 (0001-01-01T00:00:00Z means none)")
    return from_datetime(moment)
