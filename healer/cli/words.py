"""How times and alerts are written by commands. Pure."""

import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from healer.times import SECOND, Micros, format_duration, from_datetime

SHOWN_UNITS = 2
"""Units of a duration that people care about: 2h5m, not 2h5m3s."""
SHORT_SHA = 8
"""Digits of a commit's hash that people read."""


def ago(moment: str | None, now: Micros) -> str:
    """How long ago an RFC 3339 time was: `3m12s`; "" for none."""
    return rough(now - instant(moment)) if moment else ""


def between(start: str | None, end: str | None) -> str:
    """How long it took; "" where one of both is missing."""
    return rough(instant(end) - instant(start)) if start and end else ""


def instant(moment: str) -> Micros:
    return from_datetime(datetime.fromisoformat(moment))


def rough(duration: Micros) -> str:
    """A duration in its two largest units."""
    whole = max(duration, 0) // SECOND * SECOND
    parts: list[str] = []
    for letter in format_duration(whole):
        if letter.isdigit() and (not parts or not parts[-1][-1].isdigit()):
            parts.append("")
        parts[-1] += letter
    return "".join(parts[:SHOWN_UNITS])


def time_of_day(moment: str | None) -> str:
    """`10:02:31` of an RFC 3339 time in UTC; "" for none."""
    return moment[11:19] if moment else ""


def name_of(labels: Mapping[str, str]) -> str:
    return labels.get("alertname", "(no alertname)")


def label_text(labels: Mapping[str, str]) -> str:
    """Labels as people type them: `alertname="HostDown", host="r1"`, the name first."""
    ordered = sorted(labels.items(), key=lambda pair: (pair[0] != "alertname", pair[0]))
    return ", ".join(f'{name}="{value}"' for name, value in ordered)


def counted(count: int, thing: str) -> str:
    """`1 alert`, `2 alerts`."""
    return f"{count:,} {thing}{'s' * (count != 1)}"


def affected(incident: Mapping[str, Any]) -> int:
    """The alerts of an incident beside its root."""
    return max(int(incident["alert_count"]) - 1, 0)


def resuming(scope: str) -> str:
    """What to type so that this scope goes on."""
    return "healer resume" if scope == "all" else f"healer resume --scope {shlex.quote(scope)}"
