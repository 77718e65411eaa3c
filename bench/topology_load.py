"""What does a large topology do to a healer that takes alerts? `python -m bench.topology_load [NODES]`: one JSON line.

A service on a disk, alerts coming in one by one, and a graph of NODES nodes that arrives as node-link JSON. Measured are the
time until the engine decides by it, the longest time for which the event loop and an append were held up, the memory, and
what an alert costs before and after; then what one changed edge costs.
"""

import asyncio
import gc
import json
import resource
import sys
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

SETTINGS = """
server: {listen: "127.0.0.1:0"}
store: {url: "sqlite:///data/healer.db"}
topology: {max_nodes: 3000000, nodes: [{match: ['job="node"'], node: "n/{instance}"}]}
"""
PAUSE_S = 0.005


def graph(size: int) -> bytes:
    """A forest of about `size` nodes, each below one ten times more important, as networkx writes it."""
    nodes = ",".join(f'{{"id":"n/{number}"}}' for number in range(size))
    edges = ",".join(f'{{"source":"n/{number // 10}","target":"n/{number}"}}' for number in range(1, size))
    return f'{{"directed":true,"nodes":[{nodes}],"edges":[{edges}]}}'.encode()


class Held:
    """How long the event loop, and an append of one alert, were held up at most."""

    def __init__(self, healer: Healer) -> None:
        self.loop_s = self.append_s = 0.0
        self._healer = healer
        self._number = 0

    async def look(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(PAUSE_S)
            self.loop_s = max(self.loop_s, time.perf_counter() - before - PAUSE_S)

    async def alert(self) -> None:
        while True:
            await self.one()
            await asyncio.sleep(PAUSE_S)

    async def one(self) -> None:
        self._number += 1
        now = self._healer.ports.clock.now()
        labels = canonical(
            {"alertname": "Hot", "job": "node", "instance": str(self._number % 1000), "severity": "info"}
        )
        before = time.perf_counter()
        await self._healer.ports.store.append([Arrival(Delivered("bench", (Alert(labels, True, now, 0),)))])
        self.append_s = max(self.append_s, time.perf_counter() - before)

    def reset(self) -> None:
        self.loop_s = self.append_s = 0.0


async def cost(held: Held, healer: Healer, count: int = 2_000) -> float:
    """Microseconds of CPU for one alert, from the journal to its verdict."""
    before = time.process_time()
    for _ in range(count // 50):
        await asyncio.gather(*(held.one() for _ in range(50)))
    await healer.view.settled(60)
    return (time.process_time() - before) / count * 1e6


async def run(size: int) -> dict[str, object]:
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
            gc.collect()
            rss = memory()
            tasks = [asyncio.ensure_future(held.look()), asyncio.ensure_future(held.alert())]
            await asyncio.sleep(1)
            quiet, quiet_append = held.loop_s, held.append_s
            held.reset()
            began = time.perf_counter()
            await healer.desk.put(body)
            taken = time.perf_counter() - began
            while len(healer.view.topology.index) < size:
                await asyncio.sleep(0.02)
            loaded = time.perf_counter() - began
            await asyncio.sleep(1)
            loop, append, peak = held.loop_s, held.append_s, peak_memory()
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
            loop_edge = held.loop_s
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            gc.collect()
            large = await cost(held, healer)
            after = memory()
            await healer.stop(10)
    return {
        "nodes": size,
        "put_s": round(taken, 2),
        "loaded_s": round(loaded, 2),
        "loop_held_up_ms": round(loop * 1e3),
        "loop_held_up_after_ms": round(loop_after * 1e3),
        "append_at_most_ms": round(append * 1e3),
        "quiet_loop_ms": round(quiet * 1e3),
        "quiet_append_ms": round(quiet_append * 1e3),
        "stays_mib": after - rss,
        "peak_mib": peak - rss,
        "one_edge_s": round(one_edge, 2),
        "one_edge_loop_ms": round(loop_edge * 1e3),
        "alert_us_before": round(small),
        "alert_us_after": round(large),
    }


def memory() -> int:
    """MiB of this process now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) >> 10
    return 0


def peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))))
