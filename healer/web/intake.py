"""From a request's bytes to an answer: decode, write durably, and only then say yes. Knows nothing of HTTP's wire.

`healer.web.accept` calls it for requests, the simulation without any. 200 means stored, not yet converged. What cannot be
stored now, or when the engine lags too far behind, is a 503, never a 429: Alertmanager retries 5xx and nothing else.
"""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from healer.alerts.decode import decode_api_v2, decode_webhook
from healer.alerts.limits import Limits, TooMany, Unreadable
from healer.alerts.model import Batch, Refusal
from healer.journey.ports import Arrival, StoreUnavailable
from healer.journey.records import Delivered
from healer.telemetry.metrics import Registry
from healer.times import SECOND, Micros
from healer.web.ports import Service
from healer.web.problems import ERRORS_SHOWN, Fault, Problem

log = logging.getLogger(__name__)

ALERTS_OF_A_RECORD = 2_000
"""A larger batch becomes several journal records, so that no single step of the engine is long."""
LAG_RETRY_SECONDS = 2

_details = msgspec.msgpack.Encoder()
_encode = msgspec.json.Encoder().encode

Decode = Callable[[bytes, Limits, Micros], Batch]


class _Taken(msgspec.Struct, frozen=True):
    """The answer for a batch of which some alerts were refused."""

    stored: int
    refused: int
    errors: list[Fault]


class _Counters:
    def __init__(self, registry: Registry) -> None:
        self.stored = registry.counter("healer_alerts_stored_total", "Alerts written to the journal.")
        self.refused = registry.counters("healer_alerts_refused_total", "Alerts not taken.", ("reason",))
        self.unreadable = registry.counter(
            "healer_batches_unreadable_total", "Requests of which nothing could be read."
        )
        self.truncated = registry.counter("healer_alerts_truncated_total", "Alerts that their sender cut off.")
        self.overloaded = registry.counters("healer_overload_total", "Requests answered 503.", ("why",))


class Intake:
    """Takes batches for the journal."""

    def __init__(self, service: Service) -> None:
        self._journal = service.journal
        self._view = service.view
        self._clock = service.clock
        self._bounds = service.bounds
        self._count = _Counters(service.registry)

    async def webhook(self, body: bytes) -> bytes:
        """Alertmanager's webhook. The answer's body: empty when all was stored, else what was refused. Raises Problem."""
        return await self._take(body, decode_webhook, "/alerts")

    async def posted(self, body: bytes, sender: str) -> bytes:
        """A list posted to API v2, the same way. `sender` tells apart those who may hold the same alert firing."""
        return await self._take(body, lambda raw, limits, now: decode_api_v2(raw, limits, now, sender), "")

    def admit(self) -> None:
        """Raises Problem 503 while the engine lags too far behind. Asked before a body is read."""
        lag = self._view.lag()
        if lag >= self._bounds.max_lag:
            self._count.overloaded.of("lag").inc()
            why = f"{lag} alerts wait for the engine, which is at most {self._bounds.max_lag} (journal.max_lag)"
            raise Problem(503, why, retry_after=LAG_RETRY_SECONDS)

    async def _take(self, body: bytes, decode: Decode, pointer: str) -> bytes:
        self.admit()
        try:
            batch = decode(body, self._bounds.alerts, self._clock.now())
        except TooMany as many:
            raise Problem(413, str(many)) from None
        except Unreadable as unreadable:
            self._count.unreadable.inc()
            log.warning("nothing of a request could be read", extra={"why": str(unreadable), "size_bytes": len(body)})
            raise Problem(400, str(unreadable)) from None
        if batch.alerts or batch.refusals:
            await self._store(batch)
        if not batch.refusals:
            return b""
        faults = _faults(batch.refusals, pointer)
        if not batch.alerts:
            raise Problem(400, f"none of the {len(batch.refusals)} alerts could be taken", faults)
        return _encode(_Taken(len(batch.alerts), len(batch.refusals), faults))

    async def _store(self, batch: Batch) -> None:
        """Durable when it returns. Raises StoreUnavailable, also when the disk takes longer than a sender should wait."""
        try:
            async with asyncio.timeout(self._bounds.store / SECOND):
                await self._journal.append(arrivals(batch))
        except TimeoutError:
            self._count.overloaded.of("store").inc()
            waited = f"it did not answer within {self._bounds.store // SECOND} s"
            raise StoreUnavailable(waited, ambiguous=True) from None
        except StoreUnavailable:
            self._count.overloaded.of("store").inc()
            raise
        self._count.stored.inc(len(batch.alerts))
        if batch.truncated:
            self._count.truncated.inc(batch.truncated)
        if batch.refusals:
            self._note(batch)

    def _note(self, batch: Batch) -> None:
        for refusal in batch.refusals:
            self._count.refused.of(refusal.reason).inc()
        first = batch.refusals[0]
        seen = {"sender": batch.sender, "refused": len(batch.refusals), "stored": len(batch.alerts)}
        log.warning("alerts were refused", extra=seen | {"first": f"{first.index}: {first.detail}"})


def arrivals(batch: Batch) -> list[Arrival]:
    """The journal's records for a batch: one, or several of at most ALERTS_OF_A_RECORD alerts. Refusals go with the first."""
    if len(batch.alerts) <= ALERTS_OF_A_RECORD:
        record = Delivered(batch.sender, batch.alerts)
        return [Arrival(record, _details.encode(batch.details), batch.refusals)]
    found = []
    for start in range(0, len(batch.alerts), ALERTS_OF_A_RECORD):
        part = slice(start, start + ALERTS_OF_A_RECORD)
        refusals = batch.refusals if start == 0 else ()
        record = Delivered(batch.sender, batch.alerts[part])
        found.append(Arrival(record, _details.encode(batch.details[part]), refusals))
    return found


def _faults(refusals: tuple[Refusal, ...], pointer: str) -> list[Fault]:
    shown = refusals[:ERRORS_SHOWN]
    return [
        Fault(f"{pointer}/{each.index}", f"{each.detail}; its labels: {each.labels}", each.reason) for each in shown
    ]
