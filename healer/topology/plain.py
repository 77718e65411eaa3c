"""Read a large node-link document that has nothing unusual in it, in a fifth of the time that a close look takes. Pure.

Called by `healer.survey.work`, before `healer.topology.node_link`: a document that would be read otherwise there, or that has
mistakes, is None here.
"""

from collections.abc import Mapping, Sequence
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
    edges: list[E] = []
    links: list[E] = []
    directed: bool = True
    multigraph: Any = None
    graph: Any = None


def read(body: bytes) -> tuple[bytes, Packed] | None:
    """The graph as `Topology.encode` writes it, and the same for an index."""
    document = _decoded(body)
    if document is None or not document.directed or (document.edges and document.links):
        return None
    named = _named(document.nodes)
    if named is None:
        return None
    nodes = sorted(named, key=lambda node: node.id)
    names = [node.id for node in nodes]
    number = dict(zip(names, range(len(names)), strict=True))
    if len(number) < len(names) or not _are_ids(names):
        return None
    count = len(names)
    more = [
        (place, node if isinstance(node, Node) else Node(node.id, node.kind))
        for place, node in enumerate(nodes)
        if node.kind or isinstance(node, Node)
    ]
    try:
        edges = _numbered(document.edges or document.links, number)
        packed = arrange(names, more, edges)
    except (KeyError, ValueError):  # an edge to nowhere, or from a node to itself
        return None
    return encode(nodes, [(names[edge // count], names[edge % count]) for edge in edges]), packed


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
    """Each once, sorted."""
    count = len(number)
    if edges and isinstance(edges[0], _Edge):
        found = [number[edge.source] * count + number[edge.target] for edge in cast("Sequence[_Edge]", edges)]
    else:
        pairs = cast("Sequence[tuple[str, str]]", edges)
        found = [number[parent] * count + number[child] for parent, child in pairs]
    found.sort()
    once = set(found)
    return found if len(once) == len(found) else sorted(once)


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
