"""What may one request hold, and in which words is the rest refused? Used by decoding and by `healer.web`. Pure."""

from typing import Literal

import msgspec

Reason = Literal[
    "wrong_type",
    "bad_utf8",
    "bad_time",
    "no_labels",
    "empty_label_name",
    "too_many_labels",
    "label_too_long",
    "reserved_name",
]
"""Why one alert of a batch cannot be taken: a closed set, and a metric's label."""


class Limits(msgspec.Struct, frozen=True):
    """Bytes are of UTF-8. Longer annotations are cut, more than anything else is refused."""

    alerts: int = 100_000
    labels: int = 64
    name_bytes: int = 1024
    value_bytes: int = 8 * 1024
    annotation_bytes: int = 64 * 1024


class Unreadable(Exception):
    """Nothing of the request could be read. The message says what was expected instead."""


class TooMany(Unreadable):
    """More alerts in one request than `Limits.alerts`."""


def refuse_many(count: int, limits: Limits) -> None:
    """Raises TooMany when `count` alerts are more than one request may hold."""
    if count > limits.alerts:
        raise TooMany(f"{count} alerts in one request; at most {limits.alerts} are read")
