"""Two topologies side by side, part by part: how much is gone, and what changed, without holding either as objects. Pure.

Both are sorted, so one walk over each is enough; `healer.topology.patch.difference` says the same of topologies in memory.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any, TypeVar

import msgspec

from healer.topology.graph import Node, parts
from healer.topology.patch import Edge, Patch

T = TypeVar("T")


class Compared(msgspec.Struct):
    """Counts of both, and of what is gone; `patch` is None when there are more changes than were wanted."""

    nodes: int = 0
    edges: int = 0
    nodes_before: int = 0
    edges_before: int = 0
    nodes_gone: int = 0
    edges_gone: int = 0
    patch: Patch | None = None


class _Changes:
    """Collects changes until there are too many."""

    def __init__(self, most: int) -> None:
        self._left = most
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.cut: list[Edge] = []
        self.unsaid: list[tuple[str, str]] = []
        self.gone: list[str] = []

    def add(self, where: list[T], what: T) -> None:
        self._left -= 1
        if self._left >= 0:
            where.append(what)

    def patch(self) -> Patch | None:
        if self._left < 0:
            return None
        return Patch(
            tuple(self.nodes), tuple(self.edges), tuple(self.cut), tuple(sorted(self.unsaid)), tuple(self.gone)
        )


def compare(before: bytes, after: bytes, most: int) -> Compared:
    """Both as `Topology.encode` wrote them; the patch has at most `most` changes. Raises msgspec.DecodeError."""
    found, changes = Compared(), _Changes(most)
    for old, new in _side_by_side(_nodes(before), _nodes(after), lambda node: node.id):
        found.nodes_before += old is not None
        found.nodes += new is not None
        if new is None:
            found.nodes_gone += 1
            changes.add(changes.gone, old.id)
        elif old != new:
            changes.add(changes.nodes, new)
        if old is not None and old.aliases:
            for alias in old.aliases:
                if new is None or alias not in new.aliases:
                    changes.add(changes.unsaid, (alias, old.id))
    for was, now in _side_by_side(_edges(before), _edges(after), lambda edge: edge):
        found.edges_before += was is not None
        found.edges += now is not None
        if now is None:
            found.edges_gone += 1
            changes.add(changes.cut, was)
        elif was is None:
            changes.add(changes.edges, now)
    found.patch = changes.patch()
    return found


def _side_by_side(before: Iterator[Any], after: Iterator[Any], key: Any) -> Iterator[tuple[Any, Any]]:
    """What has the same key together, in order; None where one side has nothing."""
    old, new = next(before, None), next(after, None)
    while old is not None and new is not None:
        was, now = key(old), key(new)
        if was == now:
            yield old, new
            old, new = next(before, None), next(after, None)
        elif was < now:
            yield old, None
            old = next(before, None)
        else:
            yield None, new
            new = next(after, None)
    while old is not None:
        yield old, None
        old = next(before, None)
    while new is not None:
        yield None, new
        new = next(after, None)


def _nodes(data: bytes) -> Iterator[Node]:
    return chain.from_iterable(part.nodes for part in parts(data))


def _edges(data: bytes) -> Iterator[Edge]:
    return chain.from_iterable(part.edges for part in parts(data) if part.edges)
