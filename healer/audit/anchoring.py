"""Signs the heads of the audit log and sends them outside, again and again. Started by `healer.assembly`."""

import asyncio
import logging
from collections.abc import Iterator, Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from healer.audit.anchor import anchored
from healer.audit.places import NotTaken, Place
from healer.audit.ports import Log
from healer.seams import Clock
from healer.telemetry.metrics import Sample
from healer.times import MINUTE, SECOND, Micros

log = logging.getLogger(__name__)

AGAIN: Micros = MINUTE
"""How soon a place that did not take an anchor is tried again, at the latest."""


class Anchoring:
    """Makes an anchor every `every` where there is something new; each place gets each of them, in their order."""

    def __init__(
        self,
        log: Log,
        installation: str,
        key: Ed25519PrivateKey,
        places: Mapping[str, Place],
        clock: Clock,
        every: Micros,
    ) -> None:
        self._log = log
        self._installation = installation
        self._key = key
        self._places = places
        self._clock = clock
        self._every = every
        self._taken_at: dict[str, Micros] = {}
        self._failures = dict.fromkeys(places, 0)
        self._missing = 0

    async def run(self) -> None:
        """Until cancelled."""
        due = self._clock.monotonic()
        while True:
            if self._clock.monotonic() >= due:
                due = self._clock.monotonic() + self._every
                await self.anchor()
            await self.send()
            left = due - self._clock.monotonic()
            await asyncio.sleep(max(min(left, AGAIN) if self._missing else left, SECOND) / SECOND)

    async def anchor(self) -> None:
        """Sign each head that moved since it was signed last."""
        made = await self._log.anchors()
        for head in await self._log.heads():
            mine = [anchor for anchor in made if anchor.writer == head.writer]
            if not mine or (mine[-1].place, mine[-1].digest) != (head.place, head.digest):
                previous = made[-1] if made else None
                made.append(anchored(head, self._installation, previous, self._clock.now(), self._key))
                await self._log.keep_anchor(made[-1])

    async def send(self) -> None:
        """Give each place what it does not have yet."""
        self._missing = 0
        for name, place in self._places.items():
            for number, anchor in await self._log.owed(name):
                try:
                    await place.take(anchor)
                except NotTaken as error:
                    self._failures[name] += 1
                    self._missing += 1
                    log.warning("audit.anchor.%s did not take an anchor: %s", name, error)
                    break
                await self._log.paid(name, number)
                self._taken_at[name] = self._clock.now()

    def samples(self) -> Iterator[Sample]:
        for name in self._places:
            labels = (("place", name),)
            yield Sample(
                "healer_audit_anchor_failures_total",
                self._failures[name],
                labels,
                "counter",
                "Anchors of the audit log that a place did not take.",
            )
            if name in self._taken_at:
                at = self._taken_at[name] / SECOND
                yield Sample(
                    "healer_audit_anchored_timestamp_seconds", at, labels, help="When a place took the last one."
                )
