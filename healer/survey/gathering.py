"""Ask the sources of the topology, again and again, and know how each of them stands.

One loop a source, started by `healer.assembly`. What a source said last stays when it fails, also over a restart; what it
says is not believed when half of its graph would go at once. `healer.survey.publishing` makes one graph of all of them.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from healer.journey.ports import Arrival, Journal, StoreUnavailable, T
from healer.journey.records import Troubled
from healer.seams import Clock
from healer.survey.apart import Apart
from healer.survey.standing import Standing, Terms, doubted
from healer.survey.work import NOTHING
from healer.telemetry.metrics import Sample
from healer.times import SECOND, Micros
from healer.topology.answers import Answer
from healer.topology.graph import Topology
from healer.topology.settings import PUT
from healer.topology.source import Source, Unreadable

log = logging.getLogger(__name__)

CODE = "topology"
"""How the code of a source's trouble begins; its name follows."""
LARGE = 256 << 10
"""Bytes of an answer from which on it is not written at every change."""
KEEP: Micros = 60 * SECOND
"""How often a large answer is written at most. The journal has the graph; after a crash a source is asked anyhow."""


class Answers(Journal, Protocol):
    """What gathering needs of the store. Every method may raise StoreUnavailable."""

    async def keep_answer(self, answer: Answer) -> None: ...

    async def drop_answer(self, source: str) -> None: ...

    async def answers(self) -> list[Answer]: ...

    async def aside(self, work: Callable[[], T]) -> T: ...


class Gathering:
    """All sources. `changed` is set whenever one of them is believed to say something new."""

    def __init__(
        self,
        names: Sequence[tuple[str, str]],
        sources: Sequence[Source],
        store: Answers,
        apart: Apart,
        clock: Clock,
        terms: Terms,
        troubled: Callable[[str], bool] = lambda _: False,
        redact: Callable[[str], str] = str,
    ) -> None:
        """`names` has name and kind of each source in the order in which they are believed; `sources` are those to poll."""
        self.standings = {name: Standing(name, kind) for name, kind in (*names, (PUT, PUT))}
        self.sources = sources
        self.terms = terms
        self.changed = asyncio.Event()
        self._store = store
        self._apart = apart
        self._clock = clock
        self._troubled = troubled
        self._redact = redact
        self._kept_at: dict[str, Micros] = {}
        self._locks = {name: asyncio.Lock() for name in self.standings}

    async def begin(self, said: Mapping[str, Topology]) -> None:
        """Take up what was said before this process began, and what the files say now. Raises StoreUnavailable."""
        for answer in await self._store.answers():
            standing = self.standings.get(answer.source)
            if standing is None:
                await self._store.drop_answer(answer.source)
                continue
            size = await self._apart.compared(answer.data, answer.data, 0)
            standing.answer, standing.nodes, standing.edges = answer, size.nodes, size.edges
        self.standings[PUT].heard = True
        for name, topology in said.items():
            await self.hear(name, topology)
            await self._keep(self.standings[name])

    async def use(
        self,
        names: Sequence[tuple[str, str]],
        sources: Sequence[Source],
        terms: Terms,
        said: Mapping[str, Topology],
    ) -> None:
        """Go on with these, as in `begin`: what a source that stays said last still counts. Raises StoreUnavailable."""
        before = self.standings
        self.standings = {name: before.get(name) or Standing(name, kind) for name, kind in (*names, (PUT, PUT))}
        for name, kind in names:
            self.standings[name].kind = kind
        self._locks = {name: self._locks.get(name) or asyncio.Lock() for name in self.standings}
        self.sources, self.terms = sources, terms
        self.changed.set()
        for name in before.keys() - self.standings.keys():
            await self._store.drop_answer(name)
        for name, topology in said.items():
            await self.hear(name, topology)
            await self.tell(self.standings[name])
            await self._keep(self.standings[name], at_once=True)

    def answers(self) -> list[Answer]:
        """What each said last, in the order in which they are believed."""
        return [one.answer for one in self.standings.values() if one.answer is not None]

    def waits(self) -> bool:
        """Whether a source that is polled has not been heard since this process began."""
        return any(not self.standings[source.name].heard for source in self.sources)

    # --- asking

    async def follow(self, source: Source) -> None:
        """Look at one source, again and again."""
        while True:
            await self.look(source)
            await asyncio.sleep(source.every / SECOND)

    async def look(self, source: Source) -> None:
        """One look."""
        standing = self.standings[source.name]
        try:
            try:
                topology = await source.look()
            except Unreadable as error:
                if not standing.failing_since:
                    log.warning("the topology's source %s cannot be read: %s", source.name, error)
                standing.fail(self._redact(str(error)), self._clock.now())
            else:
                if topology is not None:
                    await self.hear(source.name, topology)
                elif standing.refused:
                    await self._hear(source.name, standing.refused)
                else:
                    standing.confirm(self._clock.now())
            await self.tell(standing)
            await self._keep(standing)
        except StoreUnavailable as error:
            log.warning("what the topology's source %s says is not recorded: %s", source.name, error)

    async def hear(self, name: str, topology: Topology | bytes) -> bool:
        """A source says this. False when it is not believed yet. Raises StoreUnavailable."""
        said = topology if isinstance(topology, bytes) else await self._store.aside(topology.encode)
        return await self._hear(name, said)

    async def _hear(self, name: str, data: bytes, *, force: bool = False) -> bool:
        async with self._locks[name]:
            standing, now = self.standings[name], self._clock.now()
            before = standing.answer.data if standing.answer is not None else NOTHING
            if standing.answer is not None and before == data:
                standing.confirm(now)
                self._apart.let_go()
                return True
            compared = await self._apart.compared(before, data, 0)
            refused = None if force else doubted(compared, standing.refusal, now, self.terms)
            if refused is not None:
                if standing.refusal is None:
                    log.warning("the topology's source %s is not believed: %s", name, refused.why)
                standing.refuse(data, refused)
                self._apart.let_go()
                return False
            standing.accept(data, compared.nodes, compared.edges, now)
            self.changed.set()
            return True

    async def put(self, data: bytes, *, force: bool = False) -> bool:
        """Somebody puts a graph (`Topology.encode`) in the place of the one put before; it is kept when this returns True.
        Raises StoreUnavailable."""
        believed = await self._hear(PUT, data, force=force)
        await self.tell(self.standings[PUT])
        await self._keep(self.standings[PUT], at_once=True)
        return believed

    async def accept(self, name: str) -> bool:
        """A person says that what a source said last is right. False when nothing of it is refused. Raises KeyError for no
        such source, StoreUnavailable."""
        standing = self.standings[name]
        if not standing.refused:
            return False
        await self._hear(name, standing.refused, force=True)
        await self.tell(standing)
        await self._keep(standing, at_once=True)
        return True

    # --- telling and keeping

    async def tell(self, standing: Standing) -> None:
        """Say in the journal when a source's trouble begins and ends. Raises StoreUnavailable."""
        why = standing.trouble(self.terms, self._clock.now())
        code = f"{CODE} {standing.name}"
        before = standing.troubled or self._troubled(code)
        if bool(why) != before:
            await self._store.append([Arrival(Troubled(code, bool(why), why))])
        standing.troubled = bool(why)

    async def tell_of_those_who_left(self, codes: Iterable[str]) -> None:
        """End the troubles of sources that are none any more: nobody else will. Raises StoreUnavailable."""
        ours = {f"{CODE} {name}" for name in self.standings}
        gone = [code for code in codes if code.startswith(f"{CODE} ") and code not in ours]
        if gone:
            await self._store.append([Arrival(Troubled(code, False, "it is no source any more")) for code in gone])

    async def _keep(self, standing: Standing, *, at_once: bool = False) -> None:
        if standing.kept or standing.answer is None:
            return
        now, name = self._clock.monotonic(), standing.name
        last = self._kept_at.get(name)
        if not at_once and last is not None and len(standing.answer.data) > LARGE and now - last < KEEP:
            return
        answer = standing.answer
        await self._store.keep_answer(answer)
        self._kept_at[name] = now
        standing.kept = standing.answer is answer

    def samples(self) -> Iterator[Sample]:
        """How the sources stand, for /metrics."""
        now = self._clock.now()
        for one in self.standings.values():
            if one.answer is None and one.kind == PUT:
                continue
            labels = (("source", one.name),)
            yield Sample(
                "healer_topology_source_up", not one.failing_since, labels, help="Whether its last look succeeded."
            )
            yield Sample(
                "healer_topology_source_refused",
                one.refusal is not None,
                labels,
                help="Whether its newest answer is not believed.",
            )
            yield Sample("healer_topology_source_nodes", one.nodes, labels, help="Nodes of its last good answer.")
            yield Sample("healer_topology_source_edges", one.edges, labels, help="Edges of its last good answer.")
            if one.answer is not None:
                age = max(now - one.answer.at, 0) / SECOND
                yield Sample("healer_topology_source_age_seconds", age, labels, help="Since it was last confirmed.")
