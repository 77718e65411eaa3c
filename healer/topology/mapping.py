"""On which node does an alert sit? The lines of `topology.nodes`, compiled, the first that matches deciding. Pure.

A line reads few labels, so answers are remembered by the values of those that any line reads. The engine asks once per
episode (`place`); `healer topology map` and the API ask for the reason (`map`).
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from healer.topology.index import Growth, Index
from healer.topology.lines import NARROW, Line, extracted
from healer.topology.template import NAMESPACE, Template

REMEMBERED = 100_000
"""Answers kept; then all are forgotten at once, which costs less than knowing which was used last."""
NARROWED = 10_000
"""Names and jobs of alerts of which the lines left are kept."""
MAX_ID = 512
"""Characters of an id that labels make; a longer one is no node."""

NOWHERE = -1
"""`place` of an alert that nothing says a node of."""
ASIDE = -2
"""`place` of an alert of which a line says that it sits on no node (`node: none`): nobody has to mend that."""

Code = Literal[
    "template", "listed", "found", "instead", "node label", "labels source",
    "none", "no label", "not extracted", "unknown", "ambiguous", "too long", "no line",
]  # fmt: skip


class Mapped(msgspec.Struct, frozen=True):
    """Where an alert sits, and why.

    `line` counts the lines of `topology.nodes` from 0; None when none matched. `known`: the topology has the node.
    `explains`: this alert may explain others. `code` and `detail` are put into words by `why`, after the line's name `by`.
    """

    node: str | None
    line: int | None
    code: Code
    detail: str = ""
    known: bool = False
    explains: bool = True
    by: str = ""

    @property
    def why(self) -> str:
        """The reason in words."""
        told = _WORDS[self.code].format(detail=self.detail, node=self.node)
        return f"{self.by}: {told}" if self.by else told


_WORDS: dict[Code, str] = {
    "template": "{detail} gives {node}",
    "listed": "{detail} gives {node}, the first that exists",
    "found": "{node} is the one node with {detail}",
    "instead": "the topology has no node with {detail}, so it is {node}",
    "node label": "no line matched; the label node is the id of a node",
    "labels source": "no line matched; {node} is the innermost label of the labels source",
    "none": "these alerts sit on no node",
    "no label": "the alert has no label {detail}",
    "not extracted": "the label {detail} does not match its expression",
    "unknown": "the topology has no node {detail}",
    "ambiguous": "more than one node has {detail}",
    "too long": "the id would have more than " + str(MAX_ID) + " characters",
    "no line": "no line of topology.nodes matched, and the label node is not the id of a node",
}


class Mapper:
    """Lines, and the labels sources, over an index.

    `names` are the labels that are read: alerts with equal values of them sit on the same node.
    """

    def __init__(self, lines: Sequence[Line], index: Index, sources: Sequence[Sequence[str]] = ()) -> None:
        self._lines = tuple(lines)
        self._index = index
        self._sources = [tuple(source) for source in sources]
        read = {"node"}.union(*(line.names for line in self._lines), *self._sources)
        self.names: tuple[str, ...] = tuple(sorted(read))
        self.reads_edges = bool(self._sources) or NAMESPACE in self.names
        """Whether it may place alerts elsewhere when only an edge changes: `owner` looks for a workload beside a pod."""
        self._mapped: dict[tuple[str | None, ...], Mapped] = {}
        self._placed: dict[tuple[str | None, ...], int] = {}
        self._narrowed: dict[tuple[str | None, ...], tuple[Line, ...]] = {}
        self._version = index.version

    def place(self, labels: Mapping[str, str]) -> int:
        """The number of the node that an alert with these labels sits on, else NOWHERE or ASIDE.

        Nodes that labels name are added.
        """
        key = tuple(map(labels.get, self.names))
        if self._version == self._index.version:
            node = self._placed.get(key)
            if node is not None:
                return node
        return self._place(key, labels)

    def explains(self, labels: Mapping[str, str]) -> bool:
        """May an alert with these labels explain others?"""
        return self.map(labels).explains

    def map(self, labels: Mapping[str, str]) -> Mapped:
        """Where an alert with these labels sits, and why. Changes nothing."""
        key = tuple(map(labels.get, self.names))
        self._refresh()
        mapped = self._mapped.get(key)
        if mapped is None:
            if len(self._mapped) >= REMEMBERED:
                self._mapped.clear()
            mapped = self._mapped[key] = self._map(labels)
        return mapped

    def _refresh(self) -> None:
        """Forget what was found in another state of the index."""
        if self._version != self._index.version:
            self._mapped.clear()
            self._placed.clear()
            self._version = self._index.version

    def _place(self, key: tuple[str | None, ...], labels: Mapping[str, str]) -> int:
        mapped = self.map(labels)
        node = ASIDE if mapped.code == "none" else NOWHERE
        if mapped.code != "none":
            for growth in self._growths(labels):
                self._index.grow(growth)
        if mapped.node is not None:
            node = self._index.grow(Growth((mapped.node,)))[0]
            if node < 0:  # the index is full; it may have room when the topology changes
                return node
        if len(self._placed) >= REMEMBERED:
            self._placed.clear()
        self._placed[key] = node
        return node

    def _growths(self, labels: Mapping[str, str]) -> list[Growth]:
        """What the labels sources read from one alert: a node per label it has, and edges inwards."""
        growths = []
        for source in self._sources:
            nodes = _chain(source, labels)
            if nodes:
                growths.append(Growth(tuple(nodes), tuple(pairwise(nodes))))
        return growths

    def _map(self, labels: Mapping[str, str]) -> Mapped:
        for line in self._left(labels):
            if line.rest.matches(labels):
                explains = line.explains is not None and line.explains.matches(labels)
                return msgspec.structs.replace(self._by_line(line, labels), explains=explains, by=line.name)
        for source in self._sources:
            nodes = _chain(source, labels)
            if nodes:
                return self._named(nodes[-1], None, "labels source", "")
        node = labels.get("node")
        if node and node in self._index:
            return Mapped(node, None, "node label", known=True)
        return Mapped(None, None, "no line")

    def _left(self, labels: Mapping[str, str]) -> tuple[Line, ...]:
        """The lines that an alert of this name and job may still match."""
        key = tuple(map(labels.get, NARROW))
        left = self._narrowed.get(key)
        if left is None:
            if len(self._narrowed) >= NARROWED:
                self._narrowed.clear()
            left = self._narrowed[key] = tuple(line for line in self._lines if line.narrow.matches(labels))
        return left

    def _by_line(self, line: Line, labels: Mapping[str, str]) -> Mapped:
        if line.extract:
            read = extracted(line, labels)
            if isinstance(read, str):
                return Mapped(None, line.number, "not extracted", read)
            labels = read
        looked_for = []
        for wanted in line.find:
            found = self._found(wanted, labels, line.number)
            if found.code in ("found", "ambiguous"):
                return found
            looked_for.append(found)
        if line.templates:
            found = self._made(line, labels)
            if line.find and found.code == "template":
                tried = [one.detail for one in looked_for if one.code == "unknown"]
                return msgspec.structs.replace(found, code="instead", detail=" or ".join(tried) or found.detail)
            return found
        if not line.find:
            return Mapped(None, line.number, "none")
        tried = [one.detail for one in looked_for if one.code == "unknown"]
        if not tried:
            return looked_for[0]
        return Mapped(None, line.number, "unknown", "with " + " or ".join(tried))

    def _made(self, line: Line, labels: Mapping[str, str]) -> Mapped:
        """By the line's templates."""
        number = line.number
        if not line.listed:
            template = line.templates[0]
            node = template.render(labels, self._owner)
            if node is None:
                return Mapped(None, number, "no label", template.missing(labels))
            return self._named(node, number, "template", template.text)
        tried = []
        for template in line.templates:
            node = template.render(labels, self._owner)
            if node is not None:
                if node in self._index:
                    return Mapped(node, number, "listed", template.text, known=True)
                tried.append(node)
        if not tried:
            return Mapped(None, number, "no label", line.templates[0].missing(labels))
        return Mapped(None, number, "unknown", " or ".join(tried))

    def _named(self, node: str, number: int | None, code: Code, detail: str) -> Mapped:
        """A node that labels name, whether the topology has it or not."""
        if node in self._index:
            return Mapped(node, number, code, detail, known=True)
        if len(node) > MAX_ID:
            return Mapped(None, number, "too long")
        return Mapped(node, number, code, detail)

    def _found(self, wanted: tuple[tuple[str, Template], ...], labels: Mapping[str, str], number: int) -> Mapped:
        """The one node that has all that is wanted."""
        index = self._index
        said = []
        nodes: set[int] | None = None
        kind = ""
        for key, template in wanted:
            value = template.render(labels, self._owner)
            if value is None:
                return Mapped(None, number, "no label", template.missing(labels))
            said.append(f"{key}={value}")
            if key == "kind":
                kind = value
                continue
            found = set(index.by_alias(value) if key == "alias" else index.by_attribute(key, value))
            nodes = found if nodes is None else nodes & found
        hits = [node for node in nodes or () if index.name(node) in index and (not kind or index.kind(node) == kind)]
        detail = ", ".join(said)
        if len(hits) == 1:
            return Mapped(index.name(hits[0]), number, "found", detail, known=True)
        return Mapped(None, number, "ambiguous" if hits else "unknown", detail)

    def _owner(self, namespace: str, pod: str) -> str:
        """The name of the one workload beside this pod in the topology; what only alerts say does not count."""
        index = self._index
        name = f"pod/{namespace}/{pod}"
        if not namespace or name not in index:
            return ""
        node = index.id(name)
        beside = [*index.declared_parents(node), *index.declared_children(node)]
        workloads = {index.name(one) for one in beside if index.kind(one) == "workload"}
        return workloads.pop().rpartition("/")[2] if len(workloads) == 1 else ""


def _chain(source: Sequence[str], labels: Mapping[str, str]) -> list[str]:
    """The nodes of a labels source that an alert names, from the outermost in."""
    return [f"{name}/{labels[name]}" for name in source if labels.get(name) and len(labels[name]) + len(name) < MAX_ID]
