"""Several sources, one graph: who said what, and who is believed where two say different things. Pure.

Sources are asked in the order of the configuration: of a kind, or of one attribute, the first that says it decides.
Aliases and edges add up. `healer.topology.sources.gathering` merges whenever a source has a new answer.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from healer.topology.graph import Node, Topology, topology

MAX_CONFLICTS = 1_000
"""Disagreements that are listed; all are counted."""

Answers = Sequence[tuple[str, Topology]]
"""Names of sources with what each said last, the one that decides first."""


class Conflict(msgspec.Struct, frozen=True):
    """Two sources disagree about `key` (`kind`, or an attribute) of a node; `said` by `source` counts."""

    node: str
    key: str
    source: str
    said: Any
    other: str
    instead: Any


class Merged(msgspec.Struct, frozen=True):
    """One graph, and where its sources disagree: the first of `conflicts` of them."""

    topology: Topology
    disagreements: tuple[Conflict, ...] = ()
    conflicts: int = 0


class _Said:
    """One node as far as it is put together; `by` names who said each key."""

    __slots__ = ("aliases", "attributes", "by", "kind", "redundancy")

    def __init__(self, node: Node, source: str) -> None:
        self.kind = node.kind
        self.aliases = dict.fromkeys(node.aliases)
        self.attributes = dict(node.attributes)
        self.redundancy = node.redundancy
        self.by = dict.fromkeys(("kind", *node.attributes), source)


def merge(answers: Answers) -> Merged:
    """All answers as one graph."""
    if len(answers) == 1:
        return Merged(answers[0][1])
    nodes: dict[str, tuple[Node, str] | _Said] = {}
    found: list[Conflict] = []
    count = 0
    for source, answer in answers:
        for node in answer.nodes:
            known = nodes.get(node.id)
            if known is None:
                nodes[node.id] = (node, source)
                continue
            if isinstance(known, tuple):
                known = nodes[node.id] = _Said(*known)
            for conflict in _add(known, node, source):
                count += 1
                if len(found) < MAX_CONFLICTS:
                    found.append(conflict)
    made = (
        said[0]
        if isinstance(said, tuple)
        else Node(id, said.kind, tuple(said.aliases), said.attributes, said.redundancy)
        for id, said in nodes.items()
    )
    edges = (edge for _, answer in answers for edge in answer.edges if edge[0] in nodes and edge[1] in nodes)
    return Merged(topology(made, edges), tuple(found), count)


def _add(known: _Said, node: Node, source: str) -> list[Conflict]:
    """What another source says of the same node; where it says otherwise, it is not believed."""
    found = []
    if node.kind and not known.kind:
        known.kind, known.by["kind"] = node.kind, source
    elif node.kind and node.kind != known.kind:
        found.append(Conflict(node.id, "kind", known.by["kind"], known.kind, source, node.kind))
    for key, value in node.attributes.items():
        if key not in known.attributes:
            known.attributes[key], known.by[key] = value, source
        elif known.attributes[key] != value:
            found.append(Conflict(node.id, key, known.by[key], known.attributes[key], source, value))
    known.redundancy = known.redundancy or node.redundancy
    known.aliases.update(dict.fromkeys(node.aliases))
    return found
