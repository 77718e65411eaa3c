"""On which node does an alert sit? The lines of `topology.nodes`, compiled, the first that matches deciding. Pure.

A line reads few labels, so answers are remembered by the values of those that any line reads. The engine asks once per
episode (`place`); `healer topology map` and the API ask for the reason (`map`).
"""

from collections.abc import Mapping, Sequence

import msgspec

from healer.alerts.glance import Values, given, values_of
from healer.topology.graph import MAX_ID
from healer.topology.index import Index
from healer.topology.lines import NARROW, Line
from healer.topology.mapped import Mapped
from healer.topology.placing import Placing
from healer.topology.template import NAMESPACE

REMEMBERED = 100_000
"""Answers kept; then all are forgotten at once, which costs less than knowing which was used last."""
NARROWED = 10_000
"""Names and jobs of alerts of which the lines left are kept."""
NOWHERE = -1
"""`place` of an alert that nothing says a node of."""
ASIDE = -2
"""`place` of an alert of which a line says that it sits on no node (`node: none`): nobody has to mend that."""


class Mapper:
    """Lines, and the labels sources, over an index.

    `names` are the labels that are read: alerts with equal values of them sit on the same node.
    """

    def __init__(self, lines: Sequence[Line], index: Index, sources: Sequence[Sequence[str]] = ()) -> None:
        self._lines = tuple(lines)
        self._index = index
        self._placing = Placing(index)
        self._sources = [tuple(source) for source in sources]
        read = {"node"}.union(*(line.names for line in self._lines), *self._sources)
        self.names: tuple[str, ...] = tuple(sorted(read))
        self.reads_edges = bool(self._sources) or NAMESPACE in self.names
        """Whether it may place alerts elsewhere when only an edge changes: `owner` looks for a workload beside a pod."""
        self._mapped: dict[Values, Mapped] = {}
        self._placed: dict[Values, int] = {}
        self._narrowed: dict[tuple[str | None, ...], tuple[Line, ...]] = {}
        self._version = index.version

    def place(self, values: Values) -> int:
        """The number of the node that an alert with these values of `names` sits on, else NOWHERE or ASIDE.

        Nodes that labels name are added.
        """
        if self._version == self._index.version:
            node = self._placed.get(values)
            if node is not None:
                return node
        return self._place(values)

    def explains(self, values: Values) -> bool:
        """May an alert with these values of `names` explain others?"""
        return self._look_up(values).explains

    def map(self, labels: Mapping[str, str]) -> Mapped:
        """Where an alert with these labels sits, and why. Changes nothing."""
        return self._look_up(values_of(self.names, labels))

    def _look_up(self, values: Values) -> Mapped:
        self._refresh()
        mapped = self._mapped.get(values)
        if mapped is None:
            if len(self._mapped) >= REMEMBERED:
                self._mapped.clear()
            mapped = self._mapped[values] = self._map(given(self.names, values))
        return mapped

    def _refresh(self) -> None:
        """Forget what was found in another state of the index."""
        if self._version != self._index.version:
            self._mapped.clear()
            self._placed.clear()
            self._version = self._index.version

    def _place(self, values: Values) -> int:
        self._refresh()
        labels = given(self.names, values)
        mapped = self._mapped.get(values) or self._map(labels)
        node = ASIDE if mapped.code == "none" else NOWHERE
        if mapped.code != "none":
            for source in self._sources:  # a node for each label that there is, and edges inwards
                self._index.grow(_chain(source, labels))
        if mapped.node is not None:
            node = self._index.grow((mapped.node,))
            if node < 0:  # the index is full; it may have room when the topology changes
                return node
        if len(self._placed) >= REMEMBERED:
            self._placed.clear()
        self._placed[values] = node
        return node

    def _map(self, labels: Mapping[str, str]) -> Mapped:
        for line in self._left(labels):
            if line.rest.matches(labels):
                explains = line.explains is not None and line.explains.matches(labels)
                return msgspec.structs.replace(self._placing.by_line(line, labels), explains=explains, by=line.name)
        for source in self._sources:
            nodes = _chain(source, labels)
            if nodes:
                return self._placing.named(nodes[-1], None, "labels source", "")
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


def _chain(source: Sequence[str], labels: Mapping[str, str]) -> list[str]:
    """The nodes of a labels source that an alert names, from the outermost in."""
    return [f"{name}/{labels[name]}" for name in source if labels.get(name) and len(labels[name]) + len(name) < MAX_ID]
