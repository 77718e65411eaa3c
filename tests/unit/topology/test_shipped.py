"""The lines that ship with healer: they compile, stand where they were put, and place what exporters really send."""

import pytest

from healer.settings import SettingsError, parse_settings
from healer.topology.graph import Node, topology
from healer.topology.index import Index
from healer.topology.lines import compile_mapping
from healer.topology.mapped import Mapped
from healer.topology.mapping import Mapper
from healer.topology.shipped import shipped, shipped_names

NODES = [
    Node("host/db1", "host", ("db1.example",), {"address": "10.0.0.1"}),
    Node("mysql/db1", "mysql", (), {"address": "10.0.0.1"}),
    Node("redis/cache", "redis", ("cache-1.example",)),
    Node("pod/shop/etcd-0"),
    Node("switch/tor1", "switch", ("tor1.example",), {"address": "10.9.0.1"}),
    Node("service/shop/web", "service", ("shop.example",)),
]


def place(labels: dict[str, str], *names: str) -> Mapped:
    text = "topology: {nodes: [" + ", ".join(f"{{use: {name}}}" for name in names or shipped_names()) + "]}"
    lines = parse_settings(text, {}).topology.nodes
    compiled = [compile_mapping(line, number) for number, line in enumerate(lines)]
    return Mapper(compiled, Index(topology(NODES, []))).map(labels)


def test_there_are_lines_for_what_most_people_run() -> None:
    wanted = {"kube-prometheus", "node-exporter", "blackbox", "mysqld", "redis", "kafka", "etcd"}
    assert set(shipped_names()) == wanted


@pytest.mark.parametrize("name", shipped_names())
def test_every_line_compiles_and_has_a_name_of_its_own(name: str) -> None:
    lines = shipped(name)
    assert lines
    assert len({line.name for line in lines}) == len(lines)
    for number, line in enumerate(lines):
        assert compile_mapping(line, number).name.startswith(f"{name}/")


@pytest.mark.parametrize(
    ("labels", "node", "by"),
    [
        ({"job": "node-exporter", "instance": "10.0.0.1:9100", "pod": "ne-x7k2p"}, "host/db1", "node-exporter/"),
        ({"job": "node", "instance": "db1:9100"}, "host/db1", "node-exporter/instance"),
        ({"job": "node", "instance": "new:9100", "nodename": "db1"}, "host/db1", "node-exporter/nodename"),
        ({"job": "prometheus-node-exporter", "instance": "10.0.0.7:9100"}, "host/10.0.0.7", "node-exporter/"),
        ({"job": "mysqld-exporter", "instance": "10.0.0.1:9104"}, "mysql/db1", "mysqld/server"),
        ({"job": "mysql", "instance": "db9:3306"}, "mysql/db9", "mysqld/server"),
        ({"alertname": "MysqlDown", "job": "x", "instance": "db1:9104"}, "mysql/db1", "mysqld/by-name"),
        ({"job": "redis", "instance": "redis://cache-1.example:6379"}, "redis/cache", "redis/server"),
        ({"job": "kafka-exporter", "consumergroup": "g", "topic": "t", "instance": "x:1"}, "kafka-group/g", "kafka/"),
        ({"job": "kafka-exporter", "topic": "t", "partition": "0", "instance": "x:1"}, "kafka-topic/t", "kafka/topic"),
        ({"job": "kafka", "instance": "broker1:9308"}, "kafka/broker1", "kafka/broker"),
        ({"job": "kube-etcd", "alertname": "etcdInsufficientMembers"}, "etcd-cluster/kube-etcd", "etcd/cluster"),
        (
            {
                "job": "etcd",
                "alertname": "etcdNoLeader",
                "instance": "10.1.1.1:2379",
                "namespace": "shop",
                "pod": "etcd-0",
            },
            "pod/shop/etcd-0",
            "etcd/member",
        ),
        ({"job": "blackbox-icmp", "instance": "tor1.example"}, "switch/tor1", "blackbox/address"),
        ({"job": "blackbox", "instance": "10.9.0.1"}, "switch/tor1", "blackbox/address"),
        ({"job": "blackbox/http", "instance": "https://shop.example/cart"}, "service/shop/web", "blackbox/url"),
        ({"job": "blackbox", "instance": "https://elsewhere.example"}, None, "blackbox/url"),
        ({"job": "notkafka", "topic": "t"}, None, ""),
    ],
)
def test_what_exporters_send_lands_where_it_belongs(labels: dict[str, str], node: str | None, by: str) -> None:
    order = ("mysqld", "redis", "kafka", "etcd", "blackbox", "node-exporter", "kube-prometheus")
    found = place(labels, *order)
    assert found.node == node, found.why
    assert found.by.startswith(by)


def test_a_url_explains_nothing_and_an_address_does() -> None:
    """A caller's probe says that something is wrong; an address that is unreachable is itself down."""
    assert not place({"job": "blackbox", "instance": "https://shop.example/"}, "blackbox").explains
    assert place({"job": "blackbox", "instance": "tor1.example"}, "blackbox").explains


def test_own_lines_come_where_they_were_put_and_keep_their_numbers() -> None:
    text = """
topology:
  nodes:
    - {match: ['job="node"', 'instance="special:1"'], node: "vm/special"}
    - {use: node-exporter}
    - {match: ['job="node"'], node: none}
    - {match: ['job="other"'], node: "x/{job}"}
    - {name: mine, match: ['job="mine"'], node: "x/{job}"}
"""
    lines = parse_settings(text, {}).topology.nodes
    mapper = Mapper([compile_mapping(line, number) for number, line in enumerate(lines)], Index())
    assert mapper.map({"job": "node", "instance": "special:1"}).by == "topology.nodes[0]"
    assert mapper.map({"job": "node", "instance": "a:1"}).by == "node-exporter/instance"
    assert mapper.map({"job": "node"}).by == "topology.nodes[2]"
    assert mapper.map({"job": "other"}).why == "topology.nodes[3]: x/{job} gives x/other"
    assert mapper.map({"job": "mine"}).why == "mine: x/{job} gives x/mine"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{use: kube-promethus}", "no lines ship under the name 'kube-promethus'; there are blackbox, etcd"),
        ("{use: redis, match: ['a=\"b\"']}", "use stands alone"),
        ("{match: ['a=\"b\"']}", "a mapping has node, or find, or both, or use alone"),
        ("{find: {alias: x}, node: none}", "none is what counts anyway"),
    ],
)
def test_a_wrong_line_is_named(line: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said.replace("[", r"\[")):
        parse_settings(f"topology: {{nodes: [{line}]}}", {})


def test_of_several_clusters_a_label_says_which() -> None:
    """The same lines, with the cluster's name in every id; what has no such label is none of theirs."""
    text = "topology: {nodes: [{use: kube-prometheus, cluster: cluster}]}"
    lines = parse_settings(text, {}).topology.nodes
    nodes = [
        Node(f"host/{name}:web-1", "host", (), {"address": "10.0.0.1", "cluster": name}) for name in ("north", "south")
    ]
    compiled = [compile_mapping(line, number) for number, line in enumerate(lines)]
    mapper = Mapper(compiled, Index(topology(nodes, [])))
    south = {"cluster": "south", "namespace": "shop"}
    assert mapper.map({**south, "pod": "cart-1"}).node == "pod/south:shop/cart-1"
    assert mapper.map({**south, "deployment": "cart"}).node == "workload/south:shop/cart"
    kubelet = {"alertname": "KubeletTooManyPods", "node": "web-1"}
    assert mapper.map({**kubelet, "cluster": "north"}).node == "host/north:web-1"
    found = mapper.map({"job": "node-exporter", "instance": "10.0.0.1:9100", "cluster": "south"})
    assert (found.node, found.known) == ("host/south:web-1", True)
    assert mapper.map(kubelet).node is None


def test_a_label_of_clusters_stands_beside_lines_that_ship() -> None:
    """In a line of one's own it would mean nothing."""
    with pytest.raises(SettingsError, match="cluster stands beside use alone"):
        parse_settings("topology: {nodes: [{node: 'host/{node}', cluster: cluster}]}", {})
