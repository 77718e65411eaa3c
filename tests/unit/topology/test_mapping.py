"""Which node an alert sits on, and why; the label sets are those that mislead in the real world."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healer.alerts.glance import values_of
from healer.settings import parse_settings
from healer.topology import mapping
from healer.topology.graph import Node, topology
from healer.topology.index import Index
from healer.topology.lines import MappingError, compile_mapping
from healer.topology.mapping import Mapper
from healer.topology.patch import change, difference
from healer.topology.settings import Mapping

LINES = """
topology:
  nodes:
    - {match: ['alertname=~"KubeNode.*"'], node: "host/{node}"}
    - match: ['job="kube-state-metrics"', 'pod!=""']
      node: ["pod/{namespace}/{pod}", "workload/{namespace}/{pod|owner}"]
    - match: ['job="node-exporter"']
      extract: {instance: '\\[?(?P<addr>[^\\]]+?)\\]?(:\\d+)?'}
      find: {kind: host, address: "{addr}"}
    - match: ['job=~"blackbox.*"']
      extract: {instance: 'https?://(?P<h>[^/:]+).*'}
      find: {alias: "{h}"}
      explains: never
    - {match: ['alertname="TargetDown"'], node: none, explains: never}
    - {match: ['job="disk"'], node: "host/{node}", explains: ['mountpoint="/"']}
"""
NODES = [
    Node("host/web1", "host", ("www.example",), {"address": "10.0.0.1"}),
    Node("host/web2", "host", ("shared.example",), {"address": "fe80::2"}),
    Node("vm/web3", "vm", ("shared.example",), {"address": "10.0.0.3"}),
    Node("pod/shop/cart-1"),
    Node("workload/shop/web"),
]


def mapper(text: str = LINES, nodes: list[Node] = NODES, **limits: int) -> Mapper:
    said = parse_settings(text, {}).topology
    lines = [compile_mapping(line, number) for number, line in enumerate(said.nodes)]
    return Mapper(lines, Index(topology(nodes, []), **limits), said.labels)


def place(here: Mapper, labels: dict[str, str]) -> int:
    return here.place(values_of(here.names, labels))


@pytest.mark.parametrize(
    ("labels", "node", "why"),
    [
        (
            {"alertname": "KubeNodeNotReady", "node": "web1", "instance": "10.9.9.9:8080"},
            "host/web1",
            "[0]: host/{node} gives host/web1",
        ),
        ({"alertname": "KubeNodeNotReady"}, None, "[0]: the alert has no label node"),
        ({"alertname": "KubeNodeNotReady", "node": "new"}, "host/new", "[0]: host/{node} gives host/new"),
        ({"alertname": "KubeNodeX", "node": "x" * 600}, None, "more than 512 characters"),
        (
            {"job": "kube-state-metrics", "namespace": "shop", "pod": "cart-1"},
            "pod/shop/cart-1",
            "[1]: pod/{namespace}/{pod} gives",
        ),
        (
            {"job": "kube-state-metrics", "namespace": "shop", "pod": "web-7d9f8b6c5d-x2x8z"},
            "workload/shop/web",
            "the first that exists",
        ),
        (
            {"job": "kube-state-metrics", "namespace": "x", "pod": "y"},
            None,
            "the topology has no node pod/x/y or workload/x/y",
        ),
        ({"job": "kube-state-metrics", "pod": "y"}, None, "[1]: the alert has no label namespace"),
        (
            {"job": "node-exporter", "instance": "10.0.0.1:9100"},
            "host/web1",
            "the one node with address=10.0.0.1, kind=host",
        ),
        ({"job": "node-exporter", "instance": "[fe80::2]:9100"}, "host/web2", "address=fe80::2"),
        (
            {"job": "node-exporter", "instance": "10.0.0.3:9100"},
            None,
            "the topology has no node with address=10.0.0.3, kind=host",
        ),
        ({"job": "node-exporter"}, None, "the label instance does not match its expression"),
        ({"job": "blackbox-http", "instance": "https://www.example/health"}, "host/web1", "alias=www.example"),
        (
            {"job": "blackbox-http", "instance": "https://shared.example"},
            None,
            "more than one node has alias=shared.example",
        ),
        ({"job": "blackbox-http", "instance": "icmp"}, None, "does not match its expression"),
        ({"alertname": "TargetDown", "node": "host/web1"}, None, "[4]: these alerts sit on no node"),
        ({"node": "host/web1"}, "host/web1", "no line matched; the label node is the id of a node"),
        ({"node": "web1"}, None, "no line of topology.nodes matched"),
        ({}, None, "no line of topology.nodes matched"),
    ],
)
def test_real_label_sets_land_where_they_belong(labels: dict[str, str], node: str | None, why: str) -> None:
    found = mapper().map(labels)
    assert found.node == node
    assert why in found.why
    assert found.known is (node is not None and node != "host/new")


def test_an_empty_label_is_a_missing_one() -> None:
    assert mapper().map({"alertname": "KubeNodeX", "node": ""}) == mapper().map({"alertname": "KubeNodeX"})


@pytest.mark.parametrize(
    ("labels", "explains"),
    [
        ({"alertname": "KubeNodeNotReady", "node": "web1"}, True),
        ({"job": "blackbox-http", "instance": "https://www.example"}, False),
        ({"alertname": "TargetDown"}, False),
        ({"job": "disk", "node": "web1", "mountpoint": "/"}, True),
        ({"job": "disk", "node": "web1", "mountpoint": "/mnt"}, False),
        ({"node": "host/web1"}, True),
    ],
)
def test_a_line_says_whether_its_alerts_may_explain_others(labels: dict[str, str], explains: bool) -> None:
    here = mapper()
    assert here.explains(values_of(here.names, labels)) is explains


def test_a_node_that_only_an_alert_names_gets_a_place_and_is_not_thereby_known() -> None:
    here = mapper()
    labels = {"alertname": "KubeNodeNotReady", "node": "new"}
    first = place(here, labels)
    assert first == len(NODES)
    assert place(here, labels) == place(here, {**labels, "other": "x"}) == first
    assert not here.map(labels).known
    assert place(here, {"alertname": "TargetDown"}) == mapping.ASIDE, "a line says that it sits on no node"
    assert place(here, {"job": "unheard of"}) == mapping.NOWHERE


SOURCES = """
topology:
  sources: [{labels: [dc, rack, host]}]
  nodes:
    - {match: ['alertname="Global"'], node: none}
    - {match: ['job="app"'], node: "app/{name}"}
"""


def test_labels_make_the_nodes_and_edges_they_name() -> None:
    index = Index()
    said = parse_settings(SOURCES, {}).topology
    here = Mapper([compile_mapping(line, number) for number, line in enumerate(said.nodes)], index, said.labels)
    host = place(here, {"alertname": "Down", "dc": "1", "rack": "r7", "host": "a"})
    assert [(index.name(node), distance) for node, distance in index.above(host)] == [("rack/r7", 1), ("dc/1", 2)]
    assert place(here, {"dc": "1", "rack": "r7"}) == index.id("rack/r7")
    assert place(here, {"dc": "1", "host": "b"}) == index.id("host/b")
    assert index.parents(index.id("host/b")) == (index.id("dc/1"),)
    assert place(here, {"dc": ""}) == -1
    assert here.map({"dc": "9"}).why == "no line matched; dc/9 is the innermost label of the labels source"
    assert index.id("dc/9") == -1, "asking for the reason changes nothing"


def test_a_line_decides_the_place_and_the_labels_still_make_edges_unless_it_says_none() -> None:
    index = Index()
    said = parse_settings(SOURCES, {}).topology
    here = Mapper([compile_mapping(line, number) for number, line in enumerate(said.nodes)], index, said.labels)
    assert place(here, {"job": "app", "name": "shop", "dc": "1", "rack": "r1"}) == index.id("app/shop")
    assert index.parents(index.id("rack/r1")) == (index.id("dc/1"),)
    assert place(here, {"alertname": "Global", "dc": "2"}) == mapping.ASIDE
    assert index.id("dc/2") == -1


def test_when_there_is_no_room_the_alert_has_no_place_until_there_is() -> None:
    here = mapper(max_nodes=len(NODES))
    assert place(here, {"alertname": "KubeNodeX", "node": "new"}) == -1
    assert place(here, {"alertname": "KubeNodeX", "node": "web1"}) == 0


def test_another_topology_is_seen_at_once() -> None:
    index = Index(topology(NODES, []))
    said = parse_settings(LINES, {}).topology
    here = Mapper([compile_mapping(line, number) for number, line in enumerate(said.nodes)], index)
    labels = {"job": "node-exporter", "instance": "10.0.0.1:9100"}
    before = place(here, labels)
    assert before >= 0
    after = topology([Node("host/moved", "host", (), {"address": "10.0.0.1"})], [])
    change(index, difference(topology(NODES, []), after))
    assert here.map(labels).node == "host/moved"
    assert place(here, labels) == index.id("host/moved") != before


def test_what_is_remembered_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "REMEMBERED", 3)
    here = mapper()
    for number in range(10):
        place(here, {"alertname": "KubeNodeX", "node": f"n{number}"})
    assert len(here._mapped) <= 3
    assert len(here._placed) <= 3


_labels = st.dictionaries(
    st.sampled_from(["alertname", "job", "node", "instance", "pod", "namespace", "mountpoint", "other"]),
    st.sampled_from(
        ["", "KubeNodeX", "TargetDown", "disk", "node-exporter", "10.0.0.1:1", "web1", "host/web1", "shop"]
    ),
)


@settings(max_examples=30)
@given(st.lists(_labels, max_size=12))
def test_remembered_answers_are_those_of_a_fresh_mapper(alerts: list[dict[str, str]]) -> None:
    here = mapper()
    for labels in alerts:
        place(here, labels)
        assert here.map(labels) == mapper().map(labels)


@settings(max_examples=30)
@given(_labels)
def test_only_the_labels_it_names_are_read(labels: dict[str, str]) -> None:
    here = mapper()
    read = {name: value for name, value in labels.items() if name in here.names}
    assert mapper().map(labels) == mapper().map(read)


@pytest.mark.parametrize(
    ("line", "path", "said"),
    [
        (Mapping(node="host/{a"), ("node",), "a brace is not closed"),
        (Mapping(node=("a", "b{")), ("node", 1), "a brace"),
        (Mapping(find={"alias": "{a|up}"}), ("find", "alias"), "no filter"),
        (Mapping(find={"kind": "host"}), ("find",), "kind alone finds many"),
        (Mapping(node="{a}", extract={"b": "("}), ("extract", "b"), "no regular expression"),
        (Mapping(node="{a}", extract={"b": "x"}), ("extract", "b"), "no named group"),
        (Mapping(node="{a}", extract={"b": "(?P<a>.)", "c": "(?P<a>.)"}), ("extract", "c"), "extracted twice"),
        (Mapping(node="x", explains="sometimes"), ("explains",), "expected always, never or matchers"),
        (Mapping(node=("x", "none")), ("node", 1), "none stands alone"),
    ],
)
def test_a_bad_line_says_what_is_wrong_and_where(line: Mapping, path: tuple[str | int, ...], said: str) -> None:
    with pytest.raises(MappingError, match=said) as caught:
        compile_mapping(line, 0)
    assert caught.value.path == path


TRIED = """
topology:
  nodes:
    - match: ['job="app"']
      find: [{kind: host, alias: "{instance|host}"}, {kind: host, address: "{instance|host}"}]
      node: "host/{instance|host}"
    - match: ['job="strict"']
      find: [{alias: "{a}"}, {alias: "{b}"}]
"""


@pytest.mark.parametrize(
    ("labels", "node", "why"),
    [
        ({"job": "app", "instance": "www.example:80"}, "host/web1", "the one node with alias=www.example"),
        ({"job": "app", "instance": "10.0.0.1:80"}, "host/web1", "the one node with address=10.0.0.1"),
        (
            {"job": "app", "instance": "10.9.9.9:80"},
            "host/10.9.9.9",
            "has no node with alias=10.9.9.9, kind=host or addr",
        ),
        ({"job": "app"}, None, "the alert has no label instance"),
        ({"job": "strict", "b": "www.example"}, "host/web1", "alias=www.example"),
        ({"job": "strict", "a": "shared.example", "b": "www.example"}, None, "more than one node has alias=shared"),
        ({"job": "strict", "a": "x"}, None, "the topology has no node with alias=x"),
        ({"job": "strict"}, None, "the alert has no label a"),
    ],
)
def test_the_first_find_with_one_hit_counts_and_node_where_nothing_is_found(
    labels: dict[str, str], node: str | None, why: str
) -> None:
    found = mapper(TRIED).map(labels)
    assert found.node == node
    assert why in found.why


def test_the_owner_of_a_pod_is_what_the_topology_says_and_else_what_its_name_says() -> None:
    """By name a StatefulSet called api-1 and a Deployment called api-1 look the same; the topology knows."""
    nodes = [
        Node("pod/shop/api-7d9f8b6c5d-x2x8z"),
        Node("pod/shop/odd-x2x8z"),
        Node("workload/shop/gateway"),
        Node("workload/shop/a"),
        Node("workload/shop/b"),
        Node("host/web1"),
    ]
    edges = [
        ("host/web1", "pod/shop/api-7d9f8b6c5d-x2x8z"),
        ("pod/shop/api-7d9f8b6c5d-x2x8z", "workload/shop/gateway"),
        ("pod/shop/odd-x2x8z", "workload/shop/a"),
        ("pod/shop/odd-x2x8z", "workload/shop/b"),
    ]
    index = Index(topology(nodes, edges))
    line = Mapping(node="workload/{namespace}/{pod|owner}")
    here = Mapper([compile_mapping(line, 0)], index)
    assert here.map({"namespace": "shop", "pod": "api-7d9f8b6c5d-x2x8z"}).node == "workload/shop/gateway"
    assert here.map({"namespace": "shop", "pod": "odd-x2x8z"}).node == "workload/shop/odd", "two owners are none"
    assert here.map({"namespace": "other", "pod": "api-7d9f8b6c5d-x2x8z"}).node == "workload/other/api"
    index.unlink(index.id("pod/shop/api-7d9f8b6c5d-x2x8z"), index.id("workload/shop/gateway"))
    assert here.map({"namespace": "shop", "pod": "api-7d9f8b6c5d-x2x8z"}).node == "workload/shop/api"


def test_what_alerts_say_makes_nobody_an_owner() -> None:
    """Else it would depend on the order in which alerts came."""
    index = Index(topology([Node("pod/shop/x-x2x8z"), Node("workload/shop/y")], []))
    index.grow(("workload/shop/y", "pod/shop/x-x2x8z"))
    here = Mapper([compile_mapping(Mapping(node="workload/{namespace}/{pod|owner}"), 0)], index)
    assert here.map({"namespace": "shop", "pod": "x-x2x8z"}).node == "workload/shop/x"
    index.link(index.id("workload/shop/y"), index.id("pod/shop/x-x2x8z"))
    assert here.map({"namespace": "shop", "pod": "x-x2x8z"}).node == "workload/shop/y"


@settings(max_examples=100)
@given(_labels)
def test_the_line_that_decides_is_the_first_whose_matchers_hold(labels: dict[str, str]) -> None:
    """However the lines are narrowed down beforehand."""
    said = parse_settings(LINES, {}).topology.nodes
    first = next((number for number, line in enumerate(said) if line.match.matches(labels)), None)
    assert mapper().map(labels).line == first


def test_what_is_narrowed_down_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "NARROWED", 3)
    here = mapper()
    for number in range(10):
        here.map({"alertname": f"KubeNode{number}", "node": "web1"})
    assert len(here._narrowed) <= 3
