"""A person is shown what is legal and yet worth a look."""

from healer.topology.graph import Node, topology
from healer.topology.inspection import HUB_CHILDREN, HUB_PARENTS, notes, to_networkx


def test_cycles_islands_and_hubs_are_noted() -> None:
    children = [f"h/{number}" for number in range(HUB_CHILDREN)]
    parents = [f"p/{number}" for number in range(HUB_PARENTS)]
    names = ["a", "b", "hub", "far", *children, *parents]
    edges = [
        ("a", "b"),
        ("b", "a"),
        ("b", "hub"),
        *(("hub", child) for child in children),
        *((one, "h/0") for one in parents),
    ]
    found = notes(topology(map(Node, names), edges))
    assert [(note.kind, note.nodes) for note in found] == [
        ("cycle", ("a", "b")),
        ("island", ("far",)),
        ("hub", ("h/0",)),
        ("hub", ("hub",)),
    ]


def test_a_tree_needs_no_note() -> None:
    assert notes(topology([Node("a"), Node("b")], [("a", "b")])) == []
    assert notes(topology([], [])) == []


def test_networkx_sees_kinds_aliases_and_attributes() -> None:
    graph = to_networkx(topology([Node("host/a", "", ("x",), {"address": "1"}), Node("b")], [("b", "host/a")]))
    assert graph.nodes["host/a"] == {"kind": "host", "aliases": ["x"], "address": "1"}
    assert list(graph.edges) == [("b", "host/a")]
