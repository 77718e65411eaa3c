"""A topology becomes numbers in arrays: see `healer.topology.packed`. Pure.

Called for every index; for a large topology by `healer.survey.apart`, in a process of its own, since a million nodes take two
seconds. One step for all nodes is quicker than all steps for one, so there are many lists.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain

import msgspec

from healer.topology.graph import Node, Topology, kind_of
from healer.topology.names import Names
from healer.topology.packed import NONE, SEVERAL, Numbers, Packed, Said, written


def pack(parts: Iterable[Topology], most: int = 1 << 31) -> Packed:
    """A topology, whole or in parts, of which at most so many nodes count: those that come first by their names, and the
    edges between them. Raises ValueError for an edge from a node to itself."""
    kept = list(parts)
    nodes = sorted(chain.from_iterable(part.nodes for part in kept), key=_id)[:most]
    names = [node.id for node in nodes]
    count, number = len(names), dict(zip(names, range(len(names)), strict=True)).get
    ends = [(number(parent), number(child)) for part in kept for parent, child in part.edges]
    edges = sorted([p * count + c for p, c in ends if p is not None and c is not None])
    return arrange(names, list(enumerate(nodes)), edges)


def arrange(names: Sequence[str], nodes: Iterable[tuple[int, Node]], edges: Sequence[int]) -> Packed:
    """Of sorted names, the nodes of which more is said with their places, and sorted edges: the parent's place, times the
    count of names, plus the child's. Raises ValueError for an edge from a node to itself."""
    count = len(names)
    above, below = [edge // count for edge in edges], [edge % count for edge in edges]
    parents, several = _upwards(names, above, below)
    described = [
        (number, node) for number, node in nodes if node.attributes or node.kind or node.aliases or node.redundancy
    ]
    said, ends = _said(count, described)
    aliases = sorted((alias, number) for number, node in described for alias in node.aliases)
    return Packed(
        names=Names.of(names),
        parents=parents,
        several=several,
        start=_starts(count, above),
        children=array("i", below),
        said=said,
        ends=ends,
        aliases=Names.of([alias for alias, _ in aliases]),
        aliased=array("i", [node for _, node in aliases]),
        grouped=array("i", [number for number, node in described if node.redundancy]),
        found_by=_found_by(described),
    )


def _upwards(names: Sequence[str], above: Sequence[int], below: Sequence[int]) -> tuple[Numbers, Numbers]:
    """Edges come by their parents, so that the parents of each child do."""
    parents, further = array("i", [NONE]) * len(names), dict[int, list[int]]()
    for parent, child in zip(above, below, strict=True):
        if parent == child:
            raise ValueError(f"an edge from {names[parent]} to itself: a node cannot be its own cause")
        if parents[child] == NONE:
            parents[child] = parent
        else:
            further.setdefault(child, [parents[child]]).append(parent)
    several = array("i")
    for child, those in further.items():
        parents[child] = SEVERAL - len(several)
        several.append(len(those))
        several.extend(those)
    return parents, several


def _starts(count: int, above: Iterable[int]) -> Numbers:
    """Where the children of each begin, in a list of all of them."""
    children = [0] * count
    for parent, having in Counter(above).items():
        children[parent] = having
    return array("I", accumulate(children, initial=0))


def _said(count: int, described: Iterable[tuple[int, Node]]) -> tuple[bytes, Numbers]:
    """What is said of each, one after the other, and where it ends; nothing at all where nothing is said of any."""
    found: dict[int, bytes] = {}
    for number, node in described:
        kind = "" if node.kind == kind_of(node.id) else node.kind
        if kind or node.attributes or node.redundancy:
            found[number] = _encode(Said(kind, node.attributes, node.redundancy))
    if not found:
        return b"", array("I")
    pieces = [found.get(number, b"") for number in range(count)]
    return b"".join(pieces), array("I", accumulate(map(len, pieces)))


def _found_by(described: Iterable[tuple[int, Node]]) -> dict[str, Numbers]:
    having: dict[str, list[tuple[str, int]]] = {}
    for number, node in described:
        for attribute, value in node.attributes.items():
            having.setdefault(attribute, []).append((written(value), number))
    return {attribute: array("i", [node for _, node in sorted(having[attribute])]) for attribute in sorted(having)}


def _id(node: Node) -> str:
    return node.id


_encode = msgspec.msgpack.Encoder().encode
