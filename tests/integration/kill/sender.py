"""Keeps posting alerts, as a Prometheus that never gives up, and keeps the list of those that were answered with 2xx."""

import http.client
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from tests.servers.process import post

BULK = 20
"""Alerts beside the one that asks for an effect, in each batch."""
HOSTS = 40
PAUSE_S = 0.05
FAULT_S = 0.7
"""Between two faults that ask for an effect: each costs the host a login."""
LASTS_S = 4.0
"""How long such a fault lasts."""

Labels = Mapping[str, str]


class Alert(msgspec.Struct, rename={"starts_at": "startsAt", "ends_at": "endsAt"}):
    """An alert as Prometheus posts it."""

    labels: Labels
    starts_at: datetime
    ends_at: datetime
    annotations: Mapping[str, str] = {}


class LoadSender:
    """`start`, then `stop`. `acknowledged` has the labels of every alert in a batch that got a 2xx."""

    pause_s = PAUSE_S
    """Between two batches, and between attempts while nobody answers."""
    within_s = 10.0
    """How long an answer is waited for."""

    def __init__(self, url: str) -> None:
        self.acknowledged: list[Labels] = []
        self.faults: list[str] = []
        self._url = url
        self._ending = threading.Event()
        self.quiet = threading.Event()
        self._number = 0
        self._fault_at = 0.0
        self._firing: list[tuple[float, Alert]] = []
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def calm(self) -> None:
        """No more new faults; those that last come to their end."""
        self.quiet.set()

    def stop(self) -> None:
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def _run(self) -> None:
        while not self._ending.is_set():
            batch = self.batch()
            while batch and not self._ending.is_set() and not self._send(batch):
                time.sleep(self.pause_s)
            time.sleep(self.pause_s)

    def receiver(self) -> str:
        """The URL of the healer that gets the next attempt."""
        return self._url

    def _send(self, batch: list[Alert]) -> bool:
        try:
            post(f"{self.receiver()}/api/v2/alerts", msgspec.json.encode(batch), within=self.within_s)
        except (OSError, http.client.HTTPException):
            return False
        self.acknowledged += [alert.labels for alert in batch]
        return True

    def batch(self) -> list[Alert]:
        """What is to be said next; it is said until somebody takes it."""
        now = time.monotonic()
        batch = []
        if not self.quiet.is_set():
            batch = [self.alert("Load", "warning") for _ in range(BULK)]
            if now >= self._fault_at:
                self._fault_at = now + FAULT_S
                fault = self.alert("Broken", "critical")
                self.faults.append(fault.labels["service"])
                self._firing.append((now, fault))
                batch.append(fault)
        while self._firing and now - self._firing[0][0] > LASTS_S:
            _, over = self._firing.pop(0)
            batch.append(msgspec.structs.replace(over, ends_at=datetime.now(UTC)))
        return batch

    def alert(self, name: str, severity: str) -> Alert:
        """One that begins to fire now, on the next host."""
        self._number += 1
        number, now = self._number, datetime.now(UTC)
        labels = {"alertname": name, "severity": severity, "host": f"h{number % HOSTS:02}", "service": f"s{number}"}
        return Alert(labels, now, now + timedelta(hours=1))
