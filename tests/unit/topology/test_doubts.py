"""What is legal and most likely a mistake is named: in the lines, and in what alerts name."""

import pytest

from healer.settings import parse_settings
from healer.topology.doubts import doubts, strangers
from healer.topology.graph import Node, Topology, topology
from healer.topology.map import Map

KNOWN = topology([Node("host/a", attributes={"address": "10.0.0.1"}), Node("rack/r1")], [])


def odd(lines: str, known: Topology | None = KNOWN) -> list[str]:
    said = parse_settings(f"topology: {{nodes: [{lines}]}}", {}).topology.nodes
    return [f"{note.kind}: {note.text}" for note in doubts(said, known)]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "{match: ['a=\"1\"'], node: 'hots/{host}'}",
            "unknown kind: topology.nodes[0]: the topology has no node of kind hots",
        ),
        ("{find: {kind: vm, alias: '{a}'}}", "unknown kind: topology.nodes[0]: the topology has no node of kind vm"),
        ("{name: mine, find: {adress: '{a}'}}", "unknown attribute: mine: no node has the attribute adress"),
        ("{node: 'host/{a}'}, {match: ['a=\"1\"'], node: none}", "unreached: topology.nodes[0] matches every alert"),
        (
            "{match: ['a=\"1\"'], node: none}, {match: ['a=\"1\"'], node: 'host/{a}'}",
            "topology.nodes[1] is not reached",
        ),
    ],
)
def test_a_line_that_does_nothing_is_named(lines: str, said: str) -> None:
    assert any(said in one for one in odd(lines)), odd(lines)


@pytest.mark.parametrize(
    "lines",
    [
        "{match: ['a=\"1\"'], node: 'host/{a}'}, {match: ['b=\"1\"'], find: {kind: host, address: '{b}'}}",
        "{node: '{kind}/{name}'}",
        "{node: ['pod/{pod}', 'host/{host}']}",
        "{use: mysqld}, {use: kube-prometheus}, {use: node-exporter}",
    ],
)
def test_what_may_well_be_meant_is_not_named(lines: str) -> None:
    """Of the lines that ship nobody needs all; one known kind of several is enough."""
    assert odd(lines) == []


def test_what_finds_nothing_is_not_told_where_the_topology_is_not_known() -> None:
    assert odd("{node: 'hots/{host}'}", None) == []
    assert odd("{node: 'hots/{host}'}", topology([], [])) == []


def test_nodes_that_alerts_name_and_the_topology_does_not_are_told_by_kind() -> None:
    said = parse_settings(
        "topology: {sources: [{labels: [rack]}], nodes: [{match: ['h!=\"\"'], node: 'host/{h}'}]}", {}
    )
    here = Map(KNOWN, said.topology.nodes, said.topology.labels, 100)
    alerts = [{"h": "a"}, *({"h": f"x{number}"} for number in range(7)), {"h": "x3"}, {"rack": "r9"}, {"other": "y"}]
    (note,) = strangers(here.mapper.map(labels) for labels in alerts)
    assert note.kind == "stranger"
    assert len(note.nodes) == 7
    assert note.text.startswith("host/x3, ")
    assert "and 2 more: alerts name them" in note.text
