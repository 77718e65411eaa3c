"""The graph made fast: what lies above and below a node, at the same cost however large the topology is. Pure.

Names are small integers; an array holds the first parent of each, a small table the further ones. Nothing is marked when
something fails: who asks walks up. The engine asks on every alert, so the walk up is the road that has to be short.
"""

from array import array
from bisect import insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any

import msgspec

from healer.topology.circles import find_circles
from healer.topology.graph import Group, Topology
from healer.topology.redundancy import of, reaching

MAX_NODES = 2_000_000
"""Nodes at most; alerts may bring in new ones by their labels."""


class Growth(msgspec.Struct, frozen=True):
    """What alerts' labels added to a topology, in the order in which they did. Part of a snapshot of the engine."""

    nodes: tuple[str, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()


class Index:
    """A directed graph of named nodes. A node keeps its number for as long as the index lives.

    Parents and children are in the order of their names, so that a walk depends on the graph and not on its history.
    """

    def __init__(self, topology: Topology | Iterable[Topology] | None = None, max_nodes: int = MAX_NODES) -> None:
        """`topology` may come in parts, nodes before the edges that name them, so that nobody has to hold all of it."""
        self.max_nodes = max_nodes
        self.version = 0
        """Changes whenever the topology does, edges included: what was found before may be found otherwise. Growth leaves it."""
        self._ids: dict[str, int] = {}
        self._names: list[str] = []
        self._kinds: list[str] = []
        self._first = array("i")
        self._further: dict[int, tuple[int, ...]] = {}
        self._attributes: dict[int, Mapping[str, Any]] = {}
        self._aliases: dict[str, tuple[int, ...]] = {}
        self._declared = bytearray()
        self._below = array("i")
        """Children, those of one parent side by side: of each from `_from` to `_to`."""
        self._from = array("i")
        self._to = array("i")
        self._children: dict[int, list[int]] = {}
        """Children of parents that came to others later, instead of those in `_below`."""
        self._circles: dict[int, frozenset[int]] = {}
        self.groups: dict[int, tuple[tuple[int, frozenset[int]], ...]] = {}
        """By child: how many of which parents it needs (see `redundancy`). Empty in most topologies."""
        self._found_by: dict[str, dict[str, tuple[int, ...]]] = {}
        self._grown_nodes: dict[str, None] = {}
        self._grown_edges: dict[tuple[str, str], None] = {}
        if topology is not None:
            for part in (topology,) if isinstance(topology, Topology) else topology:
                self._load(part)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: str) -> bool:
        """Does the topology have this node now? Nodes that only alerts name do not count: their order must not matter."""
        node = self._ids.get(name, -1)
        return node >= 0 and self._declared[node] == 1

    # Asking

    def id(self, name: str) -> int:
        """The node's number, or -1."""
        return self._ids.get(name, -1)

    def name(self, node: int) -> str:
        return self._names[node]

    def kind(self, node: int) -> str:
        return self._kinds[node]

    def attributes(self, node: int) -> Mapping[str, Any]:
        return self._attributes.get(node, {})

    def parents(self, node: int) -> tuple[int, ...]:
        first = self._first[node]
        return () if first < 0 else (first, *self._further.get(node, ()))

    def children(self, node: int) -> Sequence[int]:
        changed = self._children.get(node)
        return self._below[self._from[node] : self._to[node]] if changed is None else changed

    def declared_parents(self, node: int) -> list[int]:
        """The parents that the topology names, not alerts' labels."""
        return [one for one in self.parents(node) if not self._is_grown(one, node)]

    def declared_children(self, node: int) -> list[int]:
        """The children that the topology names, not alerts' labels."""
        return [one for one in self.children(node) if not self._is_grown(node, one)]

    def above(self, node: int) -> list[tuple[int, int]]:
        """Ancestors with their distance in hops, nearest first; at one distance in the order of the parents. Not itself."""
        first, further = self._first, self._further
        found: list[tuple[int, int]] = []
        seen = {node}
        distance = 0
        while node not in further:
            node = first[node]
            if node < 0 or node in seen:
                return found
            distance += 1
            seen.add(node)
            found.append((node, distance))
        level = [node]
        while level:
            distance += 1
            after: list[int] = []
            for child in level:
                parent = first[child]
                if parent < 0:
                    continue
                if parent not in seen:
                    seen.add(parent)
                    after.append(parent)
                    found.append((parent, distance))
                if child in further:
                    for parent in further[child]:
                        if parent not in seen:
                            seen.add(parent)
                            after.append(parent)
                            found.append((parent, distance))
            level = after
        return found

    def below(self, node: int) -> Iterator[int]:
        """Descendants, nearest first. Not itself."""
        seen = {node}
        level = [node]
        while level:
            after: list[int] = []
            for parent in level:
                for child in self.children(parent):
                    if child not in seen:
                        seen.add(child)
                        after.append(child)
                        yield child
            level = after

    def circle(self, node: int) -> frozenset[int]:
        """The nodes that depend on one another with this one, itself among them; empty when it is in no circle."""
        found = self._circles.get(node)
        if found is None:
            find_circles(node, self.parents, self._circles)
            found = self._circles[node]
        return found

    def reaching(self, node: int, failed: Collection[int]) -> Collection[int]:
        """Which of the failed ancestors get through to a node, where parents stand in for one another (rule 4)."""
        above = [node, *[one for one, _ in self.above(node)]]
        if not any(one in self.groups for one in above):
            return failed
        return reaching(node, failed, above, self.parents, self.groups)

    def path(self, ancestor: int, descendant: int) -> list[int]:
        """A shortest way down from one to the other, both included; empty when there is none."""
        if ancestor == descendant:
            return [ancestor]
        towards = {descendant: -1}
        level = [descendant]
        while level:
            after: list[int] = []
            for child in level:
                for parent in self.parents(child):
                    if parent in towards:
                        continue
                    towards[parent] = child
                    if parent == ancestor:
                        return list(_follow(towards, ancestor))
                    after.append(parent)
            level = after
        return []

    def by_alias(self, alias: str) -> tuple[int, ...]:
        """The nodes of this id or alias."""
        found = self._aliases.get(alias, ())
        node = self._ids.get(alias, -1)
        return found if node < 0 or node in found else (node, *found)

    def by_attribute(self, attribute: str, value: str) -> tuple[int, ...]:
        """The nodes whose attribute has this value (numbers as they are written)."""
        table = self._found_by.get(attribute)
        if table is None:
            table = {}
            for node, attributes in self._attributes.items():
                if attribute in attributes:
                    written = _written(attributes[attribute])
                    table[written] = (*table.get(written, ()), node)
            self._found_by[attribute] = table
        return table.get(value, ())

    def grown(self) -> Growth:
        """What was added by `grow`, for a snapshot."""
        return Growth(tuple(self._grown_nodes), tuple(self._grown_edges))

    # Changing

    def add(
        self,
        name: str,
        kind: str = "",
        attributes: Mapping[str, Any] | None = None,
        aliases: Iterable[str] = (),
        redundancy: tuple[Group, ...] = (),
    ) -> int:
        """A node of the topology; what is said again replaces what was said. Returns its number, -1 beyond `max_nodes`."""
        node = self._number(name)
        if node < 0:
            return -1
        self._declared[node] = 1
        self._kinds[node] = intern(kind or kind_of(name))
        if attributes or node in self._attributes:
            self._describe(node, attributes or {})
        if redundancy:
            self.groups[node] = of(redundancy, self._number)
        elif node in self.groups:
            del self.groups[node]
        for alias in aliases:
            known = self._aliases.get(alias, ())
            if node not in known:
                self._aliases[alias] = (*known, node)
        self.version += 1
        return node

    def unsay(self, alias: str, name: str) -> None:
        """A node is no longer found by this alias."""
        self.version += 1
        known = tuple(one for one in self._aliases.get(alias, ()) if self._names[one] != name)
        if known:
            self._aliases[alias] = known
        else:
            self._aliases.pop(alias, None)

    def remove(self, name: str) -> int:
        """The topology has this node no more: its edges and its aliases were taken away before. Returns its number, or -1.

        It keeps its number, and is there again as soon as alerts' labels name it.
        """
        node = self._ids.get(name, -1)
        if node >= 0:
            self._declared[node] = 0
            self.groups.pop(node, None)
            self._describe(node, {})
            self.version += 1
        return node

    def _describe(self, node: int, attributes: Mapping[str, Any]) -> None:
        """Set the attributes of a node, and keep what was looked up by attributes true."""
        before = self._attributes.pop(node, {})
        if attributes:
            self._attributes[node] = attributes
        for attribute, table in self._found_by.items():
            if attribute in before:
                written = _written(before[attribute])
                table[written] = tuple(one for one in table.get(written, ()) if one != node)
            if attribute in attributes:
                written = _written(attributes[attribute])
                table[written] = (*table.get(written, ()), node)

    def link(self, parent: int, child: int) -> bool:
        """An edge. False when it is there already. Raises ValueError for an edge from a node to itself."""
        if parent == child:
            raise ValueError(f"an edge from {self._names[parent]} to itself: a node cannot be its own cause")
        self.version += 1
        if self._grown_edges:
            self._grown_edges.pop((self._names[parent], self._names[child]), None)
        return self._join(parent, child)

    def _join(self, parent: int, child: int) -> bool:
        if child in self._circles:  # a child that nobody looked at lies above nothing that somebody looked at
            self._circles.clear()
        if self._first[child] < 0:
            self._first[child] = parent
        else:
            parents = self.parents(child)
            if parent in parents:
                return False
            self._set_parents(child, tuple(sorted((*parents, parent), key=self._names.__getitem__)))
        self._put_below(parent, child)
        return True

    def _put_below(self, parent: int, child: int) -> None:
        """A child in its place by name. Edges that come sorted are appended: a list for each parent would be ten times as
        large, and to make all of them when somebody first asks kept the event loop for a quarter of a second."""
        changed = self._children.get(parent)
        if changed is None:
            below, start, end = self._below, self._from[parent], self._to[parent]
            if start == end:
                self._from[parent] = start = end = len(below)
            if end == len(below) and (start == end or self._names[below[-1]] < self._names[child]):
                below.append(child)
                self._to[parent] = end + 1
                return
            changed = self._children[parent] = list(below[start:end])
        insort(changed, child, key=self._names.__getitem__)

    def unlink(self, parent: int, child: int) -> bool:
        """Take an edge away. False when there is none."""
        self.version += 1
        parents = self.parents(child)
        if parent not in parents:
            return False
        self._set_parents(child, tuple(one for one in parents if one != parent))
        self._circles.clear()
        if parent not in self._children:
            self._children[parent] = list(self.children(parent))
        self._children[parent].remove(child)
        return True

    def grow(self, growth: Growth) -> list[int]:
        """Add nodes and edges that alerts' labels name. Returns the numbers of the nodes, -1 beyond `max_nodes`.

        Edges whose ends are not both known, and edges that the topology already has, are left out.
        """
        nodes = []
        for name in growth.nodes:
            node = self._number(name)
            if node >= 0 and not self._declared[node]:
                self._kinds[node] = intern(kind_of(name))
                self._grown_nodes[name] = None
            nodes.append(node)
        for parent, child in growth.edges:
            above, below = self.id(parent), self.id(child)
            if above >= 0 and below >= 0 and above != below and self._join(above, below):
                self._grown_edges[parent, child] = None
        return nodes

    def adopt(self, topology: Topology) -> None:
        """Become another topology in place. Nodes keep their numbers; those that left are known no more, without edges.

        What alerts' labels had added is forgotten: the alerts add it again when they are placed again.
        """
        self._first = array("i", [-1]) * len(self._names)
        self._further.clear()
        self._attributes.clear()
        self._aliases.clear()
        self._circles.clear()
        self.groups.clear()
        self._grown_nodes.clear()
        self._grown_edges.clear()
        self._below = array("i")
        self._from = array("i", bytes(self._from.itemsize * len(self._names)))
        self._to = self._from[:]
        self._children.clear()
        self._declared = bytearray(len(self._names))
        self._found_by.clear()
        self._load(topology)

    def _load(self, topology: Topology) -> None:
        fresh = self._number_all([node.id for node in topology.nodes])
        for node in topology.nodes:
            if fresh and not (node.aliases or node.redundancy):  # most nodes of a large graph: no need to look for more
                self._kinds[self._ids[node.id]] = intern(node.kind or kind_of(node.id))
                if node.attributes:
                    self._describe(self._ids[node.id], node.attributes)
            else:
                self.add(node.id, node.kind, node.attributes, node.aliases, node.redundancy)
        find, first, link, put_below = self._ids.get, self._first, self.link, self._put_below
        name, above = "", -1
        for parent, child in topology.edges:
            if parent != name:  # edges are sorted by their parents
                name, above = parent, find(parent, -1)
            below = find(child, -1)
            if above < 0 or below < 0:
                continue  # beyond `max_nodes`
            if first[below] < 0 and above != below:
                first[below] = above
                put_below(above, below)
            else:
                link(above, below)
        self.version += 1

    def _number_all(self, names: list[str]) -> bool:
        """Give numbers to nodes of the topology at once. False, and nothing is done, when one of them has a number already, or
        there are too many."""
        count, known = len(names), len(self._names)
        if known + count > self.max_nodes or not self._ids.keys().isdisjoint(names) or len(set(names)) < count:
            return False
        self._ids.update(zip(names, range(known, known + count), strict=True))
        self._names.extend(names)
        self._kinds.extend([""] * count)
        self._first.extend([-1] * count)
        self._from.extend([0] * count)
        self._to.extend([0] * count)
        self._declared.extend(b"\1" * count)
        return True

    def _number(self, name: str) -> int:
        node = self._ids.get(name, -1)
        if node < 0 and len(self._names) < self.max_nodes:
            node = self._ids[name] = len(self._names)
            self._names.append(name)
            self._kinds.append("")
            self._first.append(-1)
            self._from.append(0)
            self._to.append(0)
            self._declared.append(0)
        return node

    def _is_grown(self, parent: int, child: int) -> bool:
        return bool(self._grown_edges) and (self._names[parent], self._names[child]) in self._grown_edges

    def _set_parents(self, child: int, parents: tuple[int, ...]) -> None:
        self._first[child] = parents[0] if parents else -1
        if len(parents) > 1:
            self._further[child] = parents[1:]
        else:
            self._further.pop(child, None)


def kind_of(name: str) -> str:
    """The kind that an id of the form `kind/name` tells; "" for another."""
    kind, slash, _ = name.partition("/")
    return kind if slash else ""


def _follow(towards: Mapping[int, int], node: int) -> Iterator[int]:
    while node >= 0:
        yield node
        node = towards[node]


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
