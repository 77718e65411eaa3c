"""Nodes that depend on one another are found on the way up, as networkx finds them in the whole graph."""

from itertools import pairwise

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from healer.topology.graph import Node, topology
from healer.topology.index import Index

NAMES = tuple(f"n{number}" for number in range(8))
EDGE = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).filter(lambda edge: edge[0] != edge[1])


def same(index: Index, expected: "nx.DiGraph[str]", asked: list[str]) -> None:
    parts = {name: part for part in nx.strongly_connected_components(expected) for name in part}
    for name in asked:
        found = {index.name(one) for one in index.circle(index.id(name))}
        assert found == (parts[name] if len(parts[name]) > 1 else set())


@given(
    st.lists(EDGE, max_size=20), st.lists(st.tuples(st.booleans(), EDGE, st.lists(st.sampled_from(NAMES))), max_size=10)
)
def test_found_as_networkx_does(
    edges: list[tuple[str, str]], changes: list[tuple[bool, tuple[str, str], list[str]]]
) -> None:
    """Whatever was asked before, edges come and go, and every circle is found as it is now."""
    index = Index(topology(map(Node, NAMES), edges))
    expected: nx.DiGraph[str] = nx.DiGraph()
    expected.add_nodes_from(NAMES)
    expected.add_edges_from(edges)
    same(index, expected, list(NAMES[:3]))
    for add, (parent, child), asked in changes:
        above, below = index.id(parent), index.id(child)
        if add:
            index.link(above, below)
            expected.add_edge(parent, child)
        elif index.unlink(above, below):
            expected.remove_edge(parent, child)
        same(index, expected, asked)
    same(index, expected, list(NAMES))


def test_a_long_chain_needs_no_recursion() -> None:
    """A circle of ten thousand nodes is found."""
    names = [f"n{number}" for number in range(10_000)]
    index = Index(topology(map(Node, names), [*pairwise(names), (names[-1], names[0])]))
    assert len(index.circle(0)) == 10_000
