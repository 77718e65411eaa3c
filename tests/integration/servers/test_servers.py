"""The servers that other tests stand on start, answer, restart and die as those tests assume."""

from pathlib import Path

import pytest

from tests.servers.alertmanager import Alertmanager
from tests.servers.process import free_port
from tests.servers.prometheus import Prometheus

ROUTE = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


def test_prometheus_starts_answers_and_takes_a_new_configuration(tmp_path: Path) -> None:
    """It reports its own version, evaluates, and reloads."""
    with Prometheus(tmp_path, "global: {scrape_interval: 1s}\n") as prometheus:
        assert prometheus.version[0].isdigit()
        assert prometheus.query("vector(2)")[0]["value"][1] == "2"
        rules = "groups: [{name: g, rules: [{alert: Always, expr: vector(1)}]}]\n"
        prometheus.reload("rule_files: [rules.yml]\n", {"rules.yml": rules})
        assert prometheus.api("rules")["groups"][0]["rules"][0]["name"] == "Always"


def test_alertmanager_keeps_its_silences_over_a_restart(tmp_path: Path) -> None:
    """It reports its own version, takes alerts and silences, and comes back on the same port."""
    with Alertmanager(tmp_path, ROUTE) as alertmanager:
        assert alertmanager.version[0].isdigit()
        alertmanager.post_alerts([{"labels": {"alertname": "Down"}}])
        assert [each["labels"]["alertname"] for each in alertmanager.api("alerts")] == ["Down"]
        silence = alertmanager.silence(
            {
                "matchers": [{"name": "alertname", "value": "Down", "isRegex": False, "isEqual": True}],
                "startsAt": "2020-01-01T00:00:00Z",
                "endsAt": "2199-01-01T00:00:00Z",
                "createdBy": "test",
                "comment": "test",
            }
        )
        alertmanager.restart()
        assert [each["id"] for each in alertmanager.api("silences")] == [silence]
        alertmanager.kill()
        assert not alertmanager.answers()


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    """A bad configuration fails the test with the server's own words."""
    with pytest.raises(RuntimeError, match=r"(?s)did not get ready.*no routes provided"), Alertmanager(tmp_path, "{}"):
        pass


def test_free_ports_are_free() -> None:
    """Ports come from below the range of outgoing connections, and differ."""
    ports = {free_port() for _ in range(20)}
    assert len(ports) > 15
    assert max(ports) < 32_768
