"""A storm as it is sent: alerts with the second at which each started to fire. Recorded or generated. Used by `healer storm`.

Pure, but for the file that `load` reads.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

import msgspec

from healer.alerts.identity import labels_of
from healer.rehearsal.case import read_case
from healer.rehearsal.generators import Storm
from healer.times import MINUTE, SECOND, Micros, format_rfc3339

MARK = "drill"
"""The label that tells these alerts from real ones; its value is the recording's name."""
LIFETIME: Micros = 30 * MINUTE
"""Without `--resolve` the storm ends by itself: nobody sends these alerts again."""


class Told(NamedTuple):
    """One alert as it is posted, and whether it fires."""

    firing: bool
    posted: dict[str, object]


class Recorded(msgspec.Struct, frozen=True):
    """One alert, in seconds since the fault: `after` is when it started to fire, its rule's `for:` having passed by then.

    `until` is when it ended (None: it did not), `told` when it was sent first, where that is not when it started.
    """

    after: int
    labels: dict[str, str]
    summary: str
    until: int | None = None
    told: int | None = None


class Recording(msgspec.Struct, frozen=True):
    """A storm. `about` says in a sentence what happened; `alerts` are in the order in which they start to fire.

    `root` is the node behind it; where there was more than one, `others` are the others. `again` are the arguments that
    make `healer storm` find it once more, "" for the one that ships.
    """

    name: str
    about: str
    root: str
    alerts: tuple[Recorded, ...]
    others: tuple[str, ...] = ()
    again: str = ""

    @property
    def generated(self) -> bool:
        """Made or chosen by whoever sends it: it may become several incidents."""
        return bool(self.again)

    @property
    def length(self) -> int:
        """Seconds from the fault to the last thing that is sent."""
        return max(max(alert.after, alert.until or 0, alert.told or 0) for alert in self.alerts)

    @property
    def roots(self) -> tuple[str, ...]:
        return (self.root, *self.others)

    def labels(self, alert: Recorded) -> dict[str, str]:
        return alert.labels | {MARK: self.name}

    def schedule(self, now: Micros) -> list[tuple[int, Told]]:
        """What is told at which second, in order, as Prometheus would post it if the whole storm ended `now`."""
        began = now - self.length * SECOND
        happenings: list[tuple[int, Told]] = []
        for alert in self.alerts:
            first = alert.after if alert.told is None else alert.told
            happenings.append((first, self._told(alert, began, None, now + LIFETIME)))
            if alert.until is not None:
                ended = self._told(alert, began, alert.until, now)
                happenings.append((max(alert.until, first), ended))
        happenings.sort(key=lambda one: one[0])
        return happenings

    def _told(self, alert: Recorded, began: Micros, until: int | None, ends: Micros) -> Told:
        posted: dict[str, object] = {
            "labels": self.labels(alert),
            "annotations": {"summary": alert.summary},
            "startsAt": format_rfc3339(began + alert.after * SECOND),
            "endsAt": format_rfc3339(ends if until is None else began + until * SECOND),
        }
        return Told(until is None, posted)

    def resolved(self, now: Micros) -> list[Told]:
        """All alerts, ended `now`."""
        distinct = {tuple(sorted(self.labels(alert).items())): None for alert in self.alerts}
        times = {"startsAt": format_rfc3339(now - SECOND), "endsAt": format_rfc3339(now)}
        return [Told(False, {"labels": dict(labels), **times}) for labels in distinct]


_recording = msgspec.json.Decoder(Recording)


def as_webhook(batch: Sequence[Told]) -> dict[str, object]:
    """What Alertmanager would send (webhook, version 4): what fires has no end there."""
    no_end = {"status": "firing", "endsAt": "0001-01-01T00:00:00Z"}
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "status": "firing" if any(one.firing for one in batch) else "resolved",
        "receiver": "healer",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "",
        "truncatedAlerts": 0,
        "alerts": [one.posted | (no_end if one.firing else {"status": "resolved"}) for one in batch],
    }


def recorded(storm: Storm, again: str) -> Recording:
    """A generated storm."""
    begins = min(alert.starts_at for alert in storm.alerts)

    def after(instant: Micros) -> int:
        return max(instant - begins, 0) // SECOND

    alerts = [
        Recorded(
            after(one.starts_at),
            one.labels,
            one.summary,
            until=after(one.ends_at) if one.ends_at else None,
            told=after(one.arrives_at) if one.arrives_at else None,
        )
        for one in storm.alerts
    ]
    return Recording(storm.name, storm.about, storm.roots[0], tuple(alerts), storm.roots[1:], again)


def from_case(raw: bytes, file: str) -> Recording:
    """A case in the format of `healer converge`, with its `root_causes`. Raises DocumentError, and ValueError without alerts."""
    case = read_case(raw, file)
    if not case.alerts:
        raise ValueError(f"{file} has no alerts: there is nothing to send")
    begins = min(one.starts_at for one in case.alerts)
    roots = [str(node) for node in msgspec.json.decode(raw).get("root_causes", ())] or [""]
    alerts = [
        Recorded(
            (one.starts_at - begins) // SECOND,
            labels_of(one.labels),
            "",
            until=(one.ends_at - begins) // SECOND if one.ends_at else None,
        )
        for one in case.alerts
    ]
    return Recording(case.name, f"As recorded in {file}.", roots[0], tuple(alerts), tuple(roots[1:]), f"--case {file}")


def load(name: str) -> Recording:
    """A recording that ships with healer."""
    raw = files("healer.cli").joinpath("storms", f"{name}.json").read_bytes()
    return _recording.decode(raw)
