"""What a person should know about a topology before trusting it, and the same graph for networkx. Pure.

Called by `healer check`, `healer topology show` and exports; never while alerts are judged.
"""

from typing import Any, Literal

import msgspec
import networkx as nx

from healer.topology.graph import Node, Topology, kind_of

HUB_CHILDREN = 1_000
"""Children from which on a node is called a hub: when it alerts, all of them are explained by it."""
HUB_PARENTS = 16
"""Parents from which on a node is called a hub: any of them explains it."""
_SHOWN = 5
"""Ids a note names before it says how many more there are."""


class Note(msgspec.Struct, frozen=True):
    """Something that is legal and worth a look: nodes that form it, and what it means in words.

    The last four are told by `healer.topology.doubts`.
    """

    kind: Literal["cycle", "island", "hub", "stranger", "unreached", "unknown kind", "unknown attribute"]
    nodes: tuple[str, ...]
    text: str


def to_networkx(topology: Topology) -> "nx.DiGraph[str]":
    """The graph with `kind`, `aliases` and the attributes on its nodes."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for node in topology.nodes:
        attributes: dict[str, Any] = {**node.attributes, "kind": node.kind or kind_of(node.id)}
        graph.add_node(node.id, **attributes, **_given(node))
    graph.add_edges_from(topology.edges)
    return graph


def _given(node: Node) -> dict[str, Any]:
    given: dict[str, Any] = {"aliases": list(node.aliases)} if node.aliases else {}
    if node.redundancy:
        given["redundancy"] = [{"members": list(group.members), "needs": group.needs} for group in node.redundancy]
    return given


def notes(topology: Topology) -> list[Note]:
    """Cycles, islands (nodes that nothing connects to the largest part) and hubs, in that order, by name."""
    graph = to_networkx(topology)
    return [*_cycles(graph), *_islands(graph), *_hubs(graph)]


def _cycles(graph: "nx.DiGraph[str]") -> list[Note]:
    found = sorted(tuple(sorted(part)) for part in nx.strongly_connected_components(graph) if len(part) > 1)
    return [
        Note(
            "cycle",
            part,
            f"{_some(part)} depend on one another: of those that alert, the most severe (then the earliest) explains the others",
        )
        for part in found
    ]


def _islands(graph: "nx.DiGraph[str]") -> list[Note]:
    parts = sorted(
        (tuple(sorted(part)) for part in nx.weakly_connected_components(graph)), key=lambda part: (-len(part), part)
    )
    return [
        Note("island", part, f"{_some(part)}: no edge leads to the rest, so nothing there explains or is explained")
        for part in parts[1:]
    ]


def _hubs(graph: "nx.DiGraph[str]") -> list[Note]:
    found = []
    for node in sorted(graph):
        children, parents = graph.out_degree(node), graph.in_degree(node)
        if children >= HUB_CHILDREN:
            found.append(
                Note("hub", (node,), f"{node} has {children} children: its alert explains all that is beneath")
            )
        if parents >= HUB_PARENTS:
            found.append(Note("hub", (node,), f"{node} has {parents} parents: an alert of any of them explains it"))
    return found


def _some(nodes: tuple[str, ...]) -> str:
    rest = len(nodes) - _SHOWN
    return ", ".join(nodes[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
