"""Every stock alert of kube-prometheus sits where a person would look: by the lines that ship, on real label sets."""

from pathlib import Path

import pytest

from healer.topology.graph import topology
from tests.stock.promtool import stock_rules
from tests.stock.table import NEVER, kept, mapper, placed, rewritten

PAGE = Path(__file__).parents[3] / "docs" / "topology.md"


def test_there_is_a_label_set_for_every_stock_rule_that_can_fire() -> None:
    fired = {f"{labels['alertname']}/{labels['severity']}" for labels in kept()}
    rules = {f"{rule['alertname']}/{rule['severity']}" for rule in stock_rules()}
    assert len(stock_rules()) == 139
    assert rules - fired == set(NEVER)
    assert fired <= rules


def test_a_line_decides_on_every_stock_alert() -> None:
    """It has a node, or a line says that it is about none: nothing is left to chance."""
    undecided = [found.why for _, found in placed() if found.node is None and found.code != "none"]
    assert undecided == []


@pytest.mark.parametrize("graph", [None, topology([], [])], ids=["known", "empty"])
def test_most_stock_alerts_are_about_something(graph: object) -> None:
    """On the first day too, when the topology is empty."""
    here = mapper() if graph is None else mapper(topology([], []))
    names = {labels["alertname"]: here.map(labels).node for labels in kept()}
    aside = {name for name, node in names.items() if node is None}
    assert aside == {
        "Watchdog",
        "InfoInhibitor",
        "KubeletDown",
        "KubeVersionMismatch",
        "KubeCPUOvercommit",
        "KubeCPUQuotaOvercommit",
        "KubeMemoryOvercommit",
        "KubeMemoryQuotaOvercommit",
    }


def test_the_labels_that_mislead_do_not() -> None:
    """The exporter's own pod, kube-state-metrics' instance and the kubelet's host behind a volume are not what failed."""
    for labels, found in placed():
        name, node = labels["alertname"], found.node or ""
        if labels.get("job") == "node-exporter" and name != "TargetDown":
            assert node == "host/worker-1", name
        if labels.get("job") == "kube-state-metrics":
            assert "kube-state-metrics" not in node
            assert "10.244" not in node
        if "persistentvolumeclaim" in labels:
            assert node == "pvc/shop/data-db-0"


def test_the_labels_of_the_chart_mislead_no_more() -> None:
    """kube-prometheus-stack leaves the pod, namespace and service of kube-state-metrics on series that have none."""
    own = {
        "job": "kube-state-metrics",
        "instance": "10.42.0.7:8080",
        "namespace": "monitoring",
        "pod": "prom-kube-state-metrics-7d9f8b6c5d-x2x8z",
        "service": "prom-kube-state-metrics",
        "container": "kube-state-metrics",
        "endpoint": "http",
    }
    here = mapper()
    assert here.map({**own, "alertname": "KubeNodeNotReady", "node": "worker-1"}).node == "host/worker-1"
    assert here.map({**own, "alertname": "KubePersistentVolumeErrors", "persistentvolume": "v"}).node == "pv/v"
    assert here.map({**own, "alertname": "NodeTainted", "node": "worker-1", "key": "x"}).node == "host/worker-1"
    pod = {**own, "namespace": "shop", "pod": "cart-7d9f8b6c5d-x2x8z", "node": "worker-1"}
    assert here.map({**pod, "alertname": "PodRestarts"}).node == "pod/shop/cart-7d9f8b6c5d-x2x8z"
    address = {**own, "job": "node-exporter", "instance": "10.0.0.12:9100", "pod": "prom-node-exporter-x2x8z"}
    assert here.map({**address, "alertname": "NodeFilesystemAlmostOutOfSpace"}).node == "host/worker-2"
    volume = {"namespace": "shop", "persistentvolumeclaim": "data", "node": "worker-1", "job": "kubelet"}
    assert here.map({**volume, "alertname": "KubePersistentVolumeFillingUp"}).node == "pvc/shop/data"


def test_the_table_in_the_docs_is_todays() -> None:
    page = PAGE.read_text("utf-8")
    assert page == rewritten(page), "run python -m tests.stock docs/topology.md"
