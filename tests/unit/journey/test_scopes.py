import pytest

from healer.journey.scopes import doubt
from healer.topology.graph import Node, topology
from healer.topology.map import Map

RULES = ("restart it", "restart it on Sundays")
KNOWN = Map(
    topology(
        [
            Node("host/h1", "host", attributes={"cluster": "north"}),
            Node("cluster/south", "cluster"),
            Node("host/h2", "host", attributes={"cluster": "east"}),
        ],
        [],
    ),
    (),
    (),
    1_000,
)


def near(node: str) -> list[str] | None:
    return None if KNOWN.index.id(node) >= 0 else ["host/h1"]


def doubted(scope: str) -> str:
    return doubt(scope, RULES, KNOWN, near)


@pytest.mark.parametrize(
    "scope",
    [
        "all",
        "rule:restart it",
        "rule:restart it on Sundays",
        "rule:restart it on host/h1",
        "rule:restart it on Sundays on host/h1",
        "cluster:north",
        "cluster:south",
        "cluster:cluster/south",
    ],
)
def test_what_is_known_is_not_doubted(scope: str) -> None:
    """Clusters are attributes of nodes or nodes of their own, and a rule may be stopped on one node."""
    assert doubted(scope) == ""


@pytest.mark.parametrize(
    ("scope", "what", "hint"),
    [
        ("rule:restart if", "rule is called 'restart if'", "did you mean 'restart it'?"),
        ("rule:reboot", "rule is called 'reboot'", "known are 'restart it', 'restart it on Sundays'"),
        ("rule:restart it on host/h9", "node is called 'host/h9'", "did you mean 'host/h1'?"),
        ("cluster:nroth", "cluster is called 'nroth'", "did you mean 'north'?"),
        ("cluster:west1234", "cluster is called 'west1234'", "known are 'east', 'north', 'south'"),
    ],
)
def test_what_nothing_is_called_by_stops_nothing_and_that_is_said(scope: str, what: str, hint: str) -> None:
    assert doubted(scope) == f"no {what} now, so nothing is stopped by this: {hint}"


def test_where_there_are_no_clusters_none_can_be_meant() -> None:
    nothing = Map(topology([], []), (), (), 10)
    assert doubt("cluster:north", RULES, nothing, near).endswith("none is known")
