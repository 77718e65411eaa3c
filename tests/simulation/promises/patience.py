"""A2, over time: nothing is held for longer than `hold`, nor untold for longer than `max_untold` without one firing root.

Instants are engine time, which stands still while nobody steps, unless they say otherwise.
"""

from collections.abc import Callable, Container, Mapping
from typing import NamedTuple

import msgspec

from healer.convergence.outcome import AlertView
from healer.times import SECOND, Micros, format_duration
from tests.simulation.options import Options


class Look(NamedTuple):
    """When it is, `wall` by the clock; the incidents that people began to hear of since the look before; and how often the
    journal says up to what is applied that an alert ended."""

    now: Micros
    wall: Micros
    heard: set[str]
    ends: Callable[[bytes], int]


class Held(msgspec.Struct, frozen=True):
    """One wait for a cause: of this interval of the alert, after so many ends of it, since a silence of it ended, for this
    reason."""

    starts_at: Micros
    ends: int
    spoken_at: Micros
    code: str


class Untold(msgspec.Struct):
    """One alert that people do not hear of since then; `wall` is the same instant by the clock."""

    since: Micros
    wall: Micros
    onset: Micros
    causes: set[bytes]
    """What explained it at some time, and fires since then, or fired less than `settle` ago."""
    covered_since: Micros
    """Since when some such cause always fired: another one takes over while one before it still does."""
    incident: str = ""
    """The one that it was part of when it was looked at last."""


class Patience:
    """How long each alert waits. Shown every alert after every step."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._held: dict[bytes, tuple[Held, Micros]] = {}
        """With the instant since when it is."""
        self._untold: dict[bytes, Untold] = {}

    def too_long(self, alert: AlertView, alerts: Mapping[bytes, AlertView], look: Look) -> str:
        """What is too long about how long it waits, or ""."""
        return self._held_too_long(alert, look) or self._untold_too_long(alert, alerts, look)

    def forget(self, known: Container[bytes]) -> None:
        """Alerts that memory has forgotten wait for nothing."""
        for gone in [labels for labels in self._untold if labels not in known]:
            del self._untold[gone]

    def _held_too_long(self, alert: AlertView, look: Look) -> str:
        if alert.status != "held":
            self._held.pop(alert.labels, None)
            return ""
        # It may have ended, or been silenced, and begun again within one step: then it waits anew.
        wait = Held(alert.starts_at, look.ends(alert.labels), alert.spoken_at, alert.code)
        held, since = self._held.get(alert.labels, (None, look.now))
        if held != wait:
            held, since = self._held[alert.labels] = wait, look.now
        limit = self._options.settle if alert.code == "CONTESTED" else self._options.hold
        waits = look.now - since
        return f"it is held for {format_duration(waits)}, at most {format_duration(limit)}" if waits > limit else ""

    def _untold_too_long(self, alert: AlertView, alerts: Mapping[bytes, AlertView], look: Look) -> str:
        if alert.status not in ("held", "suppressed") or alert.code == "PERSON_SAID":  # whoever said so knows of it
            self._untold.pop(alert.labels, None)
            return ""
        now = look.now
        known = self._untold.get(alert.labels)
        if known is None or alert.onset > known.onset or alert.incident in look.heard:
            # Judged afresh (rule 9), or just told as a part of something new, it begins anew, as if it had arrived then.
            known = self._untold[alert.labels] = Untold(now, look.wall, alert.onset, set(), now)
        if alert.by:
            self._cover(known, alert.incident, alerts[alert.by], alerts, now)
        known.incident = alert.incident
        limit = self._options.max_untold + self._options.settle
        untold, covered = now - known.since, now - known.covered_since
        if untold > limit and covered < untold - limit:
            return f"it is untold for {_seconds(untold)}, without one root for longer than {_seconds(covered)}"
        return ""

    def _cover(
        self, known: Untold, incident: str, cause: AlertView, alerts: Mapping[bytes, AlertView], now: Micros
    ) -> None:
        """Whether the cause that is named now continues what was before it, or is another story."""
        # One that fires again within settle is the same cause (rule 12): memory forgets it only then.
        forgotten = known.causes - alerts.keys()
        known.causes -= forgotten
        if cause.labels in known.causes:
            return
        # What ended beneath the new cause still fired when that took over, if only for a part of one step.
        before = [alerts[one] for one in known.causes]
        # What was forgotten within a long step, too, may have done so: then the incident is the one that it was.
        goes_on = bool(forgotten) and incident == known.incident
        another = cause.starts_at > known.wall and all(one.ended_at and one.by != cause.labels for one in before)
        if another and not goes_on:
            known.causes, known.covered_since = set(), now
        known.causes.add(cause.labels)


def _seconds(duration: Micros) -> str:
    return format_duration(duration // SECOND * SECOND)
