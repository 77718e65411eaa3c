"""Which alert has this fingerprint? Asked by the explanation of one alert.

The engine knows alerts by their labels and never computes fingerprints: one takes about 30 microseconds, so that a hundred
thousand would take three seconds on every question. Those that were computed for a question are kept for the next one.
"""

import asyncio
from collections.abc import Iterator
from typing import Protocol

from healer.alerts.identity import fingerprint
from healer.convergence.outcome import AlertView

MAX_KEPT = 200_000
"""Fingerprints that are remembered, about 150 bytes each; beyond it everything is forgotten, and computed when asked for."""
AT_A_TIME = 100
"""Fingerprints computed before other requests get their turn: about 3 ms."""


class View(Protocol):
    """The part of `healer.web.ports.View` that is asked."""

    def alerts(self) -> Iterator[AlertView]: ...

    def alert(self, labels: bytes) -> AlertView | None: ...


class Fingerprints:
    """Fingerprints that were computed before."""

    def __init__(self, most: int = MAX_KEPT) -> None:
        self._most = most
        self._alerts: dict[int, bytes] = {}
        self._known: set[bytes] = set()
        self.computed = 0

    async def find(self, view: View, wanted: str) -> AlertView | None:
        """The alert with this fingerprint (16 hexadecimal digits), or None."""
        key = int(wanted, 16)
        labels = self._alerts.get(key)
        if labels is not None and (found := view.alert(labels)) is not None:
            return found
        for number, alert in enumerate(view.alerts()):
            if alert.labels not in self._known:
                if self._learn(alert.labels) == key:
                    return alert
                if self.computed % AT_A_TIME == 0:
                    await asyncio.sleep(0)
            elif number % (10 * AT_A_TIME) == 0:
                await asyncio.sleep(0)
        return None

    def _learn(self, labels: bytes) -> int:
        if len(self._known) >= self._most:
            self._known.clear()
            self._alerts.clear()
        key = int(fingerprint(labels), 16)
        self._alerts[key] = labels
        self._known.add(labels)
        self.computed += 1
        return key
