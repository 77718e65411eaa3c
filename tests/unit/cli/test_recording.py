"""The recorded storm is what it says: one cause, all alerts beneath it, the cause last."""

from pathlib import Path

import msgspec
import pytest

from healer.alerts.decode import decode_api_v2
from healer.alerts.limits import Limits
from healer.cli.recording import LIFETIME, MARK, Recording, load
from healer.cli.topology import map_of
from healer.settings import Settings, load_settings
from healer.times import HOUR, SECOND
from healer.topology.map import Map
from healer.topology.sources.file import read_topology

QUICKSTART = Path(__file__).parents[3] / "deploy" / "quickstart" / "healer.yaml"
NOW = 1_000 * HOUR


@pytest.fixture(scope="module")
def storm() -> Recording:
    return load("core-switch")


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(QUICKSTART)


@pytest.fixture(scope="module")
def placed(settings: Settings) -> Map:
    return map_of(settings, read_topology(settings.topology.files))


def test_hundreds_of_alerts_lie_beneath_one_cause(storm: Recording, placed: Map) -> None:
    """The quickstart's mapping places every alert on a node that a fault of the root reaches."""
    index = placed.index
    root = index.id(storm.root)
    nodes = [placed.mapper.map(storm.labels(alert)) for alert in storm.alerts]
    assert len(nodes) > 300
    assert all(mapped.known for mapped in nodes)
    names = {mapped.node for mapped in nodes if mapped.node} - {storm.root}
    assert [name for name in names if not index.path(root, index.id(name))] == []
    assert len([mapped for mapped in nodes if mapped.node == storm.root]) == 1


def test_each_alert_is_one_alert(storm: Recording) -> None:
    assert len({tuple(sorted(storm.labels(alert).items())) for alert in storm.alerts}) == len(storm.alerts)


def test_the_cause_is_heard_last_and_began_first(storm: Recording, settings: Settings) -> None:
    """As in life: its rule waits longest, so only the `for:` of the settings tells that it came first."""
    ahead = {alert.labels["alertname"]: settings.convergence.ahead(alert.labels["alertname"]) for alert in storm.alerts}
    assert all(ahead.values()), ahead
    assert [alert.after for alert in storm.alerts] == sorted(alert.after for alert in storm.alerts)
    assert storm.alerts[-1].labels["alertname"] == "SwitchDown"
    for alert in storm.alerts:
        assert 0 <= alert.after * SECOND - ahead[alert.labels["alertname"]] <= 60 * SECOND


def test_what_is_sent_is_the_whole_in_order(storm: Recording) -> None:
    """Every alert once, when it started to fire, marked as a drill."""
    schedule = storm.schedule(NOW)
    assert [told.posted["labels"] for _, told in schedule] == [storm.labels(alert) for alert in storm.alerts]
    assert [at for at, _ in schedule] == [alert.after for alert in storm.alerts]
    assert all(storm.labels(alert)[MARK] == storm.name for alert in storm.alerts)


def test_healer_reads_them(storm: Recording) -> None:
    """They fire for LIFETIME, and are over once resolved."""
    batch = decode_api_v2(msgspec.json.encode([told.posted for _, told in storm.schedule(NOW)]), Limits(), NOW, "test")
    assert not batch.refusals
    assert all(alert.firing and alert.ends_at == NOW + LIFETIME and alert.starts_at <= NOW for alert in batch.alerts)
    over = decode_api_v2(msgspec.json.encode([each.posted for each in storm.resolved(NOW)]), Limits(), NOW, "test")
    assert {alert.labels for alert in over.alerts} == {alert.labels for alert in batch.alerts}
    assert not any(alert.firing for alert in over.alerts)
