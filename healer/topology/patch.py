"""What changed from one topology to the next, small enough for the journal. Pure.

A change of one edge in a million must not cost a million: the journal gets the difference, the index takes it in place,
and the fold remembers the sum of them for its snapshot. `healer.topology.sources.gathering` makes them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from healer.topology.graph import Node, Topology, topology
from healer.topology.index import Index

MAX_CHANGES = 2_000
"""Changes of one patch: the fold applies it between two looks at the alerts, in a few milliseconds."""

Edge = tuple[str, str]
T = TypeVar("T")


class Patch(msgspec.Struct, frozen=True, omit_defaults=True):
    """Nodes that are new or said otherwise, edges that are new; then edges, aliases (alias, node) and nodes that are gone.
    Each part sorted."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    cut: tuple[Edge, ...] = ()
    unsaid: tuple[tuple[str, str], ...] = ()
    gone: tuple[str, ...] = ()

    def __len__(self) -> int:
        return sum(map(len, (self.nodes, self.edges, self.cut, self.unsaid, self.gone)))


def difference(before: Topology, after: Topology) -> Patch:
    """What makes `after` of `before`."""
    old = {node.id: node for node in before.nodes}
    new = {node.id: node.aliases for node in after.nodes}
    had, has = set(before.edges), set(after.edges)
    return Patch(
        nodes=tuple(node for node in after.nodes if old.get(node.id) != node),
        edges=tuple(edge for edge in after.edges if edge not in had),
        cut=tuple(edge for edge in before.edges if edge not in has),
        unsaid=tuple(
            sorted((alias, one.id) for one in before.nodes for alias in one.aliases if alias not in new.get(one.id, ()))
        ),
        gone=tuple(node.id for node in before.nodes if node.id not in new),
    )


def patched(before: Topology, patch: Patch) -> Topology:
    """The topology after the change."""
    gone, cut = set(patch.gone), set(patch.cut)
    nodes = {node.id: node for node in (*before.nodes, *patch.nodes) if node.id not in gone}
    edges = (edge for edge in (*before.edges, *patch.edges) if edge not in cut)
    return topology(nodes.values(), edges)


def pieces(patch: Patch, most: int = MAX_CHANGES) -> Iterator[Patch]:
    """The same change in steps of at most `most`, in an order in which nothing is without its cause in between: what is new
    comes before what goes."""
    if len(patch) <= most:
        yield patch
        return
    for nodes in _some(patch.nodes, most):
        yield Patch(nodes=nodes)
    for edges in _some(patch.edges, most):
        yield Patch(edges=edges)
    for cut in _some(patch.cut, most):
        yield Patch(cut=cut)
    for unsaid in _some(patch.unsaid, most):
        yield Patch(unsaid=unsaid)
    for gone in _some(patch.gone, most):
        yield Patch(gone=gone)


class Sum:
    """Patches added up: what one patch would say instead of all of them. A part of the fold's memory."""

    def __init__(self, patch: Patch | None = None) -> None:
        self._nodes: dict[str, Node | None] = {}
        self._edges: dict[Edge, bool] = {}
        self._unsaid: dict[tuple[str, str], None] = {}
        if patch is not None:
            self.add(patch)

    def __len__(self) -> int:
        return len(self._nodes) + len(self._edges) + len(self._unsaid)

    def add(self, patch: Patch) -> None:
        for node in patch.nodes:
            self._nodes[node.id] = node
            for alias in node.aliases if self._unsaid else ():
                self._unsaid.pop((alias, node.id), None)
        self._edges.update(dict.fromkeys(patch.edges, True))
        self._edges.update(dict.fromkeys(patch.cut, False))
        self._unsaid.update(dict.fromkeys(patch.unsaid))
        self._nodes.update(dict.fromkeys(patch.gone))

    def patch(self) -> Patch:
        nodes = sorted(self._nodes)
        edges = sorted(self._edges)
        return Patch(
            nodes=tuple(node for name in nodes if (node := self._nodes[name]) is not None),
            edges=tuple(edge for edge in edges if self._edges[edge]),
            cut=tuple(edge for edge in edges if not self._edges[edge]),
            unsaid=tuple(sorted(self._unsaid)),
            gone=tuple(name for name in nodes if self._nodes[name] is None),
        )


def _some(items: Sequence[T], most: int) -> Iterable[tuple[T, ...]]:
    return (tuple(items[start : start + most]) for start in range(0, len(items), most))


Differences = dict[int, set[int] | None]
"""By node: those from which there is another way to it than before, or none; None where its parents stand in for one another
otherwise."""


def change(index: Index, patch: Patch) -> Differences:
    """Bring an index to the topology after the change. Returns the nodes above which, or at which, something is different."""
    found: Differences = {}

    def differs(above: int, below: int) -> None:
        others = found.setdefault(below, set())
        if others is not None:
            others.add(above)
            others.update(one for one, _ in index.above(above))

    for node in patch.nodes:
        grouped = index.id(node.id) in index.groups or node.redundancy
        number = index.add(node.id, node.kind, node.attributes, node.aliases, node.redundancy)
        if grouped and number >= 0:  # else beyond its limit of nodes
            found[number] = None
    cut = [edge for edge in _numbered(index, patch.cut) if edge[0] in index.parents(edge[1])]
    for above, below in cut:
        differs(above, below)  # before it is cut, and others with it
    added = list(_numbered(index, patch.edges))
    for above, below in added:
        index.link(above, below)
    for above, below in cut:
        index.unlink(above, below)
    for above, below in added:
        differs(above, below)
    for alias, name in patch.unsaid:
        index.unsay(alias, name)
    for name in patch.gone:
        if index.id(name) in index.groups:
            found[index.id(name)] = None
        index.remove(name)
    return found


def _numbered(index: Index, edges: Iterable[Edge]) -> Iterator[tuple[int, int]]:
    """Those of which both ends are known, and two."""
    for parent, child in edges:
        above, below = index.id(parent), index.id(child)
        if above >= 0 and below >= 0 and above != below:
            yield above, below
