"""An agent that misses three heartbeats is an alert like any other: it is mapped to its node, and what explains it suppresses it.

Started by `healer.assembly` where agents may dial in.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

import msgspec

from healer.alerts.identity import encode
from healer.alerts.model import Alert, Detail
from healer.journey.ports import Arrival, Journal, StoreUnavailable
from healer.journey.records import Delivered
from healer.seams import Clock
from healer.times import MINUTE, SECOND, Micros, format_duration

log = logging.getLogger(__name__)

ALERT = "HealerAgentInactive"
LOOK_S = 2.0
"""Seconds between looks at who is there."""
REPEAT: Micros = MINUTE
"""Between two tellings of what has not changed, as Prometheus repeats what fires."""
LIFE: Micros = 5 * MINUTE
"""An alert that is not repeated for so long is over: whoever said it is."""
SENDER = "healer/agents"
AT_ONCE = 1_000
"""Alerts of one journal record."""


class Roster(Protocol):
    """Who is enrolled, and not there."""

    def inactive(self) -> Mapping[str, Micros]:
        """By name, for how long nothing was heard."""
        ...

    def start_over(self) -> None:
        """Nobody was listened to until now."""
        ...


class AgentWatch:
    """Tells of agents that are not there, and of those that came back."""

    def __init__(self, roster: Roster, journal: Journal, clock: Clock) -> None:
        self._roster = roster
        self._journal = journal
        self._clock = clock
        self._firing: dict[str, Micros] = {}
        """By name, since when."""
        self._told_at = 0

    async def run(self) -> None:
        self._roster.start_over()
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("that agents are gone, or are back, is not recorded yet: %s", error)

    async def look(self) -> None:
        """One look. What is new is told at once, what is not from time to time."""
        now, silent = self._clock.now(), self._roster.inactive()
        firing = {name: self._firing.get(name, now - age) for name, age in silent.items()}
        over = {name: since for name, since in self._firing.items() if name not in firing}
        due = self._clock.monotonic() - self._told_at >= REPEAT
        news = firing if due else {name: since for name, since in firing.items() if name not in self._firing}
        alerts = [_alert(name, since, now + LIFE, firing=True) for name, since in news.items()]
        alerts += [_alert(name, since, now, firing=False) for name, since in over.items()]
        if alerts:
            await self._journal.append(
                [_arrival(alerts[at : at + AT_ONCE], now) for at in range(0, len(alerts), AT_ONCE)]
            )
        self._firing = firing
        if due:
            self._told_at = self._clock.monotonic()


def _alert(name: str, since: Micros, until: Micros, *, firing: bool) -> Alert:
    labels = {"alertname": ALERT, "agent": name, "severity": "warning"}
    return Alert(encode(labels), firing, since, until)


def _arrival(alerts: list[Alert], now: Micros) -> Arrival:
    details = [Detail({"summary": _summary(now - alert.starts_at)}, "") for alert in alerts]
    return Arrival(Delivered(SENDER, tuple(alerts)), msgspec.msgpack.encode(details))


def _summary(silent_for: Micros) -> str:
    return f"nothing was heard of this agent for {format_duration(silent_for // SECOND * SECOND)}"
