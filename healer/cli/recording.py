"""A storm as it was recorded: alerts with the second at which each started to fire. Read by `healer storm`.

Pure, but for the file that `load` reads.
"""

from collections.abc import Iterator
from importlib.resources import files

import msgspec

from healer.times import MINUTE, SECOND, Micros, format_rfc3339

MARK = "drill"
"""The label that tells these alerts from real ones; its value is the recording's name."""
LIFETIME: Micros = 30 * MINUTE
"""Without `--resolve` the storm ends by itself: nobody sends these alerts again."""


class Recorded(msgspec.Struct, frozen=True):
    """One alert. `after` is when it started to fire, in seconds since the fault: its rule's `for:` has passed by then."""

    after: int
    labels: dict[str, str]
    summary: str


class Recording(msgspec.Struct, frozen=True):
    """A storm. `about` says in a sentence what happened; `alerts` are in the order in which they start to fire."""

    name: str
    about: str
    root: str
    alerts: tuple[Recorded, ...]

    @property
    def length(self) -> int:
        """Seconds from the fault to the last alert."""
        return self.alerts[-1].after

    def labels(self, alert: Recorded) -> dict[str, str]:
        return alert.labels | {MARK: self.name}

    def firing(self, start: int, end: int, now: Micros) -> list[dict[str, object]]:
        """The alerts that start in [start, end) as Prometheus would post them, if the whole storm ended `now`."""
        return [
            {
                "labels": self.labels(alert),
                "annotations": {"summary": alert.summary},
                "startsAt": format_rfc3339(now - (self.length - alert.after) * SECOND),
                "endsAt": format_rfc3339(now + LIFETIME),
            }
            for alert in self.alerts
            if start <= alert.after < end
        ]

    def resolved(self, now: Micros) -> Iterator[dict[str, object]]:
        """All alerts, ended `now`."""
        for alert in self.alerts:
            yield {
                "labels": self.labels(alert),
                "startsAt": format_rfc3339(now - SECOND),
                "endsAt": format_rfc3339(now),
            }


def load(name: str) -> Recording:
    """A recording that ships with healer."""
    raw = files("healer.cli").joinpath("storms", f"{name}.json").read_bytes()
    return msgspec.json.decode(raw, type=Recording)
