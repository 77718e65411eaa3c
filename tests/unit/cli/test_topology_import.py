"""What `healer topology import` sends is what the file says."""

from healer.cli.topology_import import node_link
from healer.topology.sources.file import parse_topology

GRAPH = b"""
nodes:
  - id: rack/a
    children:
      - {id: host/a1, aliases: [web, www], address: 10.0.0.1, units: 2, on: {row: 3}}
      - {id: vm1, kind: vm}
edges: [[host/a1, vm1]]
"""


def test_a_file_survives_the_way() -> None:
    """Kinds are said even where the id tells them, which changes nothing that is found by them."""
    said = parse_topology(GRAPH, "topology.yaml")
    came = parse_topology(node_link(said), "put.json")
    assert came.edges == said.edges
    assert [(node.id, node.aliases, node.attributes) for node in came.nodes] == [
        (node.id, node.aliases, node.attributes) for node in said.nodes
    ]
    assert [node.kind for node in came.nodes] == ["host", "rack", "vm"]
