"""Read a large node-link document that has nothing unusual in it, in a fifth of the time that a close look takes. Pure.

Called by `healer.survey.work`, before `healer.topology.node_link`: a document that would be read otherwise there, or that has
mistakes, is None here.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from healer.topology.graph import MAX_ID, Node, Topology
from healer.topology.packed import Packed
from healer.topology.packing import arrange


class _Bare(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: str
    kind: str = ""


class _Edge(msgspec.Struct, gc=False):
    source: str
    target: str


class _Document(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    edges: list[_Edge | tuple[str, str]] = []
    links: list[_Edge | tuple[str, str]] = []
    directed: bool = True
    multigraph: Any = None
    graph: Any = None


class _OfBare(_Document):
    nodes: list[_Bare] = []


class _OfAny(_Document):
    nodes: list[dict[str, Any]] = []


T = TypeVar("T")


def read(body: bytes) -> tuple[Topology, Packed] | None:
    """The topology, and the same for an index."""
    document: _OfBare | _OfAny | None = _decoded(body, _OfBare) or _decoded(body, _OfAny)
    if document is None or not document.directed or (document.edges and document.links):
        return None
    nodes = (
        [Node(one.id, one.kind) for one in document.nodes]
        if isinstance(document, _OfBare)
        else _described(document.nodes)
    )
    if nodes is None:
        return None
    nodes.sort(key=lambda node: node.id)
    names = [node.id for node in nodes]
    number = dict(zip(names, range(len(names)), strict=True))
    ends = [(one.source, one.target) if isinstance(one, _Edge) else one for one in document.edges or document.links]
    if len(number) < len(names) or not _are_ids(names):
        return None
    try:
        count = len(names)
        edges = sorted([number[parent] * count + number[child] for parent, child in ends])
        if len(once := set(edges)) < len(edges):
            edges = sorted(once)
        packed = arrange(nodes, names, edges)
    except (KeyError, ValueError):  # an edge to nowhere, or from a node to itself
        return None
    return Topology(tuple(nodes), tuple([(names[edge // count], names[edge % count]) for edge in edges])), packed


def _decoded(body: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _described(said: list[dict[str, Any]]) -> list[Node] | None:
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
