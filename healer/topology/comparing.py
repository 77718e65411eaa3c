"""Two topologies side by side, part by part: how much is gone, and what changed, without holding either as objects. Pure.

Parts that both have are not looked at (`healer.topology.graph` cuts so that most are). Both are sorted, so one walk over what
is left is enough; `healer.topology.patch.difference` says the same of topologies in memory.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any, TypeVar

import msgspec

from healer.topology.graph import Node, Piece, pieces
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


class Differing(msgspec.Struct):
    """Two graphs without the parts that both have: `nodes` and `edges` are in those, `new` are nodes and edges in `after`."""

    before: list[Piece]
    after: list[Piece]
    nodes: int = 0
    edges: int = 0
    new: tuple[int, int] = (0, 0)

    def __len__(self) -> int:
        """Bytes that are left to look at."""
        return sum(len(one.data) for one in (*self.before, *self.after))


def differing(before: bytes, after: bytes) -> Differing:
    """Both as `Topology.encode` wrote them. Raises msgspec.DecodeError."""
    old, new = pieces(before), pieces(after)
    both = set(old).intersection(new)
    found = Differing([one for one in old if one not in both], [one for one in new if one not in both])
    found.nodes, found.edges = _sizes(both)
    found.new = _sizes(found.after)
    return found


def compare(before: bytes, after: bytes, most: int) -> Compared:
    """Both as `Topology.encode` wrote them; the patch has at most `most` changes. Raises msgspec.DecodeError."""
    return counted(differing(before, after), most)


def counted(left: Differing, most: int) -> Compared:
    """As `compare`. Raises msgspec.DecodeError."""
    found = Compared(left.nodes, left.edges, left.nodes, left.edges)
    if not left.before and sum(left.new) > most:  # all of it is new, and too much for a patch: nothing to look at
        found.nodes += left.new[0]
        found.edges += left.new[1]
        return found
    before, after, changes = left.before, left.after, _Changes(most)
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


def _sizes(some: Collection[Piece]) -> tuple[int, int]:
    return sum(one.nodes for one in some), sum(one.edges for one in some)


def _nodes(some: Iterable[Piece]) -> Iterator[Node]:
    return chain.from_iterable(one.part().nodes for one in some)


def _edges(some: Iterable[Piece]) -> Iterator[Edge]:
    return chain.from_iterable(one.part().edges for one in some)
