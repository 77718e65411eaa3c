"""Does an alert cost more beneath a large topology? `python -m bench.topology_alerts`: a ratio of one run. `make bench` runs it.

Two folds in one process, one with 1,000 nodes and one with 1,000,000, decide by turns on equally many alerts that are spread
over all of their nodes. Then, with 110,000 alerts firing beneath the large one: for how long one changed edge, a node that comes,
and a whole new topology keep everybody else waiting, and what is done ahead, beside the event loop.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Sequence

from bench.topology_load import SETTINGS, graph
from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.bootstrap import read_plan
from healer.journey.charter import Charter, charter, documents
from healer.journey.fold import Fold
from healer.journey.records import Adopted, Delivered, Entry, Record, Rewired
from healer.settings import parse_settings
from healer.survey.work import Read, do
from healer.times import SECOND
from healer.topology.graph import Node
from healer.topology.patch import Patch

BATCH = 100
TURN = 500
"""Alerts of one turn: no more than the small topology has nodes, so that none has more of them than in the large one."""
MOST = 2.0
"""Times that an alert beneath the large topology may cost what one beneath the small one does."""
HELD_MS = 100
"""Milliseconds for which a change of the topology may keep others waiting."""


class Bench:
    """A fold beneath a topology of `size` nodes, fed from memory."""

    def __init__(self, size: int) -> None:
        self.size, self.sent, self.at, self.position = size, 0, 1_700_000_000 * SECOND, 0
        self._charter = self.charter("a")
        self.fold = Fold(self._charter, "bench")

    def charter(self, name: str) -> Charter:
        """As a running healer makes one: off the event loop, with the index ready."""
        plan = read_plan(parse_settings(SETTINGS, {}))
        done, packed = do(Read(graph(self.size)))
        return charter(Adopted(name, name, name), documents(plan.deciding, done.graph, plan.rules), packed)

    def turn(self, count: int) -> float:
        """Microseconds of CPU for each of so many alerts that begin and end, until all is decided."""
        first = self.sent
        return self.deliver(first, count, firing=True) + self.deliver(first, count, firing=False)

    def deliver(self, first: int, count: int, *, firing: bool) -> float:
        """Microseconds of CPU for each alert."""
        batches = [
            Delivered("bench", tuple(self._alert(each + one, firing=firing) for one in range(BATCH)))
            for each in range(first, first + count, BATCH)
        ]
        self.sent = first + count
        began = time.process_time()
        for batch in batches:
            self.apply(batch)
        return (time.process_time() - began) / count * 1e6

    def apply(self, record: Record, to: Charter | None = None) -> tuple[int, int]:
        """Decide on a record: milliseconds of CPU between two looks at everything else, and before, where nobody waits."""
        self.position += 1
        self.at += SECOND // 10
        entry = Entry(self.position, self.at, record)
        began = time.process_time()
        if (work := self.fold.ahead(entry, to)) is not None:
            work()
        done = time.process_time()
        self.fold.apply(entry, to)
        self.fold.take(self.position, 1, self.position, self.position)
        return round((time.process_time() - done) * 1e3), round((done - began) * 1e3)

    def _alert(self, number: int, *, firing: bool) -> Alert:
        instance = number * 7_919 % self.size  # a prime: spread over all nodes
        labels = canonical({"alertname": f"Hot{number}", "job": "node", "instance": str(instance), "severity": "info"})
        return Alert(labels, firing, self.at, 0 if firing else self.at)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: within what is wanted; 1: not."""
    parser = argparse.ArgumentParser(prog="python -m bench.topology_alerts", description=__doc__)
    parser.add_argument("--nodes", type=int, nargs=2, default=(1_000, 1_000_000))
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args(arguments)
    small, large = map(Bench, asked.nodes)
    gc.collect()
    gc.freeze()
    pairs = [(small.turn(TURN), large.turn(TURN)) for _ in range(asked.rounds)][1:]  # the first ones warm up
    large.deliver(large.sent, asked.alerts, firing=True)
    ratios = [theirs / ours for ours, theirs in pairs]
    quarantined = small.fold.skipped + large.fold.skipped
    edge = ("n/2", "n/1")
    held = {
        "edge_added": large.apply(Rewired(Patch(edges=(edge,)))),
        "edge_cut": large.apply(Rewired(Patch(cut=(edge,)))),
        "node_added": large.apply(Rewired(Patch(nodes=(Node("x/1"),)))),
        "adopted": large.apply(Adopted("b", "b", "b"), large.charter("b")),
    }
    ratio = statistics.median(ratios)
    print(
        json.dumps(
            {
                "nodes": asked.nodes,
                "alerts": large.sent,
                "alert_us": [round(statistics.median(times), 1) for times in zip(*pairs, strict=True)],
                "ratio": round(ratio, 2),
                "ratios": [round(min(ratios), 2), round(max(ratios), 2)],
                **{f"{what}_ms": ms for what, (ms, _) in held.items()},
                **{f"{what}_ahead_ms": ms for what, (_, ms) in held.items()},
                "quarantined": quarantined,
            }
        )
    )
    return 0 if ratio <= MOST and max(held.values())[0] <= HELD_MS and not quarantined else 1


if __name__ == "__main__":
    sys.exit(main())
