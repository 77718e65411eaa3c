"""What stands around a node, for the rules that ask: the topology, and what fires on its nodes. Pure.

Implements `rules.Surroundings` over the engine's own map, so that a rule sees what the engine decides by.
"""

from collections.abc import Callable, Mapping, Sequence

from healer.remediation.nodes import node_fact
from healer.topology.map import Map
from rules import NodeFact

MAX_NODES = 100_000
"""Nodes of one answer: a rule that counts half a million pods is answered with this many."""


class Around:
    """One topology at one instant. `fires` says whether an alert fires on the node of this number."""

    def __init__(self, topology: Map, fires: Callable[[int], bool]) -> None:
        self._topology = topology
        self._fires = fires

    def above(self, node: str, kind: str | None) -> Sequence[str]:
        number = self._topology.index.id(node)
        return self._named([above for above, _ in self._topology.above(number)] if number >= 0 else [], kind)

    def below(self, node: str, kind: str | None) -> Sequence[str]:
        number = self._topology.index.id(node)
        found: list[int] = []
        if number >= 0:
            for below in self._topology.below(number):
                found.append(below)
                if len(found) == MAX_NODES:
                    break
        return self._named(found, kind)

    def alerting(self, node: str) -> bool:
        number = self._topology.index.id(node)
        return number >= 0 and self._fires(number)

    def find(self, kind: str | None, where: Mapping[str, str]) -> Sequence[NodeFact]:
        index = self._topology.index
        found: set[int] | None = None
        for attribute, value in where.items():
            named = index.by_alias(value) if attribute == "alias" else index.by_attribute(attribute, value)
            found = set(named) if found is None else found & set(named)
        facts = (node_fact(self._topology, number) for number in sorted(found or ()))
        return [fact for fact in facts if kind is None or fact.kind == kind][:2]

    def siblings(self, node: str) -> tuple[str, ...]:
        """The nodes of the same kind below the same nearest node, itself among them; none where nothing is above."""
        index = self._topology.index
        number = index.id(node)
        above = next((each for each, _ in self._topology.above(number)), -1) if number >= 0 else -1
        if above < 0:
            return ()
        kind = node_fact(self._topology, number).kind
        same = (child for child in index.children(above) if node_fact(self._topology, child).kind == kind)
        return tuple(index.name(child) for child in same)

    def _named(self, numbers: Sequence[int], kind: str | None) -> list[str]:
        if kind is None:
            return [self._topology.index.name(number) for number in numbers]
        facts = (node_fact(self._topology, number) for number in numbers)
        return [fact.id for fact in facts if fact.kind == kind]
