"""What a topology document may say, and what is wrong with one: YAML of our own, or node-link JSON as networkx writes it.

Both have `nodes` with `id` (every other key is an attribute) and `edges` or `links`; an edge is `[parent, child]` or
`{source, target}`. In a node, `children` nests, and `redundancy` says which parents stand in for one another. Pure: takes
plain values, gives a topology or faults by their way; the file source turns ways into lines, the HTTP API into JSON pointers.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from healer.topology.graph import MAX_ID, Group, Node, Topology, topology

Way = tuple[str | int, ...]

_TOP = ("nodes", "edges", "links", "directed", "multigraph", "graph")
_OWN = ("id", "kind", "aliases", "children", "redundancy", "sources")
"""Keys of a node that are no attributes; `sources` is what healer itself adds when it shows a topology."""
_NEEDS = re.compile(r"(\d{1,4})(?:\s+of\s+(\d{1,4}))?")
_MAX_INT = (1 << 63) - 1
_MAX_DEPTH = 32
"""How deep `children` may nest."""


class Fault(msgspec.Struct, frozen=True):
    """One mistake: which document, the way to it, what is wrong; `first` is the way to what it clashes with."""

    document: int
    way: Way
    message: str
    first: tuple[int, Way] | None = None


class Reading:
    """Reads documents one after another into one topology. `faults` has every mistake once `finish` has been called."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._nodes: dict[str, Node] = {}
        self._where: dict[str, tuple[int, Way]] = {}
        self._edges: list[tuple[str, str, int, Way]] = []
        self._document = -1

    def add(self, data: Any) -> None:
        """Read one document's plain values."""
        self._document += 1
        if data is None:
            return
        if not isinstance(data, dict):
            self._fault((), "expected a mapping with nodes and edges")
            return
        for key in data:
            if key not in _TOP:
                near = difflib.get_close_matches(str(key), _TOP, 1)
                hint = f"did you mean {near[0]}?" if near else "a topology has nodes and edges"
                self._fault((key,), f"unknown key; {hint}")
        if data.get("directed") is False:
            self._fault(("directed",), "the graph must be directed: an edge goes from parent to child")
        if "edges" in data and "links" in data:
            self._fault(("links",), "links and edges are the same: keep one of them")
        for index, node in self._items(data, "nodes"):
            self._node(node, ("nodes", index), 0)
        for key in ("edges", "links"):
            for index, edge in self._items(data, key):
                self._edge(edge, (key, index))

    def finish(self) -> Topology:
        """The topology of all documents. Not to be used when there are faults."""
        edges = []
        for parent, child, document, way in self._edges:
            if parent == child:
                self.faults.append(
                    Fault(document, way, f"an edge from {parent} to itself: a node cannot be its own cause")
                )
            for end in dict.fromkeys((parent, child)):
                if end not in self._nodes:
                    near = difflib.get_close_matches(end, list(self._nodes)[:10_000], 1)
                    hint = f"; did you mean {near[0]}?" if near else ": add it to nodes"
                    self.faults.append(Fault(document, way, f"an edge to nowhere: no node has the id {end!r}{hint}"))
            edges.append((parent, child))
        return topology(self._nodes.values(), edges)

    def _items(self, data: Mapping[str, Any], key: str, way: Way = ()) -> Iterator[tuple[int, Any]]:
        items = data.get(key)
        if items is None:
            return
        if isinstance(items, list):
            yield from enumerate(items)
        else:
            self._fault((*way, key), "expected a list")

    def _node(self, said: Any, way: Way, depth: int) -> str | None:
        if isinstance(said, str | int) and not isinstance(said, bool):
            said = {"id": said}
        if not isinstance(said, dict):
            self._fault(way, "expected a node: its id, or a mapping with id, kind, aliases and attributes")
            return None
        name = self._id(said.get("id"), way, "id")
        if name is None:
            return None
        kind = said.get("kind")
        if kind is not None and not isinstance(kind, str):
            self._fault((*way, "kind"), "expected text")
        if name in self._nodes:
            self._fault(way, f"the node {name} is given twice", self._where[name])
        else:
            self._where[name] = (self._document, way)
            attributes = {key: value for key, value in said.items() if key not in _OWN}
            for key, value in attributes.items():
                if not _storable(value):
                    self._fault((*way, key), "a number beyond 64 bits: write it in quotes")
            self._nodes[name] = Node(
                name,
                kind if isinstance(kind, str) else "",
                self._aliases(said, way),
                attributes,
                tuple(self._redundancy(said, name, way)),
            )
        self._children(said, name, way, depth)
        return name

    def _aliases(self, said: Mapping[str, Any], way: Way) -> tuple[str, ...]:
        aliases = said.get("aliases") or []
        if isinstance(said.get("alias"), str):  # one, as mappings say `find: {alias: ...}`
            aliases = [*aliases, said["alias"]] if isinstance(aliases, list) else aliases
        if not isinstance(aliases, list) or not all(isinstance(one, str) and one for one in aliases):
            self._fault((*way, "aliases"), "expected a list of texts: other names of the node")
            return ()
        return tuple(dict.fromkeys(aliases))

    def _redundancy(self, said: Mapping[str, Any], name: str, way: Way) -> Iterator[Group]:
        """Groups of parents that stand in for one another. Their edges need not be given as well."""
        given = said.get("redundancy")
        for index, group in self._items(
            {"redundancy": [given] if isinstance(given, dict) else given}, "redundancy", way
        ):
            at = (*way, "redundancy", index)
            if (
                not isinstance(group, dict)
                or group.keys() != {"members", "needs"}
                or not isinstance(group["members"], list)
            ):
                self._fault(at, "expected members: a list of parents, and needs: how many of them have to be well")
                continue
            members = [self._id(one, (*at, "members", number)) for number, one in enumerate(group["members"])]
            known = tuple(sorted({one for one in members if one is not None}))
            if len(known) < 2 or len(known) != len(members):
                self._fault((*at, "members"), "expected two parents or more, each of them once")
                continue
            found = _NEEDS.fullmatch(str(group["needs"]))
            if found is None or not 1 <= int(found[1]) <= len(known) or (found[2] and int(found[2]) != len(known)):
                count = len(known)
                self._fault((*at, "needs"), f"expected a number from 1 to {count}, or the like of '1 of {count}'")
                continue
            self._edges.extend((one, name, self._document, (*at, "members")) for one in known)
            yield Group(int(found[1]), known)

    def _children(self, said: Mapping[str, Any], name: str, way: Way, depth: int) -> None:
        for index, child in self._items(said, "children", way):
            at = (*way, "children", index)
            if depth >= _MAX_DEPTH:
                self._fault(at, f"nested deeper than {_MAX_DEPTH}: use edges")
                return
            # A plain id refers to a node that is given elsewhere, so that a typing error is found.
            below = self._node(child, at, depth + 1) if isinstance(child, dict) else self._id(child, at)
            if below is not None:
                self._edges.append((name, below, self._document, at))

    def _edge(self, said: Any, way: Way) -> None:
        if isinstance(said, dict):
            ends = [self._id(said.get(key), way, key) for key in ("source", "target")]
        elif isinstance(said, list) and len(said) == 2:
            ends = [self._id(end, (*way, index)) for index, end in enumerate(said)]
        else:
            self._fault(way, "expected an edge: [parent, child], or source and target")
            return
        parent, child = ends
        if parent is not None and child is not None:
            self._edges.append((parent, child, self._document, way))

    def _id(self, said: Any, way: Way, key: str = "") -> str | None:
        at = (*way, key) if key else way
        if isinstance(said, int) and not isinstance(said, bool):
            said = str(said)  # networkx numbers nodes that have no names
        if not isinstance(said, str) or not said:
            self._fault(at, f"the {key} is missing" if key and said is None else "expected the id of a node: a text")
        elif len(said) > MAX_ID:
            self._fault(at, f"an id of {len(said)} characters: at most {MAX_ID}")
        elif not said.isprintable() or said != said.strip():
            self._fault(at, f"the id {said!r} has blanks around it or characters that cannot be seen")
        else:
            return said
        return None

    def _fault(self, way: Way, message: str, first: tuple[int, Way] | None = None) -> None:
        self.faults.append(Fault(self._document, way, message, first))


def _storable(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_storable, value.values()))
    if isinstance(value, list):
        return all(map(_storable, value))
    return not isinstance(value, int) or -_MAX_INT <= value <= _MAX_INT
