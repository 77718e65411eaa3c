"""One graph of several sources, and who is believed."""

from healer.topology.graph import Node, topology
from healer.topology.merging import Conflict, merge

FILE = topology(
    [Node("rack/r", "rack"), Node("host/a", "host", ("a.example",), {"room": "1", "unit": 4})], [("rack/r", "host/a")]
)
CLUSTER = topology(
    [Node("host/a", "machine", ("10.0.0.1",), {"room": "2", "zone": "z"}), Node("pod/x")], [("host/a", "pod/x")]
)


def test_sources_add_up() -> None:
    """Nodes, edges, aliases and attributes of all of them are there, and edges join what different sources know."""
    merged = merge([("file", FILE), ("cluster", CLUSTER)]).topology
    assert [node.id for node in merged.nodes] == ["host/a", "pod/x", "rack/r"]
    assert merged.edges == (("host/a", "pod/x"), ("rack/r", "host/a"))
    assert merged.nodes[0].aliases == ("a.example", "10.0.0.1")
    assert merged.nodes[0].attributes == {"room": "1", "unit": 4, "zone": "z"}


def test_the_first_source_decides_and_the_other_is_listed() -> None:
    """Of a kind and of each attribute the first that says it counts; who disagrees with what is told."""
    merged = merge([("file", FILE), ("cluster", CLUSTER)])
    assert merged.topology.nodes[0].kind == "host"
    assert merged.disagreements == (
        Conflict("host/a", "kind", "file", "host", "cluster", "machine"),
        Conflict("host/a", "room", "file", "1", "cluster", "2"),
    )
    turned = merge([("cluster", CLUSTER), ("file", FILE)])
    assert turned.topology.nodes[0].kind == "machine"
    assert turned.topology.nodes[0].attributes["room"] == "2"
    assert turned.conflicts == 2


def test_what_only_a_later_source_says_is_its_word() -> None:
    """A third source that disagrees with it is told so."""
    third = topology([Node("host/a", attributes={"zone": "other"})], [])
    merged = merge([("file", FILE), ("cluster", CLUSTER), ("cmdb", third)])
    assert Conflict("host/a", "zone", "cluster", "z", "cmdb", "other") in merged.disagreements


def test_saying_nothing_is_no_conflict() -> None:
    """A source that knows a node without its kind does not disagree about it."""
    assert merge([("file", FILE), ("flat", topology([Node("host/a")], []))]).conflicts == 0
