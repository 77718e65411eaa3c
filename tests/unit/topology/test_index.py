"""The index walks the graph as networkx does, only faster, and changes in place."""

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.topology import graph
from healer.topology.graph import Node, Topology, topology
from healer.topology.index import Index

_names = [f"n/{number}" for number in range(8)]
_edges = st.lists(
    st.tuples(st.sampled_from(_names), st.sampled_from(_names)).filter(lambda edge: edge[0] != edge[1]), max_size=20
)


def topology_of(edges: list[tuple[str, str]]) -> Topology:
    return topology([Node(name) for name in _names], edges)


def distances(index: Index, node: str) -> dict[str, int]:
    return {index.name(above): distance for above, distance in index.above(index.id(node))}


def same(index: Index, expected: "nx.DiGraph[str]") -> None:
    reverse = expected.reverse()
    for name in _names:
        lengths = dict(nx.single_source_shortest_path_length(reverse, name))
        del lengths[name]
        assert distances(index, name) == lengths
        assert [distance for _, distance in index.above(index.id(name))] == sorted(lengths.values())
        assert {index.name(below) for below in index.below(index.id(name))} == nx.descendants(expected, name)


@given(_edges)
def test_what_lies_above_and_below_is_what_networkx_finds(edges: list[tuple[str, str]]) -> None:
    same(Index(topology_of(edges)), _digraph(edges))


@given(_edges, _edges, st.booleans())
def test_edges_change_in_place(before: list[tuple[str, str]], changes: list[tuple[str, str]], walked: bool) -> None:
    index = Index(topology_of(before))
    expected = _digraph(before)
    if walked:
        list(index.below(0))
    for parent, child in changes:
        there = expected.has_edge(parent, child)
        if there:
            expected.remove_edge(parent, child)
            assert index.unlink(index.id(parent), index.id(child))
        else:
            expected.add_edge(parent, child)
            assert index.link(index.id(parent), index.id(child))
        assert index.unlink(0, 0) is False
    same(index, expected)


@given(_edges.flatmap(lambda edges: st.tuples(st.just(edges), st.permutations(edges))))
def test_a_walk_depends_on_the_graph_and_not_on_its_history(
    orders: tuple[list[tuple[str, str]], list[tuple[str, str]]],
) -> None:
    edges, shuffled = orders
    one = Index(topology_of(edges))
    other = Index(topology_of([]))
    for parent, child in shuffled:
        other.link(other.id(parent), other.id(child))
    for node in range(len(_names)):
        assert one.above(node) == other.above(node)
        assert list(one.below(node)) == list(other.below(node))


@given(_edges, st.sampled_from(_names), st.sampled_from(_names))
def test_a_path_is_a_shortest_way_down(edges: list[tuple[str, str]], first: str, last: str) -> None:
    index, expected = Index(topology_of(edges)), _digraph(edges)
    path = [index.name(node) for node in index.path(index.id(first), index.id(last))]
    if not nx.has_path(expected, first, last):
        assert path == []
        return
    assert path[0] == first
    assert path[-1] == last
    assert len(path) == nx.shortest_path_length(expected, first, last) + 1
    assert all(expected.has_edge(*pair) for pair in pairwise(path))


def _digraph(edges: list[tuple[str, str]]) -> "nx.DiGraph[str]":
    made: nx.DiGraph[str] = nx.DiGraph()
    made.add_nodes_from(_names)
    made.add_edges_from(edges)
    return made


def test_a_node_is_not_its_own_parent() -> None:
    index = Index(topology([Node("a")], []))
    with pytest.raises(ValueError, match="an edge from a to itself"):
        index.link(0, 0)


def test_a_cycle_ends() -> None:
    index = Index(topology([Node("a"), Node("b"), Node("c")], [("a", "b"), ("b", "c"), ("c", "a")]))
    assert distances(index, "a") == {"c": 1, "b": 2}
    assert [index.name(node) for node in index.below(0)] == ["b", "c"]


def test_an_edge_is_there_once() -> None:
    index = Index(topology([Node("a"), Node("b"), Node("c")], [("a", "b"), ("c", "b")]))
    assert not index.link(0, 1)
    assert not index.link(2, 1)
    assert index.parents(1) == (0, 2)
    assert list(index.children(0)) == [1]


def test_a_node_is_found_by_alias_and_attribute() -> None:
    nodes = [
        Node("host/a", "host", ("a.example", "shared"), {"address": "10.0.0.1", "slot": 7, "spare": True}),
        Node("host/b", "host", ("shared",), {"address": "10.0.0.2"}),
    ]
    index = Index(topology(nodes, []))
    assert index.by_alias("a.example") == (0,)
    assert index.by_alias("shared") == (0, 1)
    assert index.by_alias("host/b") == (1,)
    assert index.by_alias("none") == ()
    assert index.by_attribute("address", "10.0.0.2") == (1,)
    assert index.by_attribute("slot", "7") == index.by_attribute("spare", "true") == (0,)
    assert index.by_attribute("colour", "red") == ()
    assert index.attributes(0)["slot"] == 7


def test_a_kind_is_given_or_told_by_the_id() -> None:
    index = Index(topology([Node("host/a"), Node("b", "switch"), Node("c")], []))
    assert [index.kind(index.id(name)) for name in ("host/a", "b", "c")] == ["host", "switch", ""]


def test_what_alerts_add_is_known_by_number_but_is_not_the_topology() -> None:
    index = Index(topology([Node("rack/1")], []))
    assert index.grow(("rack/1", "host/a")) == 1
    assert "host/a" not in index
    assert index.id("host/a") == 1
    assert index.above(1) == [(0, 1)]
    assert index.declared_parents(1) == []


def test_what_alerts_add_twice_is_there_once_and_nothing_is_beneath_itself() -> None:
    index = Index(topology([Node("rack/1")], []))
    assert index.grow(("rack/1", "host/a")) == index.grow(("rack/1", "host/a", "host/a")) == 1
    assert (index.parents(1), list(index.children(0))) == ((0,), [1])


def test_it_takes_no_more_nodes_than_it_may() -> None:
    index = Index(topology([Node("a"), Node("b")], []), max_nodes=3)
    assert index.grow(("c",)) == 2
    assert index.grow(("a", "d")) == -1
    assert index.grow(("d", "b")) == 1
    assert list(index.parents(1)) == []
    assert index.add("e") == -1
    assert len(index) == 3


def test_a_topology_is_the_same_bytes_however_it_was_said() -> None:
    one = topology([Node("b", "", (), {"y": 1, "x": [1]}), Node("a")], [("b", "a"), ("a", "b"), ("b", "a")])
    other = topology([Node("a"), Node("b", "", (), {"x": [1], "y": 1})], [("a", "b"), ("b", "a")])
    assert one.digest() == other.digest()
    assert graph.decode(one.encode()) == other
    assert one.digest() != topology([Node("a"), Node("b")], []).digest()
