"""The share of alerts that have a node, as a running healer tells it: in its metrics, and by `healer doctor`."""

import json
import re
import time
from pathlib import Path

import pytest

from healer.cli.main import main
from tests.servers.healer import LISTEN, Healer
from tests.servers.process import get, post
from tests.stock.table import kept

NODES = "topology: {nodes: [%s]}\n"


def told(folder: Path, lines: str) -> Healer:
    """A healer that was sent all stock alerts."""
    return Healer(folder, f'server: {{listen: "{LISTEN}"}}\n{NODES % lines}')


def number(healer: Healer, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", get(f"{healer.url}/metrics").decode(), re.MULTILINE)
    return float(found[1]) if found else -1.0


def send(healer: Healer) -> None:
    alerts = kept()
    post(f"{healer.url}/api/v2/alerts", json.dumps([{"labels": labels} for labels in alerts]).encode())
    until = time.monotonic() + 20
    while number(healer, "healer_alerts") < len(alerts):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_with_the_lines_that_ship_every_stock_alert_that_is_about_something_has_a_node(tmp_path: Path) -> None:
    with told(tmp_path / "healer", "{use: kube-prometheus}") as healer:
        send(healer)
        assert number(healer, "healer_alerts_mapped_ratio") == 1.0
        assert number(healer, "healer_alerts_unmapped") == 0.0
        assert number(healer, "healer_alerts_mapped") > 130


def test_without_them_the_doctor_says_so_before_all_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with told(tmp_path / "healer", "{match: ['alertname=\"Nothing\"'], node: none}") as healer:
        send(healer)
        assert main(["doctor", "--url", healer.url]) == 1
    first = capsys.readouterr().out.splitlines()[:2]
    assert re.match(r"x 0% of \d+ alerts sit on a node of the topology", first[0])
    assert "`healer topology unmapped` lists the others" in first[1]
