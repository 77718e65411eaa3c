"""`healer topology unmapped`, against healer's real HTTP side: which alerts have no node, and why."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from healer.alerts.identity import canonical
from healer.cli.main import main
from tests.integration.web.stand import alert_view, standing

SETTINGS = """topology:
  sources: [{file: topology.yaml}]
  nodes:
    - {match: ['job="node"'], node: "host/{instance|host}"}
    - {match: ['job="budget"'], node: none}
    - {match: ['job="db"'], find: {kind: host, address: "{instance|host}"}}
"""
ALERTS = (
    ("", {"alertname": "Slow", "job": "db", "instance": "10.0.0.9:1", "severity": "warning"}),
    ("", {"alertname": "Slow", "job": "db", "instance": "10.0.0.8:1", "severity": "warning"}),
    ("", {"alertname": "Odd", "shop": "a"}),
    ("", {"alertname": "BudgetExceeded", "job": "budget"}),
    ("", {"alertname": "Watchdog"}),
    ("host/a1", {"alertname": "HostDown", "job": "node", "instance": "a1:1"}),
    ("host/new", {"alertname": "HostDown", "job": "node", "instance": "new:1"}),
)


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "topology.yaml").write_text("nodes: [{id: rack/a, children: [{id: host/a1, address: 10.0.0.1}]}]\n")
    (tmp_path / "healer.yaml").write_text(SETTINGS)
    return str(tmp_path / "healer.yaml")


async def run(config: str, *more: str) -> int:
    async with standing() as (stand, _):
        stand.view.known = [
            alert_view(n, labels=canonical(labels), node=node) for n, (node, labels) in enumerate(ALERTS)
        ]
        return await asyncio.to_thread(main, ["topology", "unmapped", "--config", config, "--url", stand.url, *more])


async def test_they_are_listed_by_name_with_their_labels_and_the_reason(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The most frequent first; what is about no node on purpose, and the heartbeat, are not missing a node."""
    assert await run(config) == 1
    said = capsys.readouterr().out
    rows = [line.split(maxsplit=2) for line in said.splitlines()[1:3]]
    assert [row[:2] for row in rows] == [["2", "Slow"], ["1", "Odd"]]
    assert 'instance, job="db", severity="warning"' in said
    assert "topology.nodes[2]: the topology has no node with address=10.0.0." in said
    assert "no line of topology.nodes matched" in said
    assert "3 of 7 alerts have no node" in said
    assert "BudgetExceeded" not in said
    assert "Watchdog" not in said


async def test_nodes_that_only_alerts_name_are_told(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    await run(config)
    assert "stranger: host/new: alerts name them, the topology does not" in capsys.readouterr().out


async def test_programs_get_json(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    await run(config, "--json")
    said = msgspec.json.decode(capsys.readouterr().out)
    assert (said["total"], said["unmapped"], said["alerts"]) == (2, 3, 7)
    assert said["items"][0]["labels"] == {"instance": None, "job": "db", "severity": "warning"}
