"""The topology as a value: what a source said, complete, frozen, and the same bytes for the same graph.

Sources make it, the journal refers to it by `digest`, the store keeps `encode`, and `healer.topology.index` makes it
fast. Pure.

What is kept is a list of parts: msgspec holds the interpreter while it decodes, and a million nodes in one piece would
keep everybody else waiting for a second. Where a part ends is told by the names in it, so that two graphs that differ in one
edge have all parts in common but one: `healer.topology.comparing` need not look at those. Parts are compressed: names that
are sorted need a seventh of the room then, in memory and on the way to the disk, where alerts wait behind them.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, TypeVar

import msgspec

MAX_ID = 512
"""Characters of a node's id or alias."""
PART = 4_000
"""Nodes or edges in one part, at least: a few milliseconds to decode."""
PART_MOST = 8_000
"""Nodes or edges in one part, at most."""
ENDS = 1_000
"""One of so many names may be the last of its part."""

PRESSED = 1_000
"""Bytes from which on a part is compressed."""

T = TypeVar("T")


class Group(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Parents that stand in for one another: a fault reaches the child only while fewer than `needs` of them are healthy."""

    needs: int
    members: tuple[str, ...]


class Named(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A thing that can fail, of which no more is said."""

    id: str
    kind: str = ""


class Node(Named, frozen=True, omit_defaults=True, gc=False):
    """A thing that can fail. `aliases` are other names it is found by; `attributes` are what mappings and rules read;
    `redundancy` says which of its parents stand in for one another."""

    aliases: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    redundancy: tuple[Group, ...] = ()


class Topology(msgspec.Struct, frozen=True, omit_defaults=True):
    """Nodes by id, and edges (parent, child): a fault of the parent reaches the child. Sorted, without repetitions."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        """Canonical msgpack: a list of parts, each a topology of its own."""
        return encode(self.nodes, self.edges)

    def digest(self) -> str:
        """SHA-256 of `encode()`, in hexadecimal."""
        return hashlib.sha256(self.encode()).hexdigest()


def kind_of(name: str) -> str:
    """The kind that an id of the form `kind/name` tells; "" for another."""
    kind, slash, _ = name.partition("/")
    return kind if slash else ""


def topology(nodes: Iterable[Node], edges: Iterable[tuple[str, str]]) -> Topology:
    """A topology in its canonical order. The caller has checked it."""
    return Topology(tuple(sorted(nodes, key=_id)), tuple(_sorted(edges)))


def _sorted(edges: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """By parent, then child, each once: names are compared, not pairs, which takes a third of the time."""
    children: dict[str, list[str]] = {}
    for parent, child in edges:
        children.setdefault(parent, []).append(child)
    for parent in sorted(children):
        for child in sorted(set(children[parent])):
            yield parent, child


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """A part that is not decoded yet, with what is in it."""

    nodes: int
    edges: int
    data: bytes

    def part(self) -> Topology:
        """Raises msgspec.DecodeError."""
        return _decoder.decode(_opened(self.data))


def encode(nodes: Sequence[Named], edges: Sequence[tuple[str, str]]) -> bytes:
    """What `Topology.encode` says of nodes and edges in their canonical order."""
    written = [
        *(Piece(len(some), 0, _pressed(_encoder.encode({"nodes": some}))) for some in _slices(nodes, _id)),
        *(Piece(0, len(some), _pressed(_encoder.encode({"edges": some}))) for some in _slices(edges, _below)),
    ]
    return _encoder.encode(written)


def pieces(data: bytes) -> list[Piece]:
    """What `encode` wrote, in parts that are not decoded yet, all nodes before the first edge. Raises msgspec.DecodeError."""
    if data[:1] and data[0] >> 4 == _MAP:  # in one piece, as it was kept at first
        return [_sized(data)]
    return [one if isinstance(one, Piece) else _sized(one) for one in _list.decode(data)]


def _sized(data: bytes) -> Piece:
    """A part as earlier versions kept it."""
    part = _decoder.decode(data)
    return Piece(len(part.nodes), len(part.edges), data)


def parts(data: bytes) -> Iterator[Topology]:
    """What `encode` wrote, part by part, all nodes before the first edge. Raises msgspec.DecodeError."""
    return map(Piece.part, pieces(data))


def decode(data: bytes) -> Topology:
    """The topology again. Raises msgspec.DecodeError."""
    found = list(parts(data))
    return Topology(
        tuple(node for part in found for node in part.nodes), tuple(edge for part in found for edge in part.edges)
    )


def _slices(items: Sequence[T], name: Callable[[T], str]) -> Iterator[tuple[T, ...]]:
    """Cut after an item whose name says so, whatever comes before it; at `PART_MOST` where none does."""
    start = 0
    while start < len(items):
        end = min(start + PART_MOST, len(items))
        for at in range(start + PART, end):
            if zlib.crc32(name(items[at - 1]).encode()) % ENDS == 0:
                end = at
                break
        yield tuple(items[start:end])
        start = end


def _pressed(piece: bytes) -> bytes:
    return zlib.compress(piece, 1) if len(piece) >= PRESSED else piece


def _opened(piece: bytes) -> bytes:
    """A part as it was before it was compressed, if it was: those of earlier versions are not."""
    if piece[:1] != _ZLIB:
        return piece
    try:
        return zlib.decompress(piece)
    except zlib.error as error:
        raise msgspec.DecodeError(str(error)) from None


def _id(node: Named) -> str:
    return node.id


_below: Callable[[tuple[str, str]], str] = itemgetter(1)
_ZLIB = b"\x78"
"""The first byte of what is compressed; msgpack would begin a number with it, and a part is a map."""
_MAP = 0x8
"""The upper half of the byte with which msgpack begins a small map."""
_encoder = msgspec.msgpack.Encoder(order="sorted")
_decoder = msgspec.msgpack.Decoder(Topology)
_list: msgspec.msgpack.Decoder[list[Piece | bytes]] = msgspec.msgpack.Decoder(list[Piece | bytes])
