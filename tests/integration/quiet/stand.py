"""A healer of one's own with a switch, two hosts, and the command lines that people type at it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.servers.healer import Healer
from tests.servers.process import binary, post

CONFIG = """server: {listen: "127.0.0.1:9099"}
topology: {sources: [{file: topology.yaml}]}
convergence: {hold: 1s, settle: 2s}
channels: {said: {type: terminal}}
"""
TOPOLOGY = "nodes: [{id: switch/s1}, {id: host/a}, {id: host/b}]\nedges: [[switch/s1, host/a], [switch/s1, host/b]]\n"


@contextmanager
def healer(folder: Path) -> Iterator[Healer]:
    with Healer(folder / "healer", CONFIG, files={"topology.yaml": TOPOLOGY}) as running:
        yield running


def fire(running: Healer, name: str, node: str, **labels: str) -> None:
    """One alert, as Prometheus posts it."""
    alert = {
        "labels": {"alertname": name, "node": node, "severity": "critical", **labels},
        "annotations": {"summary": f"{name} on {node}"},
        "startsAt": datetime.now(UTC).isoformat(),
    }
    post(f"{running.url}/api/v2/alerts", json.dumps([alert]).encode())


def alerts(running: Healer) -> dict[str, dict[str, Any]]:
    """What is known, by alertname and node."""
    return {f"{each['labels']['alertname']}@{each['node']}": each for each in running.api("alerts")["items"]}


def amtool(running: Healer, *words: str) -> subprocess.CompletedProcess[str]:
    """The real amtool, as Debian packages it."""
    return _run([binary("amtool", "prometheus-alertmanager"), f"--alertmanager.url={running.url}", *words])


def typed(running: Healer, *words: str) -> subprocess.CompletedProcess[str]:
    """The `healer` command."""
    return _run([str(Path(sys.executable).with_name("healer")), *words, "--url", running.url])


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
