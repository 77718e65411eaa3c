"""In `lead`: keep Alertmanager quiet about what healer has told, for as long as healer lives to keep telling.

Alertmanager would page for each alert a few minutes later. For every alert of an open incident that people were told of, a
short silence is set there and renewed; when healer dies, cannot tell or cannot read its store, nobody renews, and
Alertmanager speaks. A silence of a label set also covers alerts with more labels: for no longer than it lasts.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from healer.alertmanager.client import Hold, Unreachable
from healer.convergence.outcome import AlertView
from healer.journey.ports import StoreUnavailable
from healer.seams import Clock
from healer.times import MINUTE, Micros

log = logging.getLogger(__name__)

LASTS: Micros = 5 * MINUTE
"""How long Alertmanager stays quiet about an alert after healer's last renewal."""
RENEW: Micros = 3 * MINUTE
"""A silence that lasts for less than this is renewed: two attempts may fail."""
LOOK_S = 20.0
"""Seconds between looks; well within the backstop's `group_wait`."""
AT_MOST = 1_000
"""Alerts that are held back, roots first. In a larger storm the backstop speaks too, grouped as it is configured."""


class Place(Protocol):
    """One Alertmanager. Raises Unreachable."""

    @property
    def url(self) -> str: ...

    async def hold_back(self, hold: Hold) -> Hold: ...


class Ledger(Protocol):
    """What people were told; a part of the store."""

    async def told_incidents(self) -> list[str]:
        """Ids of the open incidents that somebody was told of. Raises StoreUnavailable."""
        ...


class Known(Protocol):
    """What converged."""

    async def settled(self) -> None: ...

    def incident_alerts(self, incident: str) -> Sequence[AlertView]: ...


class Backstop:
    """Sets and renews the silences; started by bootstrap only in `lead`."""

    def __init__(self, places: Sequence[Place], ledger: Ledger, known: Known, clock: Clock) -> None:
        self._places = places
        self._ledger = ledger
        self._known = known
        self._clock = clock
        self._holds: dict[tuple[str, bytes], Hold] = {}

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("the backstop is not held back: %s", error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Hold back what was told and is not, or not for long. Raises StoreUnavailable."""
        incidents = await self._ledger.told_incidents()
        await self._known.settled()
        alerts = {alert.labels: alert.incident for alert in self._to_hold_back(incidents)}
        self._holds = {key: hold for key, hold in self._holds.items() if key[1] in alerts}
        for place in self._places:
            try:
                for labels, incident in alerts.items():
                    await self._hold_back(place, labels, incident)
            except Unreachable as error:
                log.warning("the backstop is not held back: %s", error)

    def _to_hold_back(self, incidents: Sequence[str]) -> list[AlertView]:
        firing = [alert for incident in incidents for alert in self._firing(incident)]
        firing.sort(key=lambda alert: alert.status == "suppressed")
        if len(firing) > AT_MOST:
            log.warning("%d alerts were told, the backstop is held back for %d", len(firing), AT_MOST)
        return firing[:AT_MOST]

    def _firing(self, incident: str) -> Iterator[AlertView]:
        for alert in self._known.incident_alerts(incident):
            if alert.status in ("root", "member", "suppressed"):
                yield msgspec.structs.replace(alert, incident=incident)

    async def _hold_back(self, place: Place, labels: bytes, incident: str) -> None:
        key, now = (place.url, labels), self._clock.now()
        held = self._holds.get(key)
        if held is not None and held.until - now > RENEW:
            return
        if held is None:
            held = Hold(labels, incident, now - LASTS, now)
        renewed = msgspec.structs.replace(held, incident=incident, until=now + LASTS)
        self._holds[key] = await place.hold_back(renewed)
