"""On which node does an alert sit? The lines of `topology.nodes`, compiled, the first that matches deciding. Pure.

A line reads few labels, so answers are remembered by the values of those that any line reads. The engine asks once per
episode (`place`); `healer topology map` and the API ask for the reason (`map`).
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from healer.topology.index import Growth, Index
from healer.topology.lines import Line, extracted

REMEMBERED = 100_000
"""Answers kept; then all are forgotten at once, which costs less than knowing which was used last."""
MAX_ID = 512
"""Characters of an id that labels make; a longer one is no node."""

Code = Literal[
    "template", "listed", "found", "node label", "labels source",
    "none", "no label", "not extracted", "unknown", "ambiguous", "too long", "no line",
]  # fmt: skip


class Mapped(msgspec.Struct, frozen=True):
    """Where an alert sits, and why.

    `line` counts the lines of `topology.nodes` from 0; None when none matched. `known`: the topology has the node.
    `explains`: this alert may explain others. `code` and `detail` are put into words by `why`.
    """

    node: str | None
    line: int | None
    code: Code
    detail: str = ""
    known: bool = False
    explains: bool = True

    @property
    def why(self) -> str:
        """The reason in words."""
        told = _WORDS[self.code].format(detail=self.detail, node=self.node)
        return told if self.line is None else f"topology.nodes[{self.line}]: {told}"


_WORDS: dict[Code, str] = {
    "template": "{detail} gives {node}",
    "listed": "{detail} gives {node}, the first that exists",
    "found": "{node} is the one node with {detail}",
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
        self._mapped: dict[tuple[str | None, ...], Mapped] = {}
        self._placed: dict[tuple[str | None, ...], int] = {}
        self._version = index.version

    def place(self, labels: Mapping[str, str]) -> int:
        """The number of the node that an alert with these labels sits on, or -1. Nodes that labels name are added."""
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
        node = -1
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
        for line in self._lines:
            if line.match.matches(labels):
                explains = line.explains is not None and line.explains.matches(labels)
                return self._by_line(line, labels, explains)
        for source in self._sources:
            nodes = _chain(source, labels)
            if nodes:
                return self._named(nodes[-1], None, "labels source", "", explains=True)
        node = labels.get("node")
        if node and node in self._index:
            return Mapped(node, None, "node label", known=True)
        return Mapped(None, None, "no line")

    def _by_line(self, line: Line, labels: Mapping[str, str], explains: bool) -> Mapped:
        number = line.number
        if line.extract:
            read = extracted(line, labels)
            if isinstance(read, str):
                return Mapped(None, number, "not extracted", read, explains=explains)
            labels = read
        if line.find:
            return self._found(line, labels, explains)
        if not line.templates:
            return Mapped(None, number, "none", explains=explains)
        if not line.listed:
            template = line.templates[0]
            node = template.render(labels)
            if node is None:
                return Mapped(None, number, "no label", template.missing(labels), explains=explains)
            return self._named(node, number, "template", template.text, explains=explains)
        tried = []
        for template in line.templates:
            node = template.render(labels)
            if node is not None:
                if node in self._index:
                    return Mapped(node, number, "listed", template.text, known=True, explains=explains)
                tried.append(node)
        if not tried:
            return Mapped(None, number, "no label", line.templates[0].missing(labels), explains=explains)
        return Mapped(None, number, "unknown", " or ".join(tried), explains=explains)

    def _named(self, node: str, number: int | None, code: Code, detail: str, *, explains: bool) -> Mapped:
        """A node that labels name, whether the topology has it or not."""
        if node in self._index:
            return Mapped(node, number, code, detail, known=True, explains=explains)
        if len(node) > MAX_ID:
            return Mapped(None, number, "too long", explains=explains)
        return Mapped(node, number, code, detail, explains=explains)

    def _found(self, line: Line, labels: Mapping[str, str], explains: bool) -> Mapped:
        index, number = self._index, line.number
        wanted = []
        nodes: set[int] | None = None
        kind = ""
        for key, template in line.find:
            value = template.render(labels)
            if value is None:
                return Mapped(None, number, "no label", template.missing(labels), explains=explains)
            wanted.append(f"{key}={value}")
            if key == "kind":
                kind = value
                continue
            found = set(index.by_alias(value) if key == "alias" else index.by_attribute(key, value))
            nodes = found if nodes is None else nodes & found
        hits = [node for node in nodes or () if index.name(node) in index and (not kind or index.kind(node) == kind)]
        detail = ", ".join(wanted)
        if len(hits) == 1:
            return Mapped(index.name(hits[0]), number, "found", detail, known=True, explains=explains)
        if hits:
            return Mapped(None, number, "ambiguous", detail, explains=explains)
        return Mapped(None, number, "unknown", f"with {detail}", explains=explains)


def _chain(source: Sequence[str], labels: Mapping[str, str]) -> list[str]:
    """The nodes of a labels source that an alert names, from the outermost in."""
    return [f"{name}/{labels[name]}" for name in source if labels.get(name) and len(labels[name]) + len(name) < MAX_ID]
