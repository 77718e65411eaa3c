"""Work on large graphs in a process of its own: there it holds up nobody's interpreter, and its memory goes with it.

Reading a million nodes keeps Python busy for seconds, a thread would take them from the event loop. What is small is done
aside, in a thread, because a process takes a while to start. `healer.survey.process` is that process.
"""

import asyncio
import logging
import sys
from collections.abc import Sequence
from functools import partial

from healer.survey import process
from healer.survey.work import MOST, Compare, Done, Job, Pack, Read, Union, Unite, do
from healer.times import Micros
from healer.topology.answers import Answer
from healer.topology.comparing import Compared, differing
from healer.topology.departed import Departed
from healer.topology.node_link import Fault
from healer.topology.packed import Packed
from healer.topology.source import Aside, Unreadable

log = logging.getLogger(__name__)

LARGE = 4 << 20
"""Bytes of a document from which on work is done apart."""
LARGE_GRAPH = 512 << 10
"""The same of graphs as they are kept, which is a seventh."""
WITHIN_S = 120.0
"""Seconds after which such a process is ended."""


class Apart:
    """Does the work. What an index needs of the graph that was read or merged last is kept for whoever adopts that graph,
    so that it need not be made again."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside
        self._ready: tuple[bytes, Packed] | None = None

    async def read(self, body: bytes) -> bytes | Sequence[Fault]:
        """Node-link JSON as `Topology.encode` writes it, or what is wrong with it. Raises Unreadable when it takes too long."""
        done = await self._do(Read(body), len(body) >= LARGE, of=None)
        return done.faults or done.graph

    async def compared(self, before: bytes, after: bytes, most: int) -> Compared:
        """As `healer.topology.comparing.compare`. Raises Unreadable when it takes too long."""
        left = await self._aside(partial(differing, before, after))
        # Where only one of them is left, there is little to walk over, or nothing.
        done = await self._do(Compare(left, most), bool(left.before) and len(left) >= LARGE_GRAPH, of=None)
        assert done.compared is not None
        return done.compared

    async def union(
        self, answers: Sequence[Answer], before: bytes, departed: Departed, now: Micros, keep_for: Micros
    ) -> Union:
        """All answers as one graph, with the nodes that left it less than `keep_for` ago; `before` is the one that it
        follows. Raises Unreadable when it takes too long."""
        if len(answers) == 1 and not departed.until:
            data = answers[0].data
            found = await self.compared(before, data, MOST)
            if not found.nodes_gone or not keep_for:  # nothing to merge and nobody to keep: it is the answer itself
                return Union(data, found.nodes, found.edges, found.patch, Departed())
        job = Unite(tuple(answers), before, departed, now, keep_for)
        size = len(before) + sum(len(answer.data) for answer in answers)
        done = await self._do(job, size >= LARGE_GRAPH, of=None)
        assert done.union is not None
        return done.union

    async def packed(self, graph: bytes) -> Packed:
        """What an index needs of a graph; made here where a process of its own takes too long, since it has to be."""
        if self._ready is None or self._ready[0] != graph:
            try:
                await self._do(Pack(graph), len(graph) >= LARGE_GRAPH, of=graph)
            except Unreadable as error:
                log.warning("an index is made beside everything else: %s", error)
                await self._do(Pack(graph), large=False, of=graph)
        assert self._ready is not None
        found = self._ready[1]
        self._ready = None
        return found

    def let_go(self) -> None:
        """Nobody is going to adopt what was read or merged last."""
        self._ready = None

    async def _do(self, job: Job, large: bool, of: bytes | None) -> Done:
        done, packed = await (_elsewhere(job, self._aside) if large else self._aside(partial(do, job)))
        if packed is not None:
            graph = of or done.graph or (done.union.data if done.union is not None else b"")
            self._ready = graph, packed
        return done


async def _elsewhere(job: Job, aside: Aside) -> tuple[Done, Packed | None]:
    with await aside(partial(process.write, job)) as given, process.empty() as answered:
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", process.__name__, stdin=given, stdout=answered, stderr=asyncio.subprocess.DEVNULL
        )
        what = f"a graph of {given.tell() >> 20} MiB"
        try:
            async with asyncio.timeout(WITHIN_S):
                await worker.wait()
        except TimeoutError:
            raise Unreadable(f"{what} was not read within {WITHIN_S:.0f} s") from None
        finally:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()
        if worker.returncode:
            raise Unreadable(f"{what} could not be read: its process ended with {worker.returncode}")
        return await aside(partial(process.answer, answered))
