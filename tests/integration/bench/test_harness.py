"""The benchmarks measure what they say: every alert is taken, the same for both, and its cost is counted."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench import load
from bench.compare import HERE
from bench.corpus import RACK, alert, batches, layer
from bench.processes import cpu_seconds, resident_kib
from healer.settings.load import load_settings
from tests.servers.alertmanager import Alertmanager

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_alerts_are_distinct_and_always_the_same() -> None:
    """Alert number i has the same labels in every run and those of no other."""
    labels = [json.dumps(alert(number, NOON)["labels"]) for number in range(3 * RACK)]
    assert len(set(labels)) == 3 * RACK
    assert labels[5] == json.dumps(alert(5, datetime(2026, 6, 1, tzinfo=UTC))["labels"])
    assert [layer(number) for number in (0, 1, 20, RACK)] == ["switch", "service", "host", "switch"]


def test_batches_hold_every_alert_once() -> None:
    """Bodies of the asked size, the last one shorter, of about 640 bytes an alert."""
    bodies = list(batches(250, 100, starts_at=NOON))
    assert [alerts for _, alerts in bodies] == [100, 100, 50]
    assert len({each["labels"]["service"] for body, _ in bodies for each in json.loads(body)}) == 250
    assert 560 < sum(len(body) for body, _ in bodies) / 250 < 720


def test_the_load_is_taken_and_inhibited_by_alertmanager(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Alertmanager takes all that is sent, and its inhibit rule explains a rack by its switch."""
    with Alertmanager(tmp_path, (HERE / "alertmanager.yml").read_text()) as server:
        assert load.main([f"{server.url}/api/v2/alerts", "--count=2100", "--batch=100", "--connections=4"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["alerts"], said["statuses"]) == (2_100, {"200": 21})
        known = server.api("alerts")
        assert len(known) == 2_100
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            states = [each["status"]["state"] for each in server.api("alerts")]
            if states.count("suppressed") == 2_098:
                break
            time.sleep(0.2)
        assert states.count("suppressed") == 2_098  # all but the two switches
        assert resident_kib(server.pid) > 10_000


def test_refusals_are_counted_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Alerts that a server does not take are not counted as taken."""
    with Alertmanager(tmp_path, (HERE / "alertmanager.yml").read_text()) as server:
        load.main([f"{server.url}/no/such/path", "--count=20", "--batch=10", "--connections=1"])
        assert json.loads(capsys.readouterr().out)["alerts"] == 0


def test_cpu_is_that_of_the_process_and_its_children() -> None:
    """Time that a child of a child burns is counted."""
    burn = "from time import process_time as t\nwhile t() < 0.4: pass\nprint('burnt', flush=True)\ninput()"
    command = ["/bin/sh", "-c", f'"{sys.executable}" -c "$0"; exit', burn]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"burnt\n"
        assert 0.3 < cpu_seconds(process.pid) < 3
        process.communicate(b"\n")


def test_healers_configuration_is_right() -> None:
    """bench/healer.yaml is a configuration that healer takes."""
    assert load_settings(HERE / "healer.yaml").topology.labels == (("rack", "host"),)
