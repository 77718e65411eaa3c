"""A topology is read from YAML and from networkx's JSON, and every mistake is named with its file and line."""

import json
from pathlib import Path

import networkx as nx
import pytest

from healer.documents.problems import DocumentError
from healer.topology.graph import Node
from healer.topology.inspection import to_networkx
from healer.topology.sources.file import parse_topology, read_topology

YAML = b"""
nodes:
  - {id: dc/1, aliases: [paris]}
  - id: rack/r1
    children:
      - {id: host/a, kind: machine, address: 10.0.0.1}
      - {id: host/b, children: [db]}
  - db
edges:
  - [dc/1, rack/r1]
  - {source: dc/1, target: db}
"""


def test_yaml_gives_nodes_attributes_and_edges() -> None:
    read = parse_topology(YAML, "topology.yaml")
    assert read.nodes == (
        Node("db"),
        Node("dc/1", "", ("paris",)),
        Node("host/a", "machine", (), {"address": "10.0.0.1"}),
        Node("host/b"),
        Node("rack/r1"),
    )
    assert read.edges == (
        ("dc/1", "db"), ("dc/1", "rack/r1"), ("host/b", "db"), ("rack/r1", "host/a"), ("rack/r1", "host/b"),
    )  # fmt: skip


@pytest.mark.parametrize("edges", ["links", "edges"])
def test_what_networkx_writes_comes_back(edges: str, tmp_path: Path) -> None:
    graph = to_networkx(parse_topology(YAML, "topology.yaml"))
    file = tmp_path / "topology.json"
    file.write_text(json.dumps(nx.node_link_data(graph, edges=edges)))
    again = read_topology([file])
    assert nx.utils.graphs_equal(to_networkx(again), graph)
    assert [node.kind for node in again.nodes] == ["", "dc", "machine", "host", "rack"]


def test_edges_may_go_from_one_file_to_another(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("nodes: [a]\nedges: [[a, b]]")
    (tmp_path / "b.json").write_text('{"nodes": [{"id": "b"}]}')
    assert read_topology([tmp_path / "a.yaml", tmp_path / "b.json"]).edges == (("a", "b"),)


@pytest.mark.parametrize("text", ["", "nodes:\n", "{}", "nodes: []\nedges: []"])
def test_an_empty_topology_is_one(text: str) -> None:
    assert parse_topology(text.encode(), "t.yaml").nodes == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nodes: [a, b, a]", "t.yaml:1:15: nodes[2]: the node a is given twice, first at t.yaml:1:9: keep one of them"),
        (
            "nodes:\n- a\n- id: b\n  children: [{id: a}]",
            "t.yaml:4:14: nodes[1].children[0]: the node a is given twice, first at t.yaml:2:3",
        ),
        (
            "nodes: [host/a]\nedges:\n- [host/b, host/a]",
            "t.yaml:3:3: edges[0]: an edge to nowhere: no node has the id 'host/b'; did you mean host/a?",
        ),
        ("nodes: [a]\nedges: [[a, zzz]]", "no node has the id 'zzz': add it to nodes"),
        ("nodes: [{id: a, children: [b]}]", "nodes[0].children[0]: an edge to nowhere"),
        ("nodes: [a]\nedges: [[a, a]]", "t.yaml:2:9: edges[0]: an edge from a to itself"),
        ("nodes: [a]\nlinks: [{source: a, target: a}]", "links[0]: an edge from a to itself"),
        ("node: [a]", "t.yaml:1:7: node: unknown key; did you mean nodes?"),
        ("[a]", "expected a mapping with nodes and edges"),
        ("nodes: {a: 1}", "nodes: expected a list"),
        ("nodes: [[a]]", "nodes[0]: expected a node"),
        ("nodes: [{kind: host}]", "nodes[0].id: the id is missing"),
        ("nodes: [{id: [1]}]", "nodes[0].id: expected the id of a node"),
        ("nodes: ['']", "expected the id of a node"),
        ("nodes: [' a']", "blanks around it"),
        ('nodes: ["a\\0b"]', "characters that cannot be seen"),
        (f"nodes: [{'x' * 600}]", "an id of 600 characters: at most 512"),
        ("nodes: [{id: a, kind: 3}]", "nodes[0].kind: expected text"),
        ("nodes: [{id: a, serial: {x: [99999999999999999999]}}]", "nodes[0].serial: a number beyond 64 bits"),
        ("nodes: [{id: a, aliases: b}]", "nodes[0].aliases: expected a list of texts"),
        ("nodes: [{id: a, children: b}]", "nodes[0].children: expected a list"),
        ("nodes: [a, b]\nedges: [[a, b, c]]", "edges[0]: expected an edge: [parent, child]"),
        ("nodes: [a, b]\nedges: [{source: a}]", "edges[0].target: the target is missing"),
        ("nodes: [a, b]\nedges: [[a, null]]", "edges[0][1]: expected the id of a node"),
        ("nodes: [a, b]\nedges: [a-b]", "expected an edge"),
        ("nodes: [a]\nedges: []\nlinks: []", "links and edges are the same"),
        ("directed: false\nnodes: [a]", "t.yaml:1:11: directed: the graph must be directed"),
        ("nodes: [a\n", "not YAML"),
        ("nodes: &x [*x]", "stands for something that contains it"),
    ],
)
def test_a_mistake_names_its_line_and_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_topology(text.encode(), "t.yaml")
    assert said in str(caught.value)


def test_mistakes_in_json_have_lines_too(tmp_path: Path) -> None:
    file = tmp_path / "t.json"
    file.write_text('{\n "nodes": [\n  {"id": "a"},\n  {"id": "a"}\n ],\n "links": [{"source": "a", "target": "b"}]\n}')
    with pytest.raises(DocumentError) as caught:
        read_topology([file])
    twice, nowhere = map(str, caught.value.problems)
    assert twice == f"{file}:4:3: nodes[1]: the node a is given twice, first at {file}:3:3: keep one of them"
    assert nowhere.startswith(f"{file}:6:12: links[0]: an edge to nowhere")


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000, b"nodes: []"])
def test_what_is_not_json_says_so(raw: bytes) -> None:
    with pytest.raises(DocumentError, match="not JSON"):
        parse_topology(raw, "t.json")


def test_a_clash_between_files_names_both(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("nodes:\n  - a\n")
    (tmp_path / "b.yaml").write_text("# more\nnodes: [b, a]\n")
    with pytest.raises(DocumentError) as caught:
        read_topology([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert f"{tmp_path}/b.yaml:2:12: nodes[1]: the node a is given twice, first at {tmp_path}/a.yaml:2:5" in str(
        caught.value
    )


def test_a_file_that_cannot_be_read_does_not_hide_the_mistakes_of_another(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("nodes: [a, a]\nedges: [[a, elsewhere]]")
    with pytest.raises(DocumentError) as caught:
        read_topology([tmp_path / "a.yaml", tmp_path / "none.json"])
    said = str(caught.value)
    assert "given twice" in said
    assert "none.json: cannot be read: No such file" in said
    assert "nowhere" not in said


def test_many_mistakes_are_told_up_to_a_limit() -> None:
    with pytest.raises(DocumentError) as caught:
        parse_topology(("nodes: [" + "a, " * 1_500 + "]").encode(), "t.yaml")
    assert len(caught.value.problems) == 1_001
    assert "and 499 more mistakes" in str(caught.value)


def test_a_single_alias_is_an_alias() -> None:
    """`alias: text` names a node as mappings find it, beside the list of aliases."""
    topology = parse_topology(b"nodes: [{id: host/a, alias: www, aliases: [web]}]", "topology.yaml")

    assert topology.nodes[0].aliases == ("web", "www")
