"""The graph as the index keeps it while nothing changes: numbers in arrays instead of a million objects. Pure.

A node's number is its place among the sorted ids, so that numbers are in the order of names. Made of a topology by
`healer.topology.packing`, for a large one in a process of its own, from which it comes back through a file. Nothing changes it:
`healer.topology.index` keeps what changed beside it, and several indexes may share one.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import IO, Any, TypeAlias

import msgspec

from healer.topology.graph import Group
from healer.topology.names import Names

NONE = -1
"""In place of the parent of a node that has none."""
CHANGED = -2
"""In place of the parent of a node of which an index keeps the parents beside this."""
SEVERAL = -3
"""Below this, in place of a parent: the node has several, from the place in `several` that is so much further below."""

Numbers: TypeAlias = "array[int]"


class Said(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """What a topology says of a node beside its name; `kind` only where the id does not tell it."""

    kind: str = ""
    attributes: dict[str, Any] = {}
    redundancy: tuple[Group, ...] = ()


_sizes = msgspec.msgpack.Decoder(tuple[list[int], list[str]])
_decode = msgspec.msgpack.Decoder(Said).decode


class Packed(msgspec.Struct, frozen=True):
    """By node: `parents` has its parent, or NONE, or where its parents are in `several` (how many, then which, by name);
    its children are in `children` from `start` to the next one's; `ends` says where what is `said` of it ends, and is
    empty where nothing is said of any. `aliased` has the nodes of `aliases`, by place; `found_by` by attribute the nodes that
    have it, by its value; `grouped` the nodes with parents that stand in for one another."""

    names: Names
    parents: Numbers
    several: Numbers
    start: Numbers
    children: Numbers
    said: bytes
    ends: Numbers
    aliases: Names
    aliased: Numbers
    grouped: Numbers
    found_by: dict[str, Numbers]

    def __len__(self) -> int:
        return len(self.names)

    def about(self, node: int) -> Said:
        """What the topology says of a node."""
        ends = self.ends
        if not ends:
            return NOTHING
        start, end = ends[node - 1] if node else 0, ends[node]
        return _decode(self.said[start:end]) if start < end else NOTHING

    def parents_of(self, node: int) -> Sequence[int]:
        """Several parents, by name."""
        place = SEVERAL - self.parents[node]
        return self.several[place + 1 : place + 1 + self.several[place]]

    def by_alias(self, alias: str) -> Sequence[int]:
        """The nodes that have it, by name."""
        place = first = self.aliases.find(alias)
        if place < 0:
            return ()
        while place < len(self.aliases) and self.aliases[place] == alias:
            place += 1
        return self.aliased[first:place]

    def by_attribute(self, attribute: str, value: str) -> Sequence[int]:
        """The nodes whose attribute has this value, as it is written, by name."""
        nodes = self.found_by.get(attribute)
        if nodes is None:
            return ()

        def key(node: int) -> str:
            return written(self.about(node).attributes[attribute])

        return nodes[bisect_left(nodes, value, key=key) : bisect_right(nodes, value, key=key)]

    # --- through a file

    def write(self, file: IO[bytes]) -> None:
        """For `read`, on this machine."""
        sections = self._sections()
        sizes = [len(one) for one in sections]
        header = msgspec.msgpack.encode((sizes, list(self.found_by)))
        file.write(len(header).to_bytes(8, "little"))
        file.write(header)
        for one in sections:
            file.write(one)

    @classmethod
    def read(cls, file: IO[bytes]) -> "Packed":
        """As it was written. Every array is read into its place, so that nothing is in memory twice."""
        header = file.read(int.from_bytes(file.read(8), "little"))
        sizes, attributes = _sizes.decode(header)
        left = iter(sizes)

        def raw() -> bytes:
            return file.read(next(left))

        def numbers(code: str) -> Numbers:
            found = array(code)
            found.fromfile(file, next(left))
            return found

        return cls(
            names=Names(raw(), numbers("I")),
            parents=numbers("i"),
            several=numbers("i"),
            start=numbers("I"),
            children=numbers("i"),
            said=raw(),
            ends=numbers("I"),
            aliases=Names(raw(), numbers("I")),
            aliased=numbers("i"),
            grouped=numbers("i"),
            found_by={attribute: numbers("i") for attribute in attributes},
        )

    def _sections(self) -> list[Any]:
        return [
            *(self.names.blob, self.names.ends),
            *(self.parents, self.several, self.start, self.children),
            *(self.said, self.ends),
            *(self.aliases.blob, self.aliases.ends, self.aliased),
            self.grouped,
            *self.found_by.values(),
        ]


def written(value: Any) -> str:
    """The value of an attribute, as one looks for it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


NOTHING = Said()
