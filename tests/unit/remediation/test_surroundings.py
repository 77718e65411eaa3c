"""What rules see around a node: the engine's own graph, and what fires on it; and what this healer says it cannot do."""

from pathlib import Path

import pytest

from healer.remediation.abilities import LACKS
from healer.remediation.surroundings import Around
from healer.topology import graph
from healer.topology.graph import Node
from healer.topology.map import Map
from rules import Source, compile_files

NODES = [
    Node("rack/r1", "rack"),
    Node("host/a", "host", ("a.example.com",), {"instance": "a:9100", "team": "x"}),
    Node("host/b", "host", (), {"team": "x"}),
    Node("switch/s", "switch"),
    Node("vm/v", "vm"),
    Node("pod/n/p", "pod"),
]
EDGES = [("rack/r1", "host/a"), ("rack/r1", "host/b"), ("rack/r1", "switch/s"), ("host/a", "vm/v"), ("vm/v", "pod/n/p")]
MANUAL = (Path(__file__).parents[3] / "docs" / "rule-language.md").read_text(encoding="utf-8")


@pytest.fixture
def around() -> Around:
    """A rack with two hosts and a switch; an alert fires on one host."""
    topology = Map(graph.topology(NODES, EDGES), (), (), 1000)
    return Around(topology, lambda number: topology.name(number) == "host/b")


def test_what_is_above_and_below(around: Around) -> None:
    """Nearest first; of one kind where it is asked for; nothing around a node that nobody knows."""
    assert list(around.above("pod/n/p", None)) == ["vm/v", "host/a", "rack/r1"]
    assert list(around.above("pod/n/p", "rack")) == ["rack/r1"]
    assert list(around.below("host/a", None)) == ["vm/v", "pod/n/p"]
    assert list(around.below("rack/r1", "host")) == ["host/a", "host/b"]
    assert list(around.above("host/none", None)) == []
    assert list(around.below("host/none", None)) == []


def test_siblings_are_of_its_kind(around: Around) -> None:
    """A switch in the same rack is no sibling of a host; what stands below nothing has none."""
    assert sorted(around.siblings("host/a")) == ["host/a", "host/b"]
    assert list(around.siblings("rack/r1")) == []


def test_what_alerts(around: Around) -> None:
    """Whether an alert fires is asked of the engine, and a node that nobody knows has none."""
    assert around.alerting("host/b")
    assert not around.alerting("host/a")
    assert not around.alerting("host/none")


def test_one_node_is_found(around: Around) -> None:
    """By alias or attribute, of one kind where it is asked for; two are enough to know that it is not one."""
    assert [node.id for node in around.find(None, {"alias": "a.example.com"})] == ["host/a"]
    assert [node.id for node in around.find("host", {"alias": "host/b"})] == ["host/b"]
    assert [node.id for node in around.find("vm", {"alias": "host/b"})] == []
    assert len(around.find("host", {"team": "x"})) == 2
    assert [node.id for node in around.find("host", {"team": "x", "instance": "a:9100"})] == ["host/a"]
    assert list(around.find("host", {})) == []


def test_nothing_of_the_language_is_lacking() -> None:
    """Whatever the language knows is carried out; what ever is not has to be refused by name."""
    text = 'rule "r"\n  on event: "X"\n  when: value > 3\n  then: notify("x", message: "{{ annotations.y }}")\n'

    assert compile_files([Source("x.heal", text)], packs=False, lacks=LACKS).problems == ()
    assert frozenset() == LACKS
