"""The topology as a value: what a source said, complete, frozen, and the same bytes for the same graph.

Sources make it, the journal refers to it by `digest`, the store keeps `encode`, and `healer.topology.index` makes it
fast. Pure.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

MAX_ID = 512
"""Characters of a node's id or alias."""


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """A thing that can fail. `aliases` are other names it is found by; `attributes` are what mappings and rules read."""

    id: str
    kind: str = ""
    aliases: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}


class Topology(msgspec.Struct, frozen=True):
    """Nodes by id, and edges (parent, child): a fault of the parent reaches the child. Sorted, without repetitions."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        """Canonical msgpack."""
        return _encoder.encode(self)

    def digest(self) -> str:
        """SHA-256 of `encode()`, in hexadecimal."""
        return hashlib.sha256(self.encode()).hexdigest()


def topology(nodes: Iterable[Node], edges: Iterable[tuple[str, str]]) -> Topology:
    """A topology in its canonical order. The caller has checked it."""
    return Topology(tuple(sorted(nodes, key=lambda node: node.id)), tuple(sorted(set(edges))))


def decode(data: bytes) -> Topology:
    """The topology again. Raises msgspec.DecodeError."""
    return _decoder.decode(data)


_encoder = msgspec.msgpack.Encoder(order="sorted")
_decoder = msgspec.msgpack.Decoder(Topology)
