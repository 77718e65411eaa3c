"""Which kinds a rule may name, and that a rule which names one compiles wherever it is compiled."""

from healer.topology.graph import Node, Topology
from healer.topology.kinds import kinds_of
from healer.topology.settings import Mapping

GRAPH = Topology((Node("blade/b1"), Node("switch-7", kind="core switch"), Node("lonely")))


def test_kinds_come_from_nodes_mappings_labels_and_health_queries() -> None:
    """Declared and implied kinds of nodes, the kinds mappings write, the labels of a labels source, those with a health query."""
    mappings = [Mapping(node="pod/{namespace}/{pod}"), Mapping(node="none"), Mapping(find={"alias": "{host}"})]

    found = kinds_of(GRAPH, mappings, [("region", "room")], {"database": "up"})

    assert found == {"blade", "core switch", "pod", "region", "room", "database"}


def test_a_kind_that_is_a_labels_value_is_not_a_kind_by_itself() -> None:
    """`{type}/{name}` says nothing of which kinds there are."""
    assert kinds_of(Topology(), [Mapping(node="{type}/{name}"), Mapping(node="{node}")], [], []) == frozenset()
