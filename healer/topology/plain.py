"""Read a large node-link document that has nothing unusual in it, in a fifth of the time that a close look takes. Pure.

Called by `healer.survey.work`, before `healer.topology.node_link`: a document that would be read otherwise there, or that has
mistakes, is None here.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from operator import attrgetter, eq
from typing import Any, Generic, TypeVar, cast

import msgspec

from healer.topology.graph import MAX_ID, Named, Node, encode
from healer.topology.packed import Packed
from healer.topology.packing import arrange

N = TypeVar("N")
E = TypeVar("E")


class _Bare(Named, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    pass


class _Edge(msgspec.Struct, gc=False):
    source: str
    target: str


class _Document(msgspec.Struct, Generic[N, E], forbid_unknown_fields=True):
    nodes: list[N] = []
    edges: list[E] | msgspec.UnsetType = msgspec.UNSET
    links: list[E] | msgspec.UnsetType = msgspec.UNSET
    directed: bool = True
    multigraph: Any = None
    graph: Any = None


def read(body: bytes) -> tuple[bytes, Packed] | None:
    """The graph as `Topology.encode` writes it, and the same for an index."""
    document = _decoded(body)
    if document is None or not document.directed or msgspec.UNSET not in (document.edges, document.links):
        return None
    named = _named(document.nodes)
    if named is None:
        return None
    nodes = sorted(named, key=attrgetter("id"))
    names = [node.id for node in nodes]
    number = dict(zip(names, range(len(names)), strict=True))
    if len(number) < len(names) or not _are_ids(names):
        return None
    try:
        edges = _numbered(document.edges or document.links or (), number)
        packed = arrange(names, _more(nodes), edges)
    except (KeyError, ValueError):  # an edge to nowhere, or from a node to itself
        return None
    del number
    name, count = names.__getitem__, len(names)
    above, below = (edge // count for edge in edges), (edge % count for edge in edges)
    return encode(nodes, list(zip(map(name, above), map(name, below), strict=True))), packed


def _decoded(body: bytes) -> _Document[Any, Any] | None:
    for decoder in _decoders:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError:
            continue
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
    return None


def _numbered(edges: Sequence[_Edge | tuple[str, str]], number: Mapping[str, int]) -> list[int]:
    """Each once, sorted. All parents are looked up before the first child: they are few, and next to one another."""
    if edges and isinstance(edges[0], _Edge):
        said = cast("Sequence[_Edge]", edges)
        above, below = [number[edge.source] for edge in said], [number[edge.target] for edge in said]
    else:
        pairs = cast("Sequence[tuple[str, str]]", edges)
        above, below = [number[parent] for parent, _ in pairs], [number[child] for _, child in pairs]
    count = len(number)
    found = [parent * count + child for parent, child in zip(above, below, strict=True)]
    found.sort()
    twice = any(map(eq, found, islice(found, 1, None)))
    return sorted(set(found)) if twice else found


def _more(nodes: Sequence[Named]) -> list[tuple[int, Node]]:
    """The nodes of which more is said than their names, with their places."""
    if nodes and isinstance(nodes[0], Node):
        return list(enumerate(cast("Sequence[Node]", nodes)))
    return [(place, Node(node.id, node.kind)) for place, node in enumerate(nodes) if node.kind]


def _named(said: Sequence[Any]) -> Sequence[Named] | None:
    return _described(said) if said and isinstance(said[0], dict) else said


def _described(said: Sequence[dict[str, Any]]) -> list[Node] | None:
    """Nodes with attributes, if all of them are texts."""
    nodes = []
    for one in said:
        if not _UNUSUAL.isdisjoint(one) or not set(map(type, one.values())) <= _TEXT or "id" not in one:
            return None
        nodes.append(Node(one.pop("id"), one.pop("kind", ""), (), one))
    return nodes


def _are_ids(names: Sequence[str]) -> bool:
    return (
        all(names)
        and all(map(str.isprintable, names))
        and max(map(len, names), default=0) <= MAX_ID
        and names == list(map(str.strip, names))
    )


_TEXT = frozenset({str})
_UNUSUAL = frozenset({"aliases", "alias", "children", "redundancy", "sources"})
_decoders: tuple[msgspec.json.Decoder[_Document[Any, Any]], ...] = (
    msgspec.json.Decoder(_Document[_Bare, _Edge]),
    msgspec.json.Decoder(_Document[_Bare, tuple[str, str]]),
    msgspec.json.Decoder(_Document[dict[str, Any], _Edge]),
    msgspec.json.Decoder(_Document[dict[str, Any], tuple[str, str]]),
)
