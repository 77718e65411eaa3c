"""Nodes that left the topology stay known for a while: their alerts, and those they explain, come after them. Pure.

A pod that is gone, a host taken out of the CMDB: the rule behind its alert waits for 15 minutes, and says its name then.
Whoever gathers the sources keeps what left for `window + settle`, which is how late a symptom may be.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from healer.times import Micros
from healer.topology.graph import Node, Topology, topology


class Departed(msgspec.Struct, frozen=True):
    """What left, by id, and when it is forgotten."""

    until: Mapping[str, Micros] = {}

    @property
    def next_due(self) -> Micros | None:
        """When the next of them is forgotten: gather again then."""
        return min(self.until.values(), default=None)


def keep(
    before: Topology, after: Topology, departed: Departed, now: Micros, keep_for: Micros
) -> tuple[Topology, Departed]:
    """`after`, with the nodes and edges of `before` that left it less than `keep_for` ago.

    `before` is what this function gave the last time, `departed` beside it. What is there again has not left. Of a kept
    node, aliases and attributes that now belong to another are dropped: an address finds who has it today.
    """
    there = {node.id for node in after.nodes}
    until = {
        node.id: due
        for node in before.nodes
        if node.id not in there and (due := departed.until.get(node.id, now + keep_for)) > now
    }
    if not until:
        return after, Departed()
    left = [node for node in before.nodes if node.id in until]
    known = there | until.keys()
    edges = [
        (parent, child)
        for parent, child in before.edges
        if (parent in until or child in until) and parent in known and child in known
    ]
    taken = _taken(left, after.nodes)
    kept = [_without(node, taken) for node in left]
    return topology((*after.nodes, *kept), (*after.edges, *edges)), Departed(until)


def _taken(left: Sequence[Node], nodes: Iterable[Node]) -> set[tuple[str, str]]:
    """By what those who left were found and somebody else is now: (alias, its text), or an attribute and its value."""
    wanted = {
        *(("alias", alias) for node in left for alias in node.aliases),
        *((key, str(value)) for node in left for key, value in node.attributes.items()),
    }
    found: set[tuple[str, str]] = set()
    for node in nodes:
        for name in (node.id, *node.aliases):
            if ("alias", name) in wanted:
                found.add(("alias", name))
        for key, value in node.attributes.items():
            if (key, str(value)) in wanted:
                found.add((key, str(value)))
    return found


def _without(node: Node, taken: set[tuple[str, str]]) -> Node:
    if not taken:
        return node
    return msgspec.structs.replace(
        node,
        aliases=tuple(alias for alias in node.aliases if ("alias", alias) not in taken),
        attributes={key: value for key, value in node.attributes.items() if (key, str(value)) not in taken},
    )
