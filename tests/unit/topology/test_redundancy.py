"""Parents that stand in for one another: how a file says it, and which faults get through."""

import json

import networkx as nx
import pytest

from healer.documents.problems import DocumentError
from healer.topology.graph import Group, Node, topology
from healer.topology.index import Index
from healer.topology.inspection import to_networkx
from healer.topology.merging import merge
from healer.topology.sources.file import parse_topology

YAML = b"""
nodes:
  - switch/a
  - switch/b
  - id: host/1
    redundancy: {members: [switch/a, switch/b], needs: 1 of 2}
  - {id: vm/1, children: [], redundancy: [{members: [host/1, switch/a, switch/b], needs: 2}]}
"""


def test_a_file_says_who_stands_in_for_whom() -> None:
    """A node names its groups; the edges from the members come with them."""
    said = parse_topology(YAML, "topology.yaml")
    groups = {node.id: node.redundancy for node in said.nodes if node.redundancy}
    assert groups == {
        "host/1": (Group(1, ("switch/a", "switch/b")),),
        "vm/1": (Group(2, ("host/1", "switch/a", "switch/b")),),
    }
    assert ("switch/b", "host/1") in said.edges


@pytest.mark.parametrize("edges", ["links", "edges"])
def test_node_link_says_it_too(edges: str) -> None:
    """What networkx writes comes back with its groups."""
    said = parse_topology(YAML, "topology.yaml")
    written = json.dumps(nx.node_link_data(to_networkx(said), edges=edges)).encode()
    assert {node.id: node.redundancy for node in parse_topology(written, "topology.json").nodes} == {
        node.id: node.redundancy for node in said.nodes
    }


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ("{members: [a], needs: 1}", "two parents or more"),
        ("{members: [a, a], needs: 1}", "two parents or more"),
        ("{members: [a, b], needs: 3}", "from 1 to 2"),
        ("{members: [a, b], needs: 1 of 3}", "1 of 2"),
        ("{members: [a, b], needs: none}", "from 1 to 2"),
        ("{members: [a, b]}", "how many of them"),
        ("[a, b]", "how many of them"),
        ("{members: [a, c], needs: 1}", "no node has the id 'c'"),
        ("7", "expected a list"),
    ],
)
def test_a_mistake_says_what_would_be_right(group: str, said: str) -> None:
    """A group that cannot be is refused, in words."""
    with pytest.raises(DocumentError, match=said):
        parse_topology(f"nodes: [a, b, {{id: d, redundancy: {group}}}]".encode(), "topology.yaml")


def through(index: Index, node: str, *failed: str) -> set[str]:
    found = index.reaching(index.id(node), {index.id(one) for one in failed})
    return {index.name(one) for one in found}


def test_a_fault_comes_through_too_few_healthy_parents() -> None:
    """One of two uplinks explains nothing, both do; what lies above both fails both at once."""
    pair = (Group(1, ("switch/a", "switch/b")),)
    nodes = [
        Node("core/1"),
        Node("rack/1"),
        Node("switch/a"),
        Node("switch/b"),
        Node("host/1", redundancy=pair),
        Node("vm/1"),
    ]
    edges = [("core/1", "switch/a"), ("core/1", "switch/b"), ("switch/a", "host/1"), ("switch/b", "host/1")]
    index = Index(topology(nodes, [*edges, ("rack/1", "host/1"), ("host/1", "vm/1")]))
    assert through(index, "vm/1", "switch/a") == set()
    assert through(index, "vm/1", "switch/a", "switch/b") == {"switch/a", "switch/b"}
    assert through(index, "vm/1", "core/1") == {"core/1"}
    assert through(index, "vm/1", "switch/a", "rack/1") == {"rack/1"}
    assert through(index, "switch/a", "core/1") == {"core/1"}


def test_two_of_three() -> None:
    """Where two of three are needed, the second fault is one too many."""
    members = ("db/1", "db/2", "db/3")
    nodes = [*map(Node, members), Node("shop", redundancy=(Group(2, members),))]
    index = Index(topology(nodes, [(one, "shop") for one in members]))
    assert through(index, "shop", "db/1") == set()
    assert through(index, "shop", "db/1", "db/3") == {"db/1", "db/3"}


def test_groups_change_with_the_topology() -> None:
    """A node that is said anew has the groups that it is said with; one that is removed has none."""
    pair = (Group(1, ("a", "b")),)
    index = Index(topology([Node("a"), Node("b"), Node("c", redundancy=pair)], [("a", "c"), ("b", "c")]))
    assert through(index, "c", "a") == set()
    index.add("c")
    assert through(index, "c", "a") == {"a"}
    index.add("c", redundancy=pair)
    index.remove("c")
    assert not index.groups


def test_sources_merge() -> None:
    """Of several sources the first that says a node's groups decides."""
    said = topology([Node("c", redundancy=(Group(1, ("a", "b")),))], [])
    other = topology([Node("c", redundancy=(Group(2, ("a", "b")),)), Node("a"), Node("b")], [])
    assert (
        merge([("one", topology([Node("c")], [])), ("two", said), ("three", other)]).topology.nodes[2] == said.nodes[0]
    )
