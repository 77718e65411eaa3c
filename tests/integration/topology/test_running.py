"""`healer topology` against a running healer: what it goes by, who says so, which alerts have no node, and what is sent to it."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from healer.cli.main import main
from tests.servers.healer import LISTEN, Healer
from tests.servers.process import post

SETTINGS = f"""
server: {{listen: "{LISTEN}"}}
topology:
  sources: [{{file: topology.yaml}}]
  nodes:
    - {{match: ['job="node"'], node: "host/{{instance|host}}"}}
    - {{match: ['job="budget"'], node: none}}
    - {{match: ['job="db"'], find: {{kind: host, address: "{{instance|host}}"}}}}
"""
TOPOLOGY = "nodes: [{id: rack/a, children: [{id: host/a1, address: 10.0.0.1}]}]\n"
MORE = "nodes: [rack/a, {id: switch/s1, address: 10.9.9.9}]\nedges: [[switch/s1, rack/a]]\n"
ALERTS = (
    {"alertname": "Slow", "job": "db", "instance": "10.0.0.9:1", "severity": "warning"},
    {"alertname": "Slow", "job": "db", "instance": "10.0.0.8:1", "severity": "warning"},
    {"alertname": "Odd", "shop": "a"},
    {"alertname": "BudgetExceeded", "job": "budget"},
    {"alertname": "Watchdog"},
    {"alertname": "HostDown", "job": "node", "instance": "a1:1"},
    {"alertname": "HostDown", "job": "node", "instance": "new:1"},
)


@pytest.fixture(scope="module")
def healer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healer]:
    folder = tmp_path_factory.mktemp("healer")
    with Healer(folder, SETTINGS, files={"topology.yaml": TOPOLOGY, "more.yaml": MORE}) as server:
        post(f"{server.url}/api/v2/alerts", json.dumps([{"labels": labels} for labels in ALERTS]).encode())
        yield server


def said(healer: Healer, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a command says of the running healer."""
    assert main(["topology", *words, "--url", healer.url]) == code
    return capsys.readouterr().out


def config(healer: Healer) -> tuple[str, str]:
    return "--config", str(healer.folder / "healer.yaml")


def as_json(text: str) -> Any:
    return msgspec.json.decode(text)


def test_alerts_without_a_node_are_listed_by_name_with_their_labels_and_the_reason(
    healer: Healer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The most frequent first; what is about no node on purpose, and the heartbeat, are not missing one."""
    told = said(healer, capsys, "unmapped", *config(healer), code=1)
    rows = [line.split(maxsplit=2) for line in told.splitlines()[1:3]]
    assert [row[:2] for row in rows] == [["2", "Slow"], ["1", "Odd"]]
    assert 'instance, job="db", severity="warning"' in told
    assert "topology.nodes[2]: the topology has no node with address=10.0.0." in told
    assert "no line of topology.nodes matched" in told
    assert "3 of 7 alerts have no node" in told
    assert "BudgetExceeded" not in told
    assert "Watchdog" not in told
    assert "stranger: host/new: alerts name them, the topology does not" in told
    items = as_json(said(healer, capsys, "unmapped", *config(healer), "--json", code=1))
    assert (items["total"], items["unmapped"], items["alerts"]) == (2, 3, 7)
    assert items["items"][0]["labels"] == {"instance": None, "job": "db", "severity": "warning"}


def test_what_is_sent_is_merged_and_the_way_says_who_says_each_edge(
    healer: Healer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The graph of the files stays; within seconds the engine goes by both."""
    assert "sent 2 nodes, 1 edge" in said(healer, capsys, "import", str(healer.folder / "more.yaml"))
    until = time.monotonic() + 20
    while as_json(said(healer, capsys, "show", "--json"))["edges"] < 2:
        assert time.monotonic() < until, "what was put is not published"
        time.sleep(0.2)
    way = as_json(said(healer, capsys, "path", "switch/s1", "host/a1", "--json"))
    assert way["path"] == ["switch/s1", "rack/a", "host/a1"]
    assert [edge["sources"] for edge in way["edges"]] == [["put"], ["file"]]
    told = said(healer, capsys, "path", "switch/s1", "host/a1")
    assert "switch/s1 -> rack/a -> host/a1" in told
    (row,) = [line for line in told.splitlines() if line.startswith("rack/a -> host/a1")]
    assert "file" in row
    shown = said(healer, capsys, "show")
    assert "Who says so" in shown
    assert "switch/s1" in shown


def test_the_files_alone_are_looked_at_with_a_configuration(healer: Healer, capsys: pytest.CaptureFixture[str]) -> None:
    """They can be looked at before anything runs by them."""
    assert main(["topology", "path", "rack/a", "host/a1", *config(healer), "--json"]) == 0
    way = as_json(capsys.readouterr().out)
    assert way["edges"] == [{"parent": "rack/a", "child": "host/a1", "sources": ["file"]}]


def test_where_nothing_is_refused_there_is_nothing_to_accept(
    healer: Healer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["topology", "accept", "file", "--url", healer.url]) == 1
    assert "nothing of file is refused" in capsys.readouterr().err
    assert main(["topology", "accept", "cmdb", "--url", healer.url]) == 1
    assert "has no source cmdb" in capsys.readouterr().err


def test_a_line_is_needed_to_say_where_an_alert_sits(healer: Healer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topology", "map", "alert.json", "--url", healer.url]) == 2
    assert "--config FILE is needed" in capsys.readouterr().err


SHORT = f"""
server: {{listen: "{LISTEN}"}}
convergence: {{window: 2s, slack: 1s, settle: 1s}}
topology: {{nodes: [{{match: ['host!=""'], find: {{kind: host, alias: "host/{{host}}"}}}}]}}
"""


def test_a_node_that_left_stays_known_for_window_and_settle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An alert about it that comes late still finds it, and what lies above; then it is forgotten."""
    larger = {"nodes": ["rack/a", "host/a1"], "edges": [["rack/a", "host/a1"]]}
    with Healer(tmp_path / "healer", SHORT) as healer:
        put(healer, larger)
        wait_for(lambda: edges(healer) == {("rack/a", "host/a1"): ["put"]})
        put(healer, {"nodes": ["rack/a"], "edges": []})
        wait_for(lambda: edges(healer) == {("rack/a", "host/a1"): []})
        told = said(healer, capsys, "path", "rack/a", "host/a1")
        assert "nobody any more: it left lately" in told
        late = {"alertname": "HostSlow", "host": "a1", "severity": "warning"}
        post(f"{healer.url}/api/v2/alerts", json.dumps([{"labels": late}]).encode())
        wait_for(lambda: [one["node"] for one in healer.api("alerts")["items"]] == ["host/a1"])
        wait_for(lambda: edges(healer) == {})
        wait_for(lambda: [one["node"] for one in healer.api("alerts")["items"]] == [None])


def put(healer: Healer, graph: Any) -> None:
    body = json.dumps(graph).encode()
    request = urllib.request.Request(f"{healer.url}/api/v1/topology", data=body, method="PUT")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10):
        pass


def edges(healer: Healer) -> dict[tuple[str, str], list[str]]:
    """The edges by which the engine goes, each with who says it."""
    return {(one["source"], one["target"]): one["sources"] for one in healer.api("topology")["edges"]}


def wait_for(held: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not held():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_node_that_only_the_running_healer_knows_is_known(
    healer: Healer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked with --url, the lines of the configuration go by the running healer's graph."""
    put(healer, {"nodes": ["host/only-here"], "edges": []})
    wait_for(lambda: "host/only-here" in {one["id"] for one in healer.api("topology")["nodes"]})
    (tmp_path / "alert.json").write_text('{"job": "node", "instance": "only-here:1"}')
    words = ("map", str(tmp_path / "alert.json"), *config(healer), "--json")
    (item,) = as_json(said(healer, capsys, *words))["items"]
    assert (item["node"], item["known"]) == ("host/only-here", True)
    assert main(["topology", *words]) == 0
    (item,) = as_json(capsys.readouterr().out)["items"]
    assert not item["known"], "the files alone do not have it"
