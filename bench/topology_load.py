"""What does a large topology do to a healer that takes alerts? `python -m bench.topology_load [NODES] [--alerts N]`: one JSON
line.

A service on a disk, alerts coming in one by one, and a graph of NODES nodes that arrives as node-link JSON; with N, it takes
the place of one with some nodes less, beneath which N other alerts fire. Measured are the time until the engine decides by it,
the longest time for which the event loop and an append were held up, the memory, CPU in this process and in those that it
started, and what an alert costs before and after; then what one changed edge costs.
"""

import argparse
import asyncio
import gc
import json
import resource
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.assembly import Healer
from healer.bootstrap import read_plan, start
from healer.journey.ports import Arrival
from healer.journey.records import Delivered
from healer.settings import parse_settings
from healer.survey import publishing

SETTINGS = """
server: {listen: "127.0.0.1:0"}
store: {url: "sqlite:///data/healer.db"}
topology: {max_nodes: 3000000, nodes: [{match: ['job="node"'], node: "n/{instance}"}]}
"""
PAUSE_S = 0.005
BATCH = 500
FEWER = 20_000
"""With as many edges more changes than are applied in place."""


def graph(size: int) -> bytes:
    """A forest of about `size` nodes, each below one ten times more important, as networkx writes it."""
    nodes = ",".join(f'{{"id":"n/{number}"}}' for number in range(size))
    edges = ",".join(f'{{"source":"n/{number // 10}","target":"n/{number}"}}' for number in range(1, size))
    return f'{{"directed":true,"nodes":[{nodes}],"edges":[{edges}]}}'.encode()


class Held:
    """How long the event loop, and an append of one alert, were held up at most; and by how much CPU of the loop's own, which
    does not depend on what else the machine does."""

    def __init__(self, healer: Healer) -> None:
        self.loop_s = self.loop_cpu_s = self.append_s = 0.0
        self._healer = healer
        self._number = 0

    async def look(self) -> None:
        while True:
            before, busy = time.perf_counter(), time.thread_time()
            await asyncio.sleep(PAUSE_S)
            self.loop_s = max(self.loop_s, time.perf_counter() - before - PAUSE_S)
            self.loop_cpu_s = max(self.loop_cpu_s, time.thread_time() - busy)

    async def alert(self) -> None:
        while True:
            await self.one()
            await asyncio.sleep(PAUSE_S)

    async def one(self) -> None:
        self._number += 1
        now = self._healer.ports.clock.now()
        labels = _labels("Hot", self._number % 1000)
        before = time.perf_counter()
        await self._healer.ports.store.append([Arrival(Delivered("bench", (Alert(labels, True, now, 0),)))])
        self.append_s = max(self.append_s, time.perf_counter() - before)

    async def firing(self, count: int, size: int) -> None:
        """So many alerts that go on firing, spread over all nodes that there are going to be."""
        now = self._healer.ports.clock.now()
        for first in range(0, count, BATCH):
            numbers = range(first, min(first + BATCH, count))
            alerts = tuple(Alert(_labels(f"Fires{number}", number * 7_919 % size), True, now, 0) for number in numbers)
            await self._healer.ports.store.append([Arrival(Delivered("bench", alerts))])
        await self._healer.view.settled(120)

    def reset(self) -> None:
        self.loop_s = self.loop_cpu_s = self.append_s = 0.0


async def loaded(healer: Healer, body: bytes, size: int) -> float:
    """Until the engine decides by a graph; the seconds that it took to hand it over."""
    began = time.perf_counter()
    await healer.desk.put(body)
    taken = time.perf_counter() - began
    while len(healer.view.topology.index) < size:
        await asyncio.sleep(0.02)
    return taken


def _labels(name: str, instance: int) -> bytes:
    return canonical({"alertname": name, "job": "node", "instance": str(instance), "severity": "info"})


async def cost(held: Held, healer: Healer, count: int = 2_000) -> float:
    """Microseconds of CPU for one alert, from the journal to its verdict."""
    before = time.process_time()
    for _ in range(count // 50):
        await asyncio.gather(*(held.one() for _ in range(50)))
    await healer.view.settled(60)
    return (time.process_time() - before) / count * 1e6


async def run(size: int, alerts: int = 0) -> dict[str, object]:
    body = graph(size)
    changed = body.replace(
        b'{"source":"n/0","target":"n/1"}', b'{"source":"n/0","target":"n/1"},{"source":"n/2","target":"n/1"}'
    )
    with tempfile.TemporaryDirectory() as folder:
        settings = parse_settings(SETTINGS, {}, str(Path(folder) / "healer.yaml"))
        async with AsyncExitStack() as stack:
            healer, _ = await start(settings, read_plan(settings), stack)
            held = Held(healer)
            small = await cost(held, healer)
            if alerts:
                publishing.SHARE = 0  # nor does the second graph wait because of the first
                await loaded(healer, graph(size - FEWER), size - FEWER)
                await held.firing(alerts, size - FEWER)
            gc.collect()
            gc.freeze()  # as after a start
            rss = memory()
            tasks = [asyncio.ensure_future(held.look()), asyncio.ensure_future(held.alert())]
            await asyncio.sleep(1)
            quiet, quiet_append = held.loop_s, held.append_s
            held.reset()
            began, spent = time.perf_counter(), cpu()
            taken = await loaded(healer, body, size)
            decided = time.perf_counter() - began
            spent = [after - before for before, after in zip(spent, cpu(), strict=True)]
            await asyncio.sleep(1)
            loop, busy, append, peak = held.loop_s, held.loop_cpu_s, held.append_s, peak_memory()
            held.reset()
            await asyncio.sleep(20)
            loop_after = held.loop_s
            held.reset()
            index = healer.view.topology.index
            began = time.perf_counter()
            await healer.desk.put(changed)
            while len(index.parents(index.id("n/1"))) < 2:
                await asyncio.sleep(0.02)
                index = healer.view.topology.index
            one_edge = time.perf_counter() - began
            await asyncio.sleep(1)
            loop_edge, busy_edge, append_edge = held.loop_s, held.loop_cpu_s, held.append_s
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            gc.collect()
            large = await cost(held, healer)
            after = memory()
            await healer.stop(10)
    return {
        "nodes": size,
        "alerts": alerts,
        "put_s": round(taken, 2),
        "loaded_s": round(decided, 2),
        "cpu_s": round(spent[0], 2),
        "cpu_elsewhere_s": round(spent[1], 2),
        "loop_held_up_ms": round(loop * 1e3),
        "loop_cpu_ms": round(busy * 1e3),
        "loop_held_up_after_ms": round(loop_after * 1e3),
        "append_at_most_ms": round(append * 1e3),
        "quiet_loop_ms": round(quiet * 1e3),
        "quiet_append_ms": round(quiet_append * 1e3),
        "stays_mib": after - rss,
        "peak_mib": peak - rss,
        "one_edge_s": round(one_edge, 2),
        "one_edge_loop_ms": round(loop_edge * 1e3),
        "one_edge_loop_cpu_ms": round(busy_edge * 1e3),
        "one_edge_append_ms": round(append_edge * 1e3),
        "alert_us_before": round(small),
        "alert_us_after": round(large),
    }


def cpu() -> list[float]:
    """Seconds of CPU of this process, and of those it started that ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return [one.ru_utime + one.ru_stime for one in both]


def memory() -> int:
    """MiB of this process now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) >> 10
    return 0


def peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.topology_load", description=__doc__)
    parser.add_argument("nodes", type=int, nargs="?", default=100_000)
    parser.add_argument("--alerts", type=int, default=0)
    asked = parser.parse_args()
    print(json.dumps(asyncio.run(run(asked.nodes, asked.alerts))))
