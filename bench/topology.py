"""What does a walk up the topology cost, and a mapping? `python -m bench.topology [NODES]`: ratios against networkx in one run.

A forest of data centres, racks, hosts and services, 5 % of the nodes with a second parent. One JSON line.
"""

import json
import random
import resource
import sys
import time
from collections.abc import Callable

import networkx as nx

from healer.alerts.glance import values_of
from healer.settings import parse_settings
from healer.topology.graph import Node, Topology, topology
from healer.topology.index import Index
from healer.topology.lines import compile_mapping
from healer.topology.mapping import Mapper

ASKED = 20_000
MAPPINGS = """
topology:
  nodes:
    - {match: ['alertname=~"KubeNode.*"'], node: "host/{node}"}
    - {match: ['job="kube-state-metrics"', 'pod!=""'], node: ["pod/{namespace}/{pod}", "workload/{namespace}/{pod|owner}"]}
    - {match: ['job="node-exporter"'], node: "host/{instance|host}"}
"""


def forest(size: int, chance: random.Random) -> Topology:
    """About `size` nodes, each below one ten times more important, some below two."""
    names = [f"n/{number}" for number in range(size)]
    edges = []
    for number in range(1, size):
        edges.append((names[number // 10], names[number]))
        if chance.random() < 0.05:
            other = chance.randrange(number)
            edges.append((names[other], names[number]))
    return topology(map(Node, names), edges)


def each(work: Callable[[int], object], asked: list[int]) -> float:
    """Microseconds a call, CPU of this process."""
    start = time.process_time()
    for one in asked:
        work(one)
    return (time.process_time() - start) / len(asked) * 1e6


def main(size: int) -> None:
    chance = random.Random(1)  # the same forest every time
    graph = forest(size, chance)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    index = Index(graph)
    built = time.process_time() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    peer: nx.DiGraph[int] = nx.DiGraph()
    peer.add_edges_from((index.id(parent), index.id(child)) for parent, child in graph.edges)
    asked = [chance.randrange(size) for _ in range(ASKED)]
    ours, theirs = each(index.above, asked), each(lambda node: nx.ancestors(peer, node), asked)

    lines = parse_settings(MAPPINGS, {}).topology.nodes
    mapper = Mapper([compile_mapping(line, number) for number, line in enumerate(lines)], index)
    alerts = [
        {
            "alertname": "KubeNodeNotReady",
            "node": f"h{number}",
            "job": "kube-state-metrics",
            "instance": "10.0.0.1:8080",
        }
        for number in range(ASKED)
    ]
    numbers = list(range(ASKED))
    first = each(lambda number: mapper.map(alerts[number]), numbers)
    again = each(lambda number: mapper.map(alerts[number]), numbers)
    mapper.place(values_of(mapper.names, alerts[0]))
    print(
        json.dumps(
            {
                "nodes": size,
                "build_s": round(built, 2),
                "build_mib": memory >> 10,
                "above_us": round(ours, 2),
                "networkx_us": round(theirs, 2),
                "networkx_over_above": round(theirs / ours, 1),
                "map_first_us": round(first, 2),
                "map_again_us": round(again, 2),
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
