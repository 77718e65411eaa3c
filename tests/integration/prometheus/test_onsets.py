"""Onsets from the real Prometheus: a rule with `for:`, and a healer that Prometheus sends its alerts to."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import aiohttp
import pytest

from healer.alerts.instants import read_instant
from healer.convergence.lasting import Rule
from healer.prometheus.rules import CannotTell, PrometheusRules
from healer.settings.outside import Prometheus as Settings
from healer.times import SECOND
from tests.servers.healer import Healer
from tests.servers.process import free_port, get
from tests.servers.prometheus import Prometheus

WITHIN_S = 40.0
RULES = """
groups:
  - name: shop
    interval: 1s
    rules:
      - alert: HostDown
        expr: vector(1)
        for: 3s
        labels: {severity: critical, host: a}
      - alert: HostDown
        expr: vector(0) > 1
        labels: {severity: warning}
      - alert: AtOnce
        expr: vector(1)
        labels: {severity: warning}
"""
PROMETHEUS = """
global: {scrape_interval: 1s, evaluation_interval: 1s, external_labels: {cluster: eu}}
rule_files: [rules.yml]
alerting:
  alertmanagers: [{api_version: v2, static_configs: [{targets: ["127.0.0.1:HEALER"]}]}]
"""
HEALER = """
server: {listen: "127.0.0.1:9099"}
store: {url: "sqlite:///data/healer.db"}
prometheus: ["http://127.0.0.1:PROMETHEUS"]
convergence: {hold: 1s}
watchdog: {missing_after: 1h}
"""
T = TypeVar("T")


def until(holds: Callable[[], T], what: str) -> T:
    """What `holds` gives as soon as it is something."""
    end = time.monotonic() + WITHIN_S
    while not (found := holds()):
        assert time.monotonic() < end, f"in vain waited for {what}"
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Healer]]:
    here, there = free_port(), free_port()
    config = HEALER.replace("PROMETHEUS", str(there))
    with (
        Healer(tmp_path_factory.mktemp("healer"), config, port=here) as healer,
        Prometheus(
            tmp_path_factory.mktemp("prometheus"),
            PROMETHEUS.replace("HEALER", str(here)),
            files={"rules.yml": RULES},
            flags=("--rules.alert.resend-delay=1s",),
            port=there,
        ) as prometheus,
    ):
        yield prometheus, healer


def test_active_at_becomes_the_onset(servers: tuple[Prometheus, Healer]) -> None:
    """What Prometheus sends with a startsAt after its `for:` counts from its activeAt, and the reason says so."""
    prometheus, healer = servers
    active = until(
        lambda: [one for one in prometheus.alerts() if one["labels"]["alertname"] == "HostDown"], "an alert"
    )[0]

    def dated() -> list[dict[str, Any]]:
        found = healer.api("alerts?filter=alertname=%22HostDown%22")["items"]
        return [one for one in found if one["onset"] != one["startsAt"] and one["incident"]]

    (alert,) = until(dated, "an onset")
    assert alert["labels"]["cluster"] == "eu", "external labels are on what is sent, and not on what is asked"
    ahead = read_instant(alert["startsAt"]) - read_instant(alert["onset"])
    assert 3 * SECOND <= ahead <= 10 * SECOND
    assert abs(read_instant(alert["onset"]) - read_instant(active["activeAt"])) < SECOND / 100
    because = healer.api(f"alerts/{alert['fingerprint']}/explanation")["because"]
    assert any("activeAt" in sentence for sentence in because)
    incident = healer.api(f"incidents/{alert['incident']}")
    assert incident["root"]["onset"] == alert["onset"]


def test_the_reads_are_counted(servers: tuple[Prometheus, Healer]) -> None:
    """Whether Prometheus answers is to be seen in /metrics."""
    prometheus, healer = servers
    line = f'healer_onset_reads_total{{prometheus="{prometheus.url}",result="ok"}}'
    assert until(lambda: line in get(f"{healer.url}/metrics").decode(), "a read")


async def test_rules_are_read_as_they_are(servers: tuple[Prometheus, Healer]) -> None:
    """Those that wait, and others of the same name; each with the labels that it sets."""
    prometheus, _ = servers
    async with aiohttp.ClientSession() as session:
        rules = await PrometheusRules(Settings(url=prometheus.url), session).rules()
    assert rules == (
        Rule("HostDown", {"severity": "warning"}, 0),
        Rule("HostDown", {"severity": "critical", "host": "a"}, 3 * SECOND),
    )


async def test_what_is_no_prometheus_is_said_in_a_sentence(servers: tuple[Prometheus, Healer]) -> None:
    """Nobody there, somebody else there: CannotTell, never anything else."""
    _, healer = servers
    async with aiohttp.ClientSession() as session:
        for url in (f"http://127.0.0.1:{free_port()}", healer.url):
            with pytest.raises(CannotTell, match=url):
                await asyncio.wait_for(PrometheusRules(Settings(url=url), session).active(), 20)
