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


class Node(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
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
        nodes = (Topology(nodes=some) for some in _slices(self.nodes, _id))
        edges = (Topology(edges=some) for some in _slices(self.edges, _below))
        return _encoder.encode([_pressed(_encoder.encode(part)) for part in (*nodes, *edges)])

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


def pieces(data: bytes) -> list[bytes]:
    """What `encode` wrote, in parts that are not decoded yet, all nodes before the first edge. Raises msgspec.DecodeError."""
    if data[:1] and data[0] >> 4 == _MAP:  # in one piece, as it was kept at first
        return [data]
    return _list.decode(data)


def part(piece: bytes) -> Topology:
    """One of `pieces`. Raises msgspec.DecodeError."""
    return _decoder.decode(_opened(piece))


def size(piece: bytes) -> tuple[int, int]:
    """Nodes and edges of one of `pieces`, in a tenth of the time that decoding takes. Raises msgspec.DecodeError."""
    counted = _counter.decode(_opened(piece))
    return len(counted.nodes), len(counted.edges)


def parts(data: bytes) -> Iterator[Topology]:
    """What `encode` wrote, part by part, all nodes before the first edge. Raises msgspec.DecodeError."""
    return map(part, pieces(data))


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


class _Sizes(msgspec.Struct):
    nodes: list[msgspec.Raw] = []
    edges: list[msgspec.Raw] = []


def _id(node: Node) -> str:
    return node.id


_below: Callable[[tuple[str, str]], str] = itemgetter(1)
_ZLIB = b"\x78"
"""The first byte of what is compressed; msgpack would begin a number with it, and a part is a map."""
_MAP = 0x8
"""The upper half of the byte with which msgpack begins a small map."""
_encoder = msgspec.msgpack.Encoder(order="sorted")
_decoder = msgspec.msgpack.Decoder(Topology)
_counter = msgspec.msgpack.Decoder(_Sizes)
_list = msgspec.msgpack.Decoder(list[bytes])
