"""The graph made fast: what lies above and below a node, at the same cost however large the topology is. Pure.

Names are small integers. What was loaded lies in arrays that nothing changes (`healer.topology.packed`); what changed since,
and what alerts' labels added, lies in tables beside them. Nothing is marked when something fails: who asks walks up. The
engine asks on every alert, so the walk up is the road that has to be short.
"""

from bisect import insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from healer.topology.circles import find_circles
from healer.topology.graph import Group, Topology, kind_of
from healer.topology.packed import CHANGED, NONE, Packed, written
from healer.topology.packing import pack
from healer.topology.redundancy import of, reaching

MAX_NODES = 2_000_000
"""Nodes at most; alerts may bring in new ones by their labels."""


class Index:
    """A directed graph of named nodes. A node keeps its number for as long as the index lives.

    Parents and children are in the order of their names, so that a walk depends on the graph and not on its history.
    """

    def __init__(self, topology: Packed | Topology | None = None, max_nodes: int = MAX_NODES) -> None:
        """What is packed is shared with whoever else has it, and has at most `max_nodes` nodes."""
        packed = topology if isinstance(topology, Packed) else pack([topology or Topology()], max_nodes)
        self.max_nodes = max_nodes
        self.version = 0
        """Changes whenever the topology does, edges included: what was found before may be found otherwise. Growth leaves it."""
        self._packed = packed
        self._loaded = len(packed)
        self._first = packed.parents[:]
        self._declared = bytearray(b"\1") * len(packed)
        self._ids: dict[str, int] = {}
        """Of nodes that came later, like `_names`."""
        self._names: list[str] = []
        self._parents: dict[int, tuple[int, ...]] = {}
        """Where they changed, and are several."""
        self._children: dict[int, list[int]] = {}
        """Where they changed."""
        self._said: dict[int, tuple[str, Mapping[str, Any]]] = {}
        """Kind and attributes, where they are not what was loaded."""
        self._aliases: dict[str, tuple[int, ...]] = {}
        """Nodes of aliases that changed."""
        self._found_by: dict[str, dict[str, dict[int, None]]] = {}
        """Nodes in `_said`, by attribute and its value."""
        self._circles: dict[int, frozenset[int]] = {}
        self._asked = NONE
        """The node that was last asked about, for alerts of one node come together; `_answer` is what lies above it."""
        self._answer: list[tuple[int, int]] = []
        self.groups: dict[int, tuple[tuple[int, frozenset[int]], ...]] = {
            node: of(packed.about(node).redundancy, self.id) for node in packed.grouped
        }
        """By child: how many of which parents it needs (see `redundancy`). Empty in most topologies."""
        self._grown: set[tuple[int, int]] = set()
        """Edges that only alerts' labels name."""

    def __len__(self) -> int:
        return self._loaded + len(self._names)

    def __contains__(self, name: str) -> bool:
        """Does the topology have this node now? Nodes that only alerts name do not count: their order must not matter."""
        node = self.id(name)
        return node >= 0 and self._declared[node] == 1

    # Asking

    def id(self, name: str) -> int:
        """The node's number, or -1."""
        node = self._ids.get(name, -1) if self._ids else -1
        return node if node >= 0 else self._packed.names.find(name)

    def name(self, node: int) -> str:
        return self._packed.names[node] if node < self._loaded else self._names[node - self._loaded]

    def kind(self, node: int) -> str:
        return self._about(node)[0] or kind_of(self.name(node))

    def attributes(self, node: int) -> Mapping[str, Any]:
        return self._about(node)[1]

    def _about(self, node: int) -> tuple[str, Mapping[str, Any]]:
        said = self._said.get(node)
        if said is not None:
            return said
        if node >= self._loaded:
            return "", {}
        loaded = self._packed.about(node)
        return loaded.kind, loaded.attributes

    def parents(self, node: int) -> tuple[int, ...]:
        first = self._first[node]
        return (first,) if first >= 0 else () if first == NONE else self._several(node)

    def _several(self, node: int) -> tuple[int, ...]:
        return self._parents[node] if self._first[node] == CHANGED else tuple(self._packed.parents_of(node))

    def children(self, node: int) -> Sequence[int]:
        changed = self._children.get(node)
        if changed is not None:
            return changed
        packed = self._packed
        return packed.children[packed.start[node] : packed.start[node + 1]] if node < self._loaded else ()

    def declared_parents(self, node: int) -> list[int]:
        """The parents that the topology names, not alerts' labels."""
        return [one for one in self.parents(node) if (one, node) not in self._grown]

    def declared_children(self, node: int) -> list[int]:
        """The children that the topology names, not alerts' labels."""
        return [one for one in self.children(node) if (node, one) not in self._grown]

    def above(self, node: int) -> Sequence[tuple[int, int]]:
        """Ancestors with their distance in hops, nearest first; at one distance in the order of the parents. Not itself."""
        if node != self._asked:
            self._asked, self._answer = node, self._walk_up(node)
        return self._answer

    def _walk_up(self, node: int) -> list[tuple[int, int]]:
        first = self._first
        found: list[tuple[int, int]] = []
        seen = {node}
        distance = 0
        while (parent := first[node]) >= 0:
            if parent in seen:
                return found
            node = parent
            distance += 1
            seen.add(node)
            found.append((node, distance))
        level = [node] if parent != NONE else []
        while level:
            distance += 1
            after: list[int] = []
            for child in level:
                parent = first[child]
                for one in (parent,) if parent >= 0 else () if parent == NONE else self._several(child):
                    if one not in seen:
                        seen.add(one)
                        after.append(one)
                        found.append((one, distance))
            level = after
        return found

    def below(self, node: int) -> Iterator[int]:
        """Descendants, nearest first. Not itself."""
        loaded, changed = self._loaded, self._children
        start, children = self._packed.start, self._packed.children
        seen = {node}
        level = [node]
        while level:
            after: list[int] = []
            for parent in level:
                below: Sequence[int] = ()
                if parent in changed:
                    below = changed[parent]
                elif parent < loaded and start[parent] < start[parent + 1]:  # most nodes have none
                    below = children[start[parent] : start[parent + 1]]
                for child in below:
                    if child not in seen:
                        seen.add(child)
                        after.append(child)
            yield from after
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
        found, node = self._aliased(alias), self.id(alias)
        return found if node < 0 or node in found else (node, *found)

    def _aliased(self, alias: str) -> tuple[int, ...]:
        changed = self._aliases.get(alias) if self._aliases else None
        return tuple(self._packed.by_alias(alias)) if changed is None else changed

    def by_attribute(self, attribute: str, value: str) -> tuple[int, ...]:
        """The nodes whose attribute has this value (numbers as they are written)."""
        said = self._said
        loaded = [node for node in self._packed.by_attribute(attribute, value) if node not in said]
        return (*loaded, *self._found_by.get(attribute, {}).get(value, ()))

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
        self._describe(node, kind, attributes or {})
        if redundancy:
            self.groups[node] = of(redundancy, self._number)
        elif node in self.groups:
            del self.groups[node]
        for alias in aliases:
            known = self._aliased(alias)
            if node not in known:
                self._aliases[alias] = (*known, node)
        self.version += 1
        return node

    def unsay(self, alias: str, name: str) -> None:
        """A node is no longer found by this alias."""
        self.version += 1
        left = tuple(one for one in self._aliased(alias) if self.name(one) != name)
        if left or self._packed.by_alias(alias):
            self._aliases[alias] = left
        else:
            self._aliases.pop(alias, None)

    def remove(self, name: str) -> int:
        """The topology has this node no more: its edges and its aliases were taken away before. Returns its number, or -1.

        It keeps its number, and is there again as soon as alerts' labels name it.
        """
        node = self.id(name)
        if node >= 0:
            self._declared[node] = 0
            self.groups.pop(node, None)
            self._describe(node, "", {})
            self.version += 1
        return node

    def _describe(self, node: int, kind: str, attributes: Mapping[str, Any]) -> None:
        """Set kind and attributes of a node, and keep what is looked up by attributes true."""
        found_by = self._found_by
        for attribute, value in self._said.pop(node, ("", {}))[1].items():
            there = found_by[attribute][written(value)]
            del there[node]
            if not there:
                del found_by[attribute][written(value)]
        if kind or attributes or node < self._loaded:
            self._said[node] = kind, attributes
        for attribute, value in attributes.items():
            found_by.setdefault(attribute, {}).setdefault(written(value), {})[node] = None

    def link(self, parent: int, child: int) -> bool:
        """An edge. False when it is there already. Raises ValueError for an edge from a node to itself."""
        if parent == child:
            raise ValueError(f"an edge from {self.name(parent)} to itself: a node cannot be its own cause")
        self.version += 1
        self._grown.discard((parent, child))
        return self._join(parent, child)

    def _join(self, parent: int, child: int) -> bool:
        if child in self._circles:  # a child that nobody looked at lies above nothing that somebody looked at
            self._circles.clear()
        parents = self.parents(child)
        if parent in parents:
            return False
        self._set_parents(child, tuple(sorted((*parents, parent), key=self.name)))
        insort(self._own_children(parent), child, key=self.name)
        return True

    def _own_children(self, parent: int) -> list[int]:
        """The children of a parent, to be changed."""
        changed = self._children.get(parent)
        if changed is None:
            changed = self._children[parent] = list(self.children(parent))
        return changed

    def unlink(self, parent: int, child: int) -> bool:
        """Take an edge away. False when there is none."""
        self.version += 1
        parents = self.parents(child)
        if parent not in parents:
            return False
        self._set_parents(child, tuple(one for one in parents if one != parent))
        self._circles.clear()
        self._own_children(parent).remove(child)
        return True

    def grow(self, chain: Iterable[str]) -> int:
        """Add nodes that alerts' labels name, each beneath the one before. Returns the number of the last, -1 beyond
        `max_nodes`.

        An edge whose ends are not both known, or that the topology already has, is left out.
        """
        above = node = -1
        for name in chain:
            node = self._number(name)
            if above >= 0 and node >= 0 and above != node and self._join(above, node):
                self._grown.add((above, node))
            above = node
        return node

    def _number(self, name: str) -> int:
        node = self.id(name)
        if node < 0 and len(self) < self.max_nodes:
            node = self._ids[name] = len(self)
            self._names.append(name)
            self._first.append(NONE)
            self._declared.append(0)
        return node

    def _set_parents(self, child: int, parents: tuple[int, ...]) -> None:
        self._asked = NONE
        self._first[child] = CHANGED if len(parents) > 1 else parents[0] if parents else NONE
        if len(parents) > 1:
            self._parents[child] = parents
        else:
            self._parents.pop(child, None)


def _follow(towards: Mapping[int, int], node: int) -> Iterator[int]:
    while node >= 0:
        yield node
        node = towards[node]
