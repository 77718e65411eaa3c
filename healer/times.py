"""Instants and durations as integers, and the two ways people write them.

Numbers that decide are integers: every instant is microseconds since the Unix epoch (UTC), every duration is
microseconds. The alias says so wherever a value is declared. Used by every room; knows no clock.
"""

import re
from datetime import UTC, datetime, timedelta

Micros = int
"""Microseconds: of a duration, or since 1970-01-01T00:00:00Z."""

MILLISECOND: Micros = 1_000
SECOND: Micros = 1_000_000
MINUTE: Micros = 60 * SECOND
HOUR: Micros = 60 * MINUTE
DAY: Micros = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"w": 7 * DAY, "d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": MILLISECOND}
_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")


def parse_duration(text: str) -> Micros:
    """Read a duration as Prometheus writes it: `30s`, `1h30m`, units descending and each once. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        if text == "0":
            return 0
        raise ValueError(f"{text!r} is no duration: write 30s, 5m or 1h30m (units w d h m s ms, descending)")
    return sum(int(count) * unit for count, unit in zip(found.groups(), _UNITS.values(), strict=True) if count)


def format_duration(duration: Micros) -> str:
    """Write a duration in the fewest descending units: `1h30m`; `0s` for none."""
    if duration < 0:
        return "-" + format_duration(-duration)
    parts = []
    for name, unit in _UNITS.items():
        count, duration = divmod(duration, unit)
        if count:
            parts.append(f"{count}{name}")
    return "".join(parts) or "0s"


def to_datetime(instant: Micros) -> datetime:
    """The instant as an aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=instant)


def from_datetime(moment: datetime) -> Micros:
    """An aware datetime as microseconds since the epoch."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def format_rfc3339(instant: Micros) -> str:
    """RFC 3339 in UTC, to the millisecond: `2026-01-07T10:00:00.000Z`."""
    return to_datetime(instant).isoformat(timespec="milliseconds").replace("+00:00", "Z")
