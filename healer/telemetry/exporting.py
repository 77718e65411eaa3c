"""Hands each incident's trace to a collector, once, when the incident is over. A loop started by `healer.assembly`.

What was exported is marked in the store afterwards: a crash in between exports the same trace again, with the same ids.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan

from healer.convergence.outcome import Happening, Incident
from healer.seams import Clock
from healer.telemetry.trace import spans
from healer.times import MINUTE, Micros

log = logging.getLogger(__name__)

LOOK_S = 15.0
"""Seconds between looks for incidents that are over."""
AT_ONCE = 50
"""Incidents of one look."""
PATIENCE: Micros = 15 * MINUTE
"""How long a trace waits, after its incident was closed, for the last of its recipients to be told."""


class NotTaken(Exception):
    """The collector did not take the spans. `again`: it may take them later."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


class Sink(Protocol):
    """Where finished spans go."""

    async def export(self, spans: Sequence[ReadableSpan]) -> None:
        """Hand them over. Raises NotTaken."""
        ...


class Finished(Protocol):
    """What the store knows of incidents that are over. While it is away it raises, and the supervisor begins the loop anew."""

    async def untraced(self, *, patience_ended: Micros, limit: int) -> list[Incident]:
        """Incidents that ended for good and were not exported, oldest first; those whose recipients are not all told only
        if they were closed before `patience_ended`."""
        ...

    async def timeline(self, incident: str) -> list[Happening]: ...

    async def mark_traced(self, ids: Sequence[str]) -> None: ...


class TraceExport:
    """`sample` is the share of incidents that is exported, chosen by trace id."""

    def __init__(self, store: Finished, sink: Sink, clock: Clock, *, sample: float = 1.0, version: str = "") -> None:
        self._store = store
        self._sink = sink
        self._clock = clock
        self._sample = sample
        self._resource = Resource({"service.name": "healer", "service.version": version})

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except NotTaken as error:
                log.warning("traces are exported later: %s", error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Export what is over by now. Raises NotTaken when the collector is to be asked later."""
        over = await self._store.untraced(patience_ended=self._clock.now() - PATIENCE, limit=AT_ONCE)
        for incident in over:
            if self._sampled(incident):
                timeline = await self._store.timeline(incident.id)
                try:
                    await self._sink.export(spans(incident, timeline, self._resource))
                except NotTaken as error:
                    if error.again:
                        raise
                    # A trace that is refused for good must not keep all others from being exported.
                    log.error("the trace of incident %s was refused: %s", incident.id, error)
            await self._store.mark_traced([incident.id])

    def _sampled(self, incident: Incident) -> bool:
        return int(incident.trace_id[:8], 16) < self._sample * (1 << 32)
