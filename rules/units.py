"""Types, units, and how each is written: `95%`, `1h30m`, `2GiB`.

The reader turns literals into values with these tables; the evaluator writes values back into sentences with them.
Durations and instants are integer microseconds, a percentage is a ratio (95% is 0.95), a size is bytes.
"""

import math
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

SECOND: Final = 1_000_000
_DURATIONS: Final = {
    "w": 604_800 * SECOND,
    "d": 86_400 * SECOND,
    "h": 3_600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": 1_000,
}
_SIZES: Final = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "PiB": 2**50,
}
DURATION_UNITS: Final = tuple(_DURATIONS)
SIZE_UNITS: Final = tuple(_SIZES)
_PLAIN = re.compile(r"\d+(?:\.\d+)?(?:e\d+)?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([kKMGTP]i?B|B)")
_DURATION = re.compile(r"(?:\d+(?:ms|[wdhms]))+")
_PART = re.compile(r"(\d+)(ms|[wdhms])")
MAX_DURATION: Final = 10 * 365 * _DURATIONS["d"]


class Type(StrEnum):
    """What a value is. BROKEN stands for a mistake already reported, and agrees with everything."""

    NUMBER = "number"
    PERCENTAGE = "percentage"
    DURATION = "duration"
    BYTES = "bytes"
    STRING = "string"
    BOOLEAN = "boolean"
    SEVERITY = "severity"
    TIMESTAMP = "timestamp"
    KIND = "kind"
    NODE = "node"
    LIST = "list"
    BROKEN = "broken"


NUMERIC: Final = frozenset({Type.NUMBER, Type.PERCENTAGE, Type.DURATION, Type.BYTES})
ORDERED: Final = NUMERIC | {Type.SEVERITY, Type.TIMESTAMP}
TEXTUAL: Final = frozenset({Type.STRING, Type.SEVERITY, Type.KIND})

WORDING: Final = {
    Type.NUMBER: "a number",
    Type.PERCENTAGE: "a percentage",
    Type.DURATION: "a duration",
    Type.BYTES: "a byte size",
    Type.STRING: "a string",
    Type.BOOLEAN: "true or false",
    Type.SEVERITY: "a severity",
    Type.TIMESTAMP: "a timestamp",
    Type.KIND: "a kind of node",
    Type.NODE: "a node",
    Type.LIST: "a list",
    Type.BROKEN: "a mistake",
}


_WORDED: Final = re.compile(r"([\d.]+)((?:sec|second|min|minute|hr|hour|day|week)s?)", re.IGNORECASE)
"""A duration as people say it."""


class BadQuantity(ValueError):
    """The text starts like a number and is none; the text of the error says what would be right."""


def read_quantity(text: str) -> tuple[Type, float | int]:
    """A literal that starts with a digit, as (type, value). Raises BadQuantity."""
    if _PLAIN.fullmatch(text):
        value = float(text)
        if not math.isfinite(value):
            raise BadQuantity("the number is too large")
        return Type.NUMBER, value
    if text.endswith("%") and _PLAIN.fullmatch(text[:-1]):
        return Type.PERCENTAGE, float(text[:-1]) / 100
    if size := _SIZE.fullmatch(text):
        if size[2] not in _SIZES:
            raise BadQuantity(f"{text} has no known unit; sizes are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, PiB")
        return Type.BYTES, float(size[1]) * _SIZES[size[2]]
    if _DURATION.fullmatch(text):
        return Type.DURATION, _read_duration(text)
    if worded := _WORDED.fullmatch(text):
        raise BadQuantity(f"{text} is no duration: write {worded[1]}{worded[2][0]}")
    raise BadQuantity(f"{text} is no number, percentage, duration or size; write 95, 95%, 1h30m or 2GiB")


def _read_duration(text: str) -> int:
    parts = [(int(count), unit) for count, unit in _PART.findall(text)]
    order = [list(_DURATIONS).index(unit) for _, unit in parts]
    if any(later <= earlier for earlier, later in pairwise(order)):
        raise BadQuantity(f"{text} is no duration: units go from large to small, each once (w d h m s ms), as in 1h30m")
    total = sum(count * _DURATIONS[unit] for count, unit in parts)
    if total > MAX_DURATION:
        raise BadQuantity(f"{text} is longer than ten years")
    return total


def format_duration(micros: float) -> str:
    """A duration in the fewest descending units, to the millisecond: `1h30m`, `45s`, `0s`."""
    sign, rest = ("-" if micros < 0 else ""), abs(int(micros))
    parts = []
    for unit, length in _DURATIONS.items():
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count}{unit}")
    return sign + ("".join(parts) or "0s")


def _format_size(size: float) -> str:
    for unit in ("PiB", "TiB", "GiB", "MiB", "KiB"):
        if abs(size) >= _SIZES[unit]:
            return f"{size / _SIZES[unit]:.4g}{unit}"
    return f"{size:.4g}B"


def _format_instant(micros: float) -> str:
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros))
    except OverflowError:
        return f"{int(micros)} microseconds after 1970"
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def format_value(kind: Type, value: object) -> str:
    """A value as people write it in a rule: `97.3%`, `12s`, `"prod"`, `critical`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        if kind is Type.PERCENTAGE:
            return f"{value * 100:.6g}%"
        if kind is Type.DURATION:
            return format_duration(value)
        if kind is Type.BYTES:
            return _format_size(value)
        if kind is Type.TIMESTAMP:
            return _format_instant(value)
        return f"{value:.10g}"
    if isinstance(value, tuple):
        return "[" + ", ".join(format_value(Type.STRING, item) for item in value) + "]"
    if kind is Type.STRING:
        return f'"{value}"'
    return str(getattr(value, "id", value))
