"""Make one graph of all that sources said, and let the journal know what changed of it: at most once a second.

Run by `healer.assembly` beside `healer.survey.gathering`. A small change is a `Rewired` record; a large one is a topology of
its own, kept by its hash and `Adopted`. Until every source was heard after a start, the graph of the journal stays.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

import msgspec

from healer.journey.ports import Arrival, Journal, StepStore, StoreUnavailable
from healer.journey.records import Record, Rewired
from healer.seams import Clock
from healer.survey.apart import Apart
from healer.survey.gathering import Gathering
from healer.survey.work import NOTHING, Union
from healer.telemetry.metrics import Sample
from healer.times import SECOND, Micros
from healer.topology.departed import Departed
from healer.topology.graph import decode
from healer.topology.patch import Patch, patched, pieces
from healer.topology.source import Unreadable

log = logging.getLogger(__name__)

PACE_S = 1.0
"""Seconds between two changes of the topology, at least."""
SHARE = 10
"""A change is followed by ten times as long as it took without one: a large graph may not eat the machine."""
GRACE: Micros = 30 * SECOND
"""How long after a start a source that does not answer keeps the others waiting."""
DRIFT = 0.25
"""A whole graph is adopted, instead of one more change, when all changes since the last whole one come to this share of it:
replay and snapshots carry them along."""
SMALL = 1_000
"""Changes that are never too many."""


class Store(Journal, StepStore, Protocol):
    """What publishing needs of the store."""


class Publishing:
    """`at_present` gives what the journal has: the topology that was adopted last, and what was changed since; `adopt`
    makes the record for a whole graph."""

    def __init__(
        self,
        gathering: Gathering,
        store: Store,
        apart: Apart,
        clock: Clock,
        at_present: Callable[[], tuple[bytes, Patch]],
        adopt: Callable[[bytes], Awaitable[Record]],
        applied: Callable[[], Awaitable[None]],
    ) -> None:
        self._gathering = gathering
        self._store = store
        self._apart = apart
        self._clock = clock
        self._at_present = at_present
        self._adopt = adopt
        self._applied = applied
        self._began = clock.monotonic()
        self._graph: bytes | None = None
        self._drift = 0
        self.alone = asyncio.Lock()
        """Held by whoever says what decides from now on: one who adopts names what the one before adopted."""
        self.union: Union | None = None
        """The graph as it was published last."""

    def begin(self) -> None:
        """Begin with the journal's graph: another process may have changed it."""
        self._graph = self.union = None
        self._began = self._clock.monotonic()

    async def run(self) -> None:
        """Publish whenever something changed, or a node has been gone for long enough."""
        while True:
            began = self._clock.monotonic()
            if not self._gathering.waits() or began - self._began > GRACE:
                try:
                    await self.publish()
                except (StoreUnavailable, Unreadable) as error:
                    log.warning("a change of the topology is not recorded yet: %s", error)
                    self._gathering.changed.set()
            spent = (self._clock.monotonic() - began) / SECOND
            await asyncio.sleep(max(PACE_S, SHARE * spent))
            await self._something()

    async def whole(self) -> bytes:
        """What all sources said last as one graph: what is adopted when healer starts. Raises StoreUnavailable."""
        answers = self._gathering.answers()
        if len(answers) == 1:
            return answers[0].data
        return (await self._apart.union(answers, NOTHING, Departed(), 0, 0)).data

    async def publish(self) -> int:
        """Record what changed; how many changes. Raises StoreUnavailable."""
        async with self.alone:
            return await self._publish()

    async def _publish(self) -> int:
        self._gathering.changed.clear()
        store, answers, linger = self._store, self._gathering.answers(), self._gathering.terms.linger
        if self._graph is None:
            adopted, patch = self._at_present()
            self._graph = await store.aside(lambda: patched(decode(adopted), patch).encode() if len(patch) else adopted)
            self._drift = len(patch)
        before, left, now = self._graph, self.union.departed if self.union else Departed(), self._clock.now()
        found = await self._apart.union(answers, before, left, now, linger)
        changes = len(found.patch) if found.patch is not None else found.nodes + found.edges
        if changes:
            await self._record(found, changes)
            await self._applied()
        self._apart.let_go()
        self._graph, self.union = found.data, msgspec.structs.replace(found, patch=None)
        return changes

    async def _record(self, found: Union, changes: int) -> None:
        whole = found.nodes + found.edges
        if found.patch is None or self._drift + changes > max(SMALL, DRIFT * whole):
            await self._store.append([Arrival(await self._adopt(found.data))])
            self._drift = 0
        else:
            await self._store.append([Arrival(Rewired(piece)) for piece in pieces(found.patch)])
            self._drift += changes

    async def _something(self) -> None:
        """Wait until a source says something new, or a node that left may go."""
        wait = 60.0
        if self.union is not None and (goes := self.union.departed.next_due) is not None:
            wait = min(max(goes - self._clock.now(), 0) / SECOND, wait)
        elif self.union is None:
            wait = PACE_S
        try:
            async with asyncio.timeout(wait):
                await self._gathering.changed.wait()
        except TimeoutError:
            pass

    def samples(self) -> Iterator[Sample]:
        """How large the graph is, for /metrics."""
        if self.union is None:
            return
        yield Sample("healer_topology_nodes", self.union.nodes, help="Nodes of the topology.")
        yield Sample("healer_topology_edges", self.union.edges, help="Edges of the topology.")
        yield Sample(
            "healer_topology_nodes_left", len(self.union.departed.until), help="Nodes no source says any more."
        )
        yield Sample("healer_topology_conflicts", self.union.conflicts, help="Where sources disagree about a node.")
