"""The topology as the engine sees it: the fast graph, and the mapping that places alerts on it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from healer.alerts.glance import Values
from healer.topology import settings as topology_settings
from healer.topology.graph import Topology
from healer.topology.index import Index
from healer.topology.lines import compile_mapping
from healer.topology.mapping import Mapper
from healer.topology.packed import Packed
from healer.topology.patch import Patch


class Map:
    """Nodes are small integers, which keep their numbers when the topology changes."""

    def __init__(
        self,
        topology: Packed | Topology,
        mappings: Sequence[topology_settings.Mapping],
        labels: Sequence[Sequence[str]],
        max_nodes: int,
    ) -> None:
        self.index = Index(topology, max_nodes)
        self.mapper = Mapper(
            [compile_mapping(line, number) for number, line in enumerate(mappings)], self.index, labels
        )
        self.selective = any(line.explains != "always" for line in mappings)
        self.reads = self.mapper.names
        self.place = self.mapper.place
        self.above = self.index.above
        self.circle = self.index.circle
        self.reaching = self.index.reaching
        self.groups = self.index.groups
        self.name = self.index.name
        self.id = self.index.id

    def places(self, patch: Patch) -> bool:
        """Whether an alert may sit elsewhere after this change: edges alone matter where labels or owners are followed."""
        return bool(patch.nodes or patch.gone or patch.unsaid) or self.mapper.reads_edges

    def below(self, node: int) -> Iterator[int]:
        """Descendants, nearest first."""
        return self.index.below(node)

    def owner(self, node: int) -> str:
        """Who answers for a node: its attribute `owner`, or `team`, or that of the nearest node above it that has one; ""."""
        if node < 0:
            return ""
        attributes = self.index.attributes
        if found := _owner(attributes(node)):
            return found
        return next((found for above, _ in self.index.above(node) if (found := _owner(attributes(above)))), "")

    def explains(self, values: Values) -> bool:
        """Whether the mapping lets an alert with these values of what it reads explain others."""
        return not self.selective or self.mapper.explains(values)


def _owner(attributes: Mapping[str, Any]) -> str:
    found = attributes.get("owner") or attributes.get("team")
    return found if isinstance(found, str) else ""
