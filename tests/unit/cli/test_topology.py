"""`healer topology`: from the configuration alone."""

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest

from healer.cli.main import main

SETTINGS = """topology:
  sources: [{file: topology.yaml}]
  nodes:
    - {match: ['job="node"'], node: "host/{instance|host}"}
    - {match: ['alertname="Watchdog"'], node: none}
"""
TOPOLOGY = "nodes: [{id: rack/a, children: [{id: host/a1}, {id: host/a2}]}, host/lonely]\n"


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "topology.yaml").write_text(TOPOLOGY)
    (tmp_path / "healer.yaml").write_text(SETTINGS)
    return str(tmp_path / "healer.yaml")


def alert(tmp_path: Path, value: Any) -> str:
    file = tmp_path / "alert.json"
    file.write_bytes(msgspec.json.encode(value))
    return str(file)


def test_show_counts_kinds_and_names_what_is_odd(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topology", "show", "--config", config]) == 0
    said = capsys.readouterr().out
    assert "4 nodes, 2 edges" in said
    assert "host/lonely, rack/a" in said
    assert "island" in said


@pytest.mark.parametrize(
    ("value", "code", "said"),
    [
        ({"job": "node", "instance": "a1:9100"}, 0, "host/a1\n  topology.nodes[0]:"),
        ({"labels": {"job": "node", "instance": "new:9100"}}, 0, "this node is not in the topology"),
        ({"alertname": "Other"}, 1, "no node\n  no line of topology.nodes matched"),
        ([{"job": "node", "instance": "a1"}, {"alertname": "Watchdog"}], 1, "1 of 2 alerts sit on a node"),
        ({"version": "4", "alerts": [{"labels": {"job": "node", "instance": "a2:1"}}]}, 0, "host/a2"),
    ],
)
def test_map_says_where_an_alert_sits_and_by_which_line(
    value: Any, code: int, said: str, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels, an alert, a list of alerts and a whole webhook are understood."""
    assert main(["topology", "map", alert(tmp_path, value), "--config", config]) == code
    assert said in capsys.readouterr().out


def test_map_reads_standard_input(
    config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b'{"job": "node", "instance": "a1"}'))
    monkeypatch.setattr("sys.stdin", stream)
    assert main(["topology", "map", "-", "--config", config, "--json"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out)["items"][0]["node"] == "host/a1"


@pytest.mark.parametrize("value", [{"alertname": 5}, "text", [3]])
def test_map_refuses_what_is_no_alert(
    value: Any, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["topology", "map", alert(tmp_path, value), "--config", config]) == 2
    assert "expected labels such as" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ends", "code", "said"),
    [
        (("rack/a", "host/a1"), 0, "rack/a -> host/a1"),
        (("host/a1", "rack/a"), 1, "but one of rack/a reaches host/a1"),
        (("host/a1", "host/a2"), 1, "no path: a fault of host/a1 does not reach host/a2"),
    ],
)
def test_path_says_how_a_fault_travels(
    ends: tuple[str, str], code: int, said: str, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["topology", "path", *ends, "--config", config]) == code
    assert said in capsys.readouterr().out


def test_path_knows_only_nodes(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topology", "path", "rack/a", "host/zz", "--config", config]) == 2
    assert "no node has the id 'host/zz'" in capsys.readouterr().err


def test_show_names_lines_that_do_nothing_and_nodes_that_only_alerts_name(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typing error in a line, or a host that nobody entered, looks like nothing at all otherwise."""
    typed = SETTINGS + "    - {match: ['job=\"db\"'], node: 'hots/{instance|host}'}\n"
    Path(config).write_text(typed)
    seen = alert(tmp_path, [{"job": "node", "instance": "new:1"}, {"job": "node", "instance": "a1:1"}])
    assert main(["topology", "show", "--config", config, "--alerts", seen]) == 0
    said = capsys.readouterr().out
    assert "unknown kind: topology.nodes[2]: the topology has no node of kind hots" in said
    assert "stranger: host/new: alerts name them" in said
    assert main(["check", "--config", config]) == 0
    assert "the topology has no node of kind hots" in capsys.readouterr().out


def test_map_names_the_line_that_ships(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(config).write_text("topology: {nodes: [{use: kube-prometheus}]}")
    seen = alert(tmp_path, {"alertname": "KubeNodeNotReady", "node": "w1", "job": "kube-state-metrics"})
    assert main(["topology", "map", seen, "--config", config]) == 0
    assert "kube-prometheus/node: the topology has no node with alias=host/w1, kind=host or" in capsys.readouterr().out
