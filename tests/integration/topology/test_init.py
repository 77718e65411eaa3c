"""`healer topology init` against the real Prometheus: what it writes can be used, and it says what it is worth."""

import base64
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from healer.cli.asking import Asked
from healer.cli.main import main
from healer.cli.topology_init import graph_of
from healer.settings import parse_settings
from healer.topology.discovery import CLUES, suggest
from tests.servers.backfill import Was, backfill
from tests.servers.healer import LISTEN, Healer
from tests.servers.process import free_port
from tests.servers.prometheus import Prometheus
from tests.stock.table import kept

DAY_S = 86_400
KSM = {"job": "kube-state-metrics", "instance": "10.244.1.7:8443"}


def cluster() -> Iterator[Was]:
    for number in (1, 2):
        node = f"worker-{number}"
        yield Was("kube_node_info", {**KSM, "node": node, "internal_ip": f"10.0.0.1{number}"})
        yield Was("node_uname_info", {"job": "node-exporter", "instance": f"10.0.0.1{number}:9100", "nodename": node})
    for pod, node, kind, owner in (
        ("cart-7d9f8b6c5d-x2x8z", "worker-1", "ReplicaSet", "cart-7d9f8b6c5d"),
        ("db-0", "worker-2", "StatefulSet", "db"),
    ):
        there = {"namespace": "shop", "pod": pod}
        yield Was("kube_pod_info", {**KSM, **there, "node": node})
        yield Was("kube_pod_owner", {**KSM, **there, "owner_kind": kind, "owner_name": owner})
    target = {"namespace": "shop", "service": "cart", "pod": "cart-7d9f8b6c5d-x2x8z", "job": "cart"}
    yield Was("up", {**target, "instance": "10.244.1.8:80"})


def servers() -> Iterator[Was]:
    for host in ("10.0.0.11", "db2"):
        yield Was("mysql_up", {"job": "mysqld", "instance": f"{host}:9104"})
    replica = {"job": "mysqld", "instance": "db2:9104", "master_host": "10.0.0.11"}
    yield Was("mysql_slave_status_slave_io_running", replica)
    yield Was("redis_instance_info", {"job": "redis", "instance": "redis://r2:6379", "role": "slave"})
    yield Was("redis_slave_info", {"job": "redis", "instance": "redis://r2:6379", "master_host": "r1"})
    for broker in ("1", "2"):
        there = {"job": "kafka", "instance": "exporter:9308"}
        yield Was("kafka_broker_info", {**there, "id": broker, "address": f"kafka{broker}.example:9092"})
    yield Was("kafka_topic_partition_leader", {"topic": "orders", "partition": "0", "instance": "exporter:9308"}, 2)
    yield Was("kafka_consumergroup_current_offset", {"topic": "orders", "consumergroup": "billing", "partition": "0"})
    yield Was("etcd_server_has_leader", {"job": "etcd", "instance": "10.0.0.10:2379"})
    yield Was("probe_success", {"job": "blackbox", "instance": "https://shop.example"})
    yield Was("traces_service_graph_request_total", {"client": "web", "server": "cart"}, 5)
    yield Was("lldpRemSysName", {"instance": "tor1.example:161", "lldpRemSysName": "worker-1"})


def alerts() -> Iterator[Was]:
    """The stock alerts, three days ago; some that nobody can place; one that is too long ago to count."""
    for labels in kept():
        yield Was("ALERTS", {**labels, "alertstate": "firing"}, 1, 3 * DAY_S, 3 * DAY_S - 60)
    for number in range(5):
        odd = {"alertname": "Odd", "number": str(number), "severity": "warning"}
        yield Was("ALERTS", {**odd, "alertstate": "firing"}, 1, 2 * DAY_S, 2 * DAY_S - 60)
    yield Was("ALERTS", {"alertname": "Old", "alertstate": "firing"}, 1, 9 * DAY_S, 9 * DAY_S - 60)
    yield Was("ALERTS", {"alertname": "NearlyOdd", "alertstate": "pending"}, 1, DAY_S, DAY_S - 60)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    server = Prometheus(tmp_path_factory.mktemp("prometheus"), "global: {scrape_interval: 1h}\n")
    backfill(server.folder / "data", [*cluster(), *servers(), *alerts()])
    with server:
        yield server


def said(server: Prometheus, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert main(["topology", "init", "--prometheus", server.url, *more]) == 0
    return capsys.readouterr().out


def as_json(server: Prometheus, capsys: pytest.CaptureFixture[str]) -> Any:
    return msgspec.json.decode(said(server, capsys, "--json"))


def test_what_it_writes_is_a_configuration(
    prometheus: Prometheus, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It loads as it is, asks the queries and takes the lines of all that was found, those for one program first."""
    text = said(prometheus, capsys)
    settings = parse_settings(text, {}, str(tmp_path / "healer.yaml"))
    assert len(settings.topology.sources) > 10
    uses = [line.strip() for line in text.splitlines() if "use:" in line]
    names = ["mysqld", "redis", "kafka", "etcd", "blackbox", "kube-prometheus", "node-exporter"]
    assert uses == [f"- use: {name}" for name in names]


def test_the_edges_are_those_of_the_installation(prometheus: Prometheus) -> None:
    """Every source is asked; hosts, servers and pods that several exporters know are one node. Nobody calls any more."""
    asked = Asked(prometheus.url)
    suggestion = suggest({clue.name: asked.count(clue.question) for clue in CLUES})
    assert {clue.name for clue, _ in suggestion.clues} == {clue.name for clue in CLUES}
    graph = graph_of(asked, suggestion)
    assert set(graph.edges) == {
        ("host/worker-1", "pod/shop/cart-7d9f8b6c5d-x2x8z"),
        ("host/worker-2", "pod/shop/db-0"),
        ("pod/shop/cart-7d9f8b6c5d-x2x8z", "workload/shop/cart"),
        ("pod/shop/db-0", "workload/shop/db"),
        ("pod/shop/cart-7d9f8b6c5d-x2x8z", "service/shop/cart"),
        ("host/worker-1", "mysql/10.0.0.11"),
        ("mysql/10.0.0.11", "mysql/db2"),
        ("redis/r1", "redis/r2"),
        ("kafka/kafka2.example", "kafka-topic/orders"),
        ("kafka-topic/orders", "kafka-group/billing"),
        ("etcd/10.0.0.10", "etcd-cluster/etcd"),
        ("switch/tor1.example", "host/worker-1"),
    }
    (host,) = [node for node in graph.nodes if node.id == "host/worker-1"]
    assert (host.aliases, host.attributes) == (("10.0.0.11",), {"address": "10.0.0.11"})


def test_a_healer_that_runs_by_it_has_that_topology(
    prometheus: Prometheus, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The piece is used as it was written, with nothing but where to listen added."""
    text = said(prometheus, capsys)
    asked = Asked(prometheus.url)
    suggestion = suggest({clue.name: asked.count(clue.question) for clue in CLUES})
    wanted = set(graph_of(asked, suggestion).edges)
    with Healer(tmp_path / "healer", f'{text}server: {{listen: "{LISTEN}"}}\n') as healer:
        until, edges = time.monotonic() + 30, set[tuple[str, str]]()
        while edges != wanted:
            assert time.monotonic() < until, edges ^ wanted
            time.sleep(0.2)
            edges = {(one["source"], one["target"]) for one in healer.api("topology")["edges"]}


def test_it_says_what_share_of_last_weeks_alerts_gets_a_node(
    prometheus: Prometheus, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alerts about nothing in particular do not count; those without a node are named, the most frequent first."""
    found = as_json(prometheus, capsys)
    alerts = found["alerts"]
    assert alerts["alerts"] == len(kept()) + 5
    assert alerts["lost"] == [["Odd", 5]]
    about = alerts["alerts"] - alerts["aside"]
    assert alerts["mapped"] == about - 5
    assert found["share"] == round(alerts["mapped"] / about, 4) > 0.9
    assert "Without a node: Odd (5)" in said(prometheus, capsys)


def test_an_empty_prometheus_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Prometheus(tmp_path, "global: {scrape_interval: 1h}\n") as server:
        assert main(["topology", "init", "--prometheus", server.url]) == 1
    assert "Nothing that healer knows was found" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "words"), [("http://127.0.0.1:{port}", "cannot be asked"), ("prometheus:9090", "is no URL")]
)
def test_nobody_there_is_said_in_one_line(url: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topology", "init", "--prometheus", url.format(port=free_port())]) == 2
    assert words in capsys.readouterr().err


GUARDED = 'basic_auth_users: {kim: "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy"}\n'
"""For the password `open sesame`."""


class Guarded(Prometheus):
    """One that asks for a password."""

    def answers(self) -> bool:
        """Ready for whoever may ask; everybody else is refused long before it is."""
        shown = base64.b64encode(b"kim:open sesame").decode()
        asked = urllib.request.Request(self.url + self.ready, headers={"Authorization": f"Basic {shown}"})
        try:
            with urllib.request.urlopen(asked, timeout=1):
                return True
        except OSError:
            return False


def test_a_password_is_shown_where_one_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a file, never from the command line or the URL."""
    (tmp_path / "password").write_text("open sesame\n")
    flags = [f"--web.config.file={tmp_path / 'web.yml'}"]
    with Guarded(tmp_path, "global: {scrape_interval: 1h}\n", files={"web.yml": GUARDED}, flags=flags) as server:
        words = ["topology", "init", "--prometheus", server.url]
        assert main(words) == 2
        assert "asks for credentials" in capsys.readouterr().err
        assert main([*words, "--user", "kim"]) == 2
        assert main([*words, "--user", "kim", "--password-file", str(tmp_path / "password")]) == 1
    assert "Nothing that healer knows was found" in capsys.readouterr().out
