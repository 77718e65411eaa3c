"""Cases in files: what they say, and what is said of a bad one."""

import json
from typing import Any

import pytest

from healer.documents.problems import DocumentError
from healer.rehearsal.case import read_case

ALERT = {"labels": {"alertname": "HostDown", "node": "host/a"}, "startsAt": "2026-01-07T10:00:00Z"}
GRAPH = {"nodes": [{"id": "rack/r"}, {"id": "host/a"}], "edges": [["rack/r", "host/a"]]}


def test_a_case_has_a_name_a_graph_and_its_alerts_in_the_order_in_which_they_began() -> None:
    later = {**ALERT, "startsAt": "2026-01-07T10:05:00Z", "endsAt": "2026-01-07T10:09:00Z"}
    case = read_case(json.dumps({"case": "one", "topology": GRAPH, "alerts": [later, ALERT]}).encode(), "one.json")
    assert case.name == "one"
    assert case.topology.edges == (("rack/r", "host/a"),)
    assert [alert.ends_at > 0 for alert in case.alerts] == [False, True]


def test_what_a_file_says_of_the_truth_and_of_itself_is_not_read() -> None:
    """Cases that differ only in labels of the truth, and in where the graph is from, are the same case."""
    said: dict[str, Any] = {"case": "one", "topology": GRAPH, "alerts": [ALERT]}
    told = {**said, "topology": {**GRAPH, "direction": "down"}, "root_causes": ["rack/r"], "root_cause_members": []}
    assert read_case(json.dumps(said).encode(), "x") == read_case(json.dumps(told).encode(), "x")


def test_an_edge_of_a_node_to_itself_says_nothing() -> None:
    graph = {**GRAPH, "edges": [["host/a", "host/a"], {"source": "rack/r", "target": "rack/r"}]}
    assert read_case(json.dumps({"topology": graph, "alerts": []}).encode(), "x").topology.edges == ()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"{", "x.json: is not JSON"),
        (b"[1]", 'x.json: expected a case: {"topology"'),
        (b"{}", 'x.json: expected a case: {"topology"'),
        ({"alerts": {}}, "x.json: alerts: expected a list of alerts"),
        ({"alerts": [1]}, "x.json: alerts[0]: expected an alert"),
        ({"alerts": [{}]}, 'x.json: alerts[0].labels: expected labels such as {"alertname"'),
        ({"alerts": [{"labels": {"a": 1}}]}, "x.json: alerts[0].labels: expected labels such as"),
        ({"alerts": [{"labels": {"a": ""}}]}, "x.json: alerts[0].labels: an alert needs at least one label"),
        ({"alerts": [{"labels": {"a": "b"}}]}, "x.json: alerts[0].startsAt: is missing"),
        ({"alerts": [{**ALERT, "startsAt": "yesterday"}]}, "x.json: alerts[0].startsAt: 'yesterday' is no time"),
        ({"alerts": [{**ALERT, "startsAt": 12}]}, "x.json: alerts[0].startsAt: '12' is no time"),
        ({"alerts": [{**ALERT, "endsAt": "2020-01-01T00:00:00Z"}]}, "x.json: alerts[0].endsAt: is before startsAt"),
        ({"alerts": [], "case": 3}, "x.json: case: expected a text"),
        ({"alerts": [], "topology": []}, "x.json: topology: expected"),
        (
            {"alerts": [], "topology": {"nodes": ["a"], "edges": [["a", "b"]]}},
            "x.json: topology.edges[0]: an edge to nowhere: no node has the id 'b'",
        ),
    ],
)
def test_a_mistake_is_told_with_its_file_its_place_and_what_would_be_right(said: Any, told: str) -> None:
    with pytest.raises(DocumentError) as found:
        read_case(said if isinstance(said, bytes) else json.dumps(said).encode(), "x.json")
    assert told in str(found.value)
