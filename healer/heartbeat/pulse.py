"""When did anything come in last, and when did the Watchdog last come in and pass the engine?

`healer.assembly` lets it hear every record that becomes durable; `healer.heartbeat.watch` and /metrics ask it. All times are
microseconds by the monotonic clock, so a restart begins anew.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import msgspec

from healer.alerts.asked import SENDER
from healer.journey.records import Delivered, Entry
from healer.seams import Clock
from healer.telemetry.metrics import Sample
from healer.times import SECOND, Micros, format_duration

WAITING = 1_000
"""Heartbeats that may be on their way through the engine; beyond that the newest are not counted."""


class Pulse:
    """`applied` gives the position of the last record in a committed step."""

    def __init__(self, alertname: str, clock: Clock, applied: Callable[[], int]) -> None:
        # Labels are canonical JSON, in which a value cannot hold this text: its quotes would be escaped.
        self._needle = b'"alertname":' + msgspec.json.encode(alertname)
        self._clock = clock
        self._applied = applied
        self._on_the_way: deque[tuple[int, Micros]] = deque()
        self._input_at = self._passed_at = clock.monotonic()
        self.had_input = self._beat = False

    def hear(self, entries: Sequence[Entry]) -> None:
        """Records that became durable, in order. Called on the event loop, for every alert: it has to be quick."""
        for entry in entries:
            record = entry.record
            if not isinstance(record, Delivered) or record.sender.startswith(SENDER):
                continue
            now = self._clock.monotonic()
            self._input_at, self.had_input = now, True
            if self._beats(record) and len(self._on_the_way) < WAITING:
                self._on_the_way.append((entry.position, now))

    def quiet_for(self) -> Micros:
        """How long nothing at all has come in, since the start at most."""
        return self._clock.monotonic() - self._input_at

    def age(self) -> Micros:
        """How long ago the newest heartbeat came in that has passed the engine; since the start when there is none."""
        applied = self._applied()
        while self._on_the_way and self._on_the_way[0][0] <= applied:
            _, self._passed_at = self._on_the_way.popleft()
            self._beat = True
        return self._clock.monotonic() - self._passed_at

    def silent(self, at_most: Micros) -> str:
        """Why what fires is not to be believed any more: the Watchdog came in and then stayed away. "" where it did not."""
        age = self.age()
        if not self._beat or age <= at_most:
            return ""
        shown = format_duration(age // SECOND * SECOND)
        return f"no Watchdog came in for {shown}, at most {format_duration(at_most)} may pass: what fires may have ended since"

    def samples(self) -> Iterator[Sample]:
        """For /metrics."""
        age = self.age() / SECOND
        yield Sample(
            "healer_watchdog_age_seconds", age, help="Since the newest Watchdog came in that passed the engine."
        )

    def _beats(self, record: Delivered) -> bool:
        needle = self._needle
        return any(needle in alert.labels and alert.firing for alert in record.alerts)
