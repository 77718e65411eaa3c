"""The whole topology as node-link JSON, each node and edge with the sources that say it. Pure; made in pieces, because a
million nodes are 150 MiB of text.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from healer.topology.answers import Answer
from healer.topology.graph import Node, decode

AT_ONCE = 2_000
"""Nodes or edges of one piece."""

_encode = msgspec.json.Encoder(order="sorted").encode


def node_link(graph: bytes, answers: Sequence[Answer], about: dict[str, Any]) -> Iterator[bytes]:
    """The graph as networkx writes it; `about` goes into its `graph`. What no source says any more has an empty list."""
    topology = decode(graph)
    said = [(answer.source, decode(answer.data)) for answer in answers]
    nodes = [(name, {node.id for node in one.nodes}) for name, one in said]
    edges = [(name, set(one.edges)) for name, one in said]
    yield b'{"directed":true,"multigraph":false,"graph":' + _encode(about) + b',"nodes":['
    yield from _pieces(
        [_node(node, [name for name, ids in nodes if node.id in ids]) for node in some] for some in _cut(topology.nodes)
    )
    yield b'],"edges":['
    yield from _pieces(
        [
            {"source": edge[0], "target": edge[1], "sources": [name for name, known in edges if edge in known]}
            for edge in some
        ]
        for some in _cut(topology.edges)
    )
    yield b"]}"


def _node(node: Node, sources: list[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {**node.attributes, "id": node.id, "sources": sources}
    if node.kind:
        shown["kind"] = node.kind
    if node.aliases:
        shown["aliases"] = node.aliases
    if node.redundancy:
        shown["redundancy"] = [{"members": group.members, "needs": group.needs} for group in node.redundancy]
    return shown


def _pieces(lists: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    first = True
    for items in lists:
        yield (b"" if first else b",") + _encode(items)[1:-1]
        first = False


def _cut(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]
