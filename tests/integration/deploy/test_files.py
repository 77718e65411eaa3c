"""Every file of deploy/prometheus and deploy/alertmanager is what Prometheus' own tools call right."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers.deployed import DEPLOY
from tests.servers.process import binary

PROMETHEUS = DEPLOY / "prometheus"
ALERTMANAGER = DEPLOY / "alertmanager"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder as an operator would have it: all files side by side, and the token."""
    for file in (*PROMETHEUS.glob("*.yml"), *ALERTMANAGER.glob("*.yml")):
        shutil.copy(file, tmp_path)
    (tmp_path / "healer.token").write_text("not-a-secret")
    return tmp_path


def run(*command: str, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_prometheus_configuration(installed: Path) -> None:
    """promtool accepts the configuration and the rules that it names."""
    run(binary("promtool", "prometheus"), "check", "config", "prometheus.yml", folder=installed)


def test_alerts_for_packs(installed: Path) -> None:
    """promtool accepts the alerts that rules of the packs listen to and no mixin brings."""
    run(binary("promtool", "prometheus"), "check", "rules", "pack-alerts.yml", folder=installed)


@pytest.mark.parametrize("name", sorted(file.name for file in ALERTMANAGER.glob("*.yml")))
def test_alertmanager_configurations(installed: Path, name: str) -> None:
    """amtool accepts every configuration."""
    run(binary("amtool", "prometheus-alertmanager"), "check-config", name, folder=installed)


def test_alerts_about_healer_fire_when_they_should(installed: Path) -> None:
    """promtool runs the rules on made-up series: quiet when well, each alert in its trouble."""
    run(binary("promtool", "prometheus"), "test", "rules", "healer-alerts.test.yml", folder=installed)


@pytest.mark.parametrize(
    ("place", "labels", "receivers"),
    [
        ("shadow", ["alertname=HostDown"], "healer,people"),
        ("shadow", ["alertname=Watchdog"], "dead-mans-switch,healer"),
        ("shadow", ["alertname=HealerDown", "about=healer"], "people"),
        ("lead", ["alertname=HostDown"], "healer,backstop"),
        ("lead", ["alertname=Watchdog"], "dead-mans-switch,healer"),
        ("lead", ["alertname=HealerDown", "about=healer"], "people"),
    ],
)
def test_alerts_reach_whom_they_should(installed: Path, place: str, labels: list[str], receivers: str) -> None:
    """People's alerts go to people and healer, the heartbeat to both watchers, alerts about healer past healer."""
    amtool = binary("amtool", "prometheus-alertmanager")
    command = [
        amtool,
        "config",
        "routes",
        "test",
        f"--config.file={place}.yml",
        f"--verify.receivers={receivers}",
        *labels,
    ]
    done = subprocess.run(command, cwd=installed, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
