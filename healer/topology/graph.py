"""The topology as a value: what a source said, complete, frozen, and the same bytes for the same graph.

Sources make it, the journal refers to it by `digest`, the store keeps `encode`, and `healer.topology.index` makes it
fast. Pure.

What is kept is a list of parts: msgspec holds the interpreter while it decodes, and a million nodes in one piece would
keep everybody else waiting for a second.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

MAX_ID = 512
"""Characters of a node's id or alias."""
PART = 5_000
"""Nodes or edges in one part: a few milliseconds to decode."""

T = TypeVar("T")


class Group(msgspec.Struct, frozen=True, array_like=True):
    """Parents that stand in for one another: a fault reaches the child only while fewer than `needs` of them are healthy."""

    needs: int
    members: tuple[str, ...]


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """A thing that can fail. `aliases` are other names it is found by; `attributes` are what mappings and rules read;
    `redundancy` says which of its parents stand in for one another."""

    id: str
    kind: str = ""
    aliases: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    redundancy: tuple[Group, ...] = ()


class Topology(msgspec.Struct, frozen=True, omit_defaults=True):
    """Nodes by id, and edges (parent, child): a fault of the parent reaches the child. Sorted, without repetitions."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        """Canonical msgpack: a list of parts, each a topology of its own."""
        nodes = (Topology(nodes=some) for some in _slices(self.nodes))
        edges = (Topology(edges=some) for some in _slices(self.edges))
        return _encoder.encode([_encoder.encode(part) for part in (*nodes, *edges)])

    def digest(self) -> str:
        """SHA-256 of `encode()`, in hexadecimal."""
        return hashlib.sha256(self.encode()).hexdigest()


def topology(nodes: Iterable[Node], edges: Iterable[tuple[str, str]]) -> Topology:
    """A topology in its canonical order. The caller has checked it."""
    return Topology(tuple(sorted(nodes, key=lambda node: node.id)), tuple(sorted(set(edges))))


def parts(data: bytes) -> Iterator[Topology]:
    """What `encode` wrote, part by part, all nodes before the first edge. Raises msgspec.DecodeError."""
    if data[:1] and data[0] >> 4 == _MAP:  # in one piece, as it was kept at first
        yield _decoder.decode(data)
        return
    for part in _list.decode(data):
        yield _decoder.decode(part)


def decode(data: bytes) -> Topology:
    """The topology again. Raises msgspec.DecodeError."""
    found = list(parts(data))
    return Topology(
        tuple(node for part in found for node in part.nodes), tuple(edge for part in found for edge in part.edges)
    )


def _slices(items: Sequence[T]) -> Iterator[tuple[T, ...]]:
    for start in range(0, len(items), PART):
        yield tuple(items[start : start + PART])


_MAP = 0x8
"""The upper half of the byte with which msgpack begins a small map."""
_encoder = msgspec.msgpack.Encoder(order="sorted")
_decoder = msgspec.msgpack.Decoder(Topology)
_list = msgspec.msgpack.Decoder(list[bytes])
