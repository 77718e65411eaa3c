"""Did the trouble only move? An alert that ended with its node, and fires on what took the node's place, is not healed. Pure.

Asked by verification. What took its place is a node below the same owner; the alert there began after the remediation did.
"""

from collections.abc import Callable, Sequence
from itertools import islice

from healer.alerts.identity import labels_of
from healer.convergence.outcome import AlertView
from healer.remediation.nodes import node_fact
from healer.times import Micros
from healer.topology.map import Map

MAX_LOOKED_AT = 1_000
"""Nodes below one owner that are looked at."""


def moved_to(topology: Map, node: str, name: str, since: Micros, on_node: Callable[[str], Sequence[AlertView]]) -> str:
    """The node on which an alert of this name fires in this node's place, or on its owner; "" where there is none."""
    index = topology.index
    number = index.id(node)
    owner = _owner(topology, number) if number >= 0 else -1
    if owner < 0:
        return ""
    kind = node_fact(topology, number).kind
    if any(_fires(alert, name) for alert in on_node(index.name(owner))):
        return index.name(owner)
    for one in islice(topology.below(owner), MAX_LOOKED_AT):
        if one == number or node_fact(topology, one).kind != kind:
            continue
        there = index.name(one)
        if any(_fires(alert, name) and alert.starts_at >= since for alert in on_node(there)):
            return there
    return ""


def _owner(topology: Map, number: int) -> int:
    """What its attribute `owner` names, where that is a node; else the nearest workload above it."""
    index = topology.index
    named = index.id(node_fact(topology, number).attributes.get("owner", ""))
    if named >= 0:
        return named
    return next((above for above, _ in index.above(number) if node_fact(topology, above).kind == "workload"), -1)


def _fires(alert: AlertView, name: str) -> bool:
    return alert.status != "resolved" and labels_of(alert.labels).get("alertname") == name
