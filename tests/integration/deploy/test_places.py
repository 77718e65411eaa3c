"""What shadow and lead mean, with the real Prometheus and Alertmanager: who hears, when, and what a silence holds back."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.servers.alertmanager import Alertmanager
from tests.servers.deployed import deployed
from tests.servers.inbox import Inbox
from tests.servers.prometheus import Prometheus

WEBHOOK = "/api/v1/webhooks/alertmanager"
ADDRESSES = ("http://pager.example.net", "http://dead-mans-switch.example.net", "http://healer:9099")


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


def alertmanager(folder: Path, inbox: Inbox, place: str, **waits: str) -> Alertmanager:
    changes = dict.fromkeys(ADDRESSES, inbox.url)
    changes |= {f"{key}: {wait.split()[0]}": f"{key}: {wait.split()[1]}" for key, wait in waits.items()}
    folder.mkdir()
    (folder / "healer.token").write_text("secret-of-healer")
    return Alertmanager(folder, deployed(f"alertmanager/{place}.yml", changes))


def down(ends_at: str | None = None) -> list[dict[str, object]]:
    alert: dict[str, object] = {"labels": {"alertname": "HostDown", "host": "h1", "severity": "critical"}}
    return [alert | {"endsAt": ends_at} if ends_at else alert]


def silence(seconds: float) -> dict[str, object]:
    now = datetime.now(UTC)
    labels = {"alertname": "HostDown", "host": "h1", "severity": "critical"}
    return {
        "matchers": [
            {"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in labels.items()
        ],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(seconds=seconds)).isoformat(),
        "createdBy": "healer",
        "comment": "healer has told",
    }


def test_in_shadow_people_and_healer_both_hear(tmp_path: Path, inbox: Inbox) -> None:
    """healer gets its copy with its token; people hear from Alertmanager as ever."""
    with alertmanager(tmp_path / "am", inbox, "shadow", group_wait="30s 2s") as server:
        server.post_alerts(down())
        (copy,) = inbox.wait(WEBHOOK)
        assert copy.headers["Authorization"] == "Bearer secret-of-healer"
        assert copy.body["version"] == "4"
        (told,) = inbox.wait("/alerts")
        assert told.body["alerts"][0]["labels"]["host"] == "h1"


def test_in_lead_people_hear_from_the_backstop_when_healer_says_nothing(tmp_path: Path, inbox: Inbox) -> None:
    """A healer that is dead silences nothing: after the backstop's wait, people are told."""
    with alertmanager(tmp_path / "am", inbox, "lead", group_wait="5m 3s", group_interval="1m 1s") as server:
        began = time.monotonic()
        server.post_alerts(down())
        inbox.wait(WEBHOOK)
        assert inbox.of("/alerts") == []
        (told,) = inbox.wait("/alerts")
        assert told.at - began > 2.5


def test_in_lead_a_silence_holds_the_backstop_back_while_it_is_renewed(tmp_path: Path, inbox: Inbox) -> None:
    """healer tells and silences: the backstop is quiet. It stops renewing: people are told after all."""
    with alertmanager(tmp_path / "am", inbox, "lead", group_wait="5m 2s", group_interval="1m 1s") as server:
        server.post_alerts(down())
        inbox.wait(WEBHOOK)
        renewed = server.silence(silence(4))
        renewed = server.silence({"id": renewed, **silence(7)})
        renewed_at = time.monotonic()
        (told,) = inbox.wait("/alerts", within=30)
        assert told.at - renewed_at > 6
        assert told.body["status"] == "firing"


def test_alerts_about_healer_do_not_wait_for_healer(tmp_path: Path, inbox: Inbox) -> None:
    """In lead, people hear of healer's own trouble at once, and healer is not asked to tell of it."""
    with alertmanager(tmp_path / "am", inbox, "lead", group_wait="10s 1s") as server:
        server.post_alerts([{"labels": {"alertname": "HealerDown", "about": "healer"}}])
        inbox.wait("/alerts", within=10)
        assert inbox.of(WEBHOOK) == []


def test_prometheus_posts_to_both(tmp_path: Path, inbox: Inbox) -> None:
    """The heartbeat and the alerts about healer reach Alertmanager and healer, each by its own way."""
    with alertmanager(tmp_path / "am", inbox, "shadow") as server:
        changes = {
            "alertmanager:9093": server.url.removeprefix("http://"),
            "healer:9099": inbox.url.removeprefix("http://"),
            "interval: 15s": "interval: 1s",
        }
        files = {name: deployed(f"prometheus/{name}", {}) for name in ("watchdog.yml", "healer-alerts.yml")}
        files["healer.token"] = "secret-of-healer"
        config, resend = deployed("prometheus/prometheus.yml", changes), ["--rules.alert.resend-delay=1s"]
        with Prometheus(tmp_path / "prometheus", config, files=files, flags=resend):
            (direct, *_) = inbox.wait("/api/v2/alerts")
            assert direct.headers["Authorization"] == "Bearer secret-of-healer"
            assert {alert["labels"]["alertname"] for alert in direct.body} == {"Watchdog"}
            (through, *_) = inbox.wait(WEBHOOK)
            assert through.body["alerts"][0]["labels"]["alertname"] == "Watchdog"
            inbox.wait("/ping")
