"""Edges from a real Prometheus: what exporters say of who runs on whom, as the documentation has it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TypeVar

import aiohttp
import pytest

from healer.prometheus.rows import PrometheusTables
from healer.settings.outside import Prometheus as Server
from healer.topology.graph import Topology
from healer.topology.settings import PrometheusRows
from healer.topology.source import Unreadable
from healer.topology.sources.prometheus import PrometheusSource
from tests.servers.prometheus import Prometheus

T = TypeVar("T")
SERIES = """
kube_pod_info{namespace="shop",pod="cart-85-a",node="web-1",pod_ip="10.1.0.1"} 1
kube_pod_info{namespace="shop",pod="cart-85-b",node="web-2",pod_ip="10.1.0.2"} 1
kube_pod_info{namespace="shop",pod="pending",node=""} 1
kube_pod_owner{namespace="shop",pod="cart-85-a",owner_kind="ReplicaSet",owner_name="cart-85",owner_is_controller="true"} 1
kube_replicaset_owner{namespace="shop",replicaset="cart-85",owner_kind="Deployment",owner_name="cart"} 1
node_uname_info{instance="10.0.0.1:9100",nodename="web-1"} 1
mysql_slave_status_slave_io_running{instance="db-2:9104",master_host="db-1"} 1
traces_service_graph_request_total{client="web",server="cart"} 5
traces_service_graph_request_total{client="cart",server="db"} 7
lldp_neighbour_info{chassis="sw-1",host="web-1",port="eth0"} 1
"""
CASES: dict[str, tuple[PrometheusRows, set[str]]] = {
    "pods": (
        PrometheusRows(
            query="kube_pod_info",
            parent="host/{node}",
            child="pod/{namespace}/{pod}",
            attributes={"address": "{pod_ip}"},
        ),
        {"host/web-1 > pod/shop/cart-85-a", "host/web-2 > pod/shop/cart-85-b"},
    ),
    "owners": (
        PrometheusRows(
            query='kube_pod_owner{owner_is_controller="true"} * on (namespace, owner_name) group_left (workload) '
            'label_replace(label_replace(kube_replicaset_owner, "workload", "$1", "owner_name", "(.*)"), '
            '"owner_name", "$1", "replicaset", "(.*)")',
            parent="pod/{namespace}/{pod}",
            child="workload/{namespace}/{workload}",
        ),
        {"pod/shop/cart-85-a > workload/shop/cart"},
    ),
    "machines": (
        PrometheusRows(query="node_uname_info", child="host/{nodename}", aliases=("{instance|host}",)),
        set(),
    ),
    "replication": (
        PrometheusRows(
            query="mysql_slave_status_slave_io_running",
            parent="mysql/{master_host}",
            child="mysql/{instance|host}",
        ),
        {"mysql/db-1 > mysql/db-2"},
    ),
    "calls": (
        PrometheusRows(
            query="sum by (client, server) (traces_service_graph_request_total) > 0",
            parent="service/{server}",
            child="service/{client}",
        ),
        {"service/cart > service/web", "service/db > service/cart"},
    ),
    "cables": (
        PrometheusRows(query="lldp_neighbour_info", parent="switch/{chassis}", child="host/{host}"),
        {"switch/sw-1 > host/web-1"},
    ),
}


class _Exporter(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = SERIES.lstrip().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    exporter = ThreadingHTTPServer(("127.0.0.1", 0), _Exporter)
    Thread(target=exporter.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    target = f"127.0.0.1:{exporter.server_address[1]}"
    config = (
        "global: {scrape_interval: 1s, scrape_timeout: 900ms}\n"
        f"scrape_configs: [{{job_name: x, honor_labels: true, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    with Prometheus(tmp_path_factory.mktemp("prometheus"), config) as server:
        yield server
    exporter.shutdown()
    exporter.server_close()


async def aside(work: Callable[[], T]) -> T:
    return work()


@asynccontextmanager
async def asking(url: str, rows: PrometheusRows) -> AsyncIterator[PrometheusSource]:
    async with aiohttp.ClientSession() as session:
        yield PrometheusSource("prometheus", rows, PrometheusTables(Server(url=url), session, aside).ask, aside)


async def look(prometheus: Prometheus, rows: PrometheusRows) -> Topology:
    """What it says once Prometheus has scraped."""
    async with asking(prometheus.url, rows) as source, asyncio.timeout(20):
        while True:
            found = await source.look()
            if found is not None and found.nodes:
                return found
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("case", CASES)
async def test_rows_are_edges(prometheus: Prometheus, case: str) -> None:
    """Each row is an edge by the templates; one for which an end has no id is left out."""
    rows, wanted = CASES[case]
    found = await look(prometheus, rows)
    assert {f"{parent} > {child}" for parent, child in found.edges} == wanted


async def test_rows_describe_their_child(prometheus: Prometheus) -> None:
    """Attributes and other names come from labels; without a parent a row does only that."""
    (host,) = (await look(prometheus, CASES["machines"][0])).nodes
    assert (host.id, host.aliases) == ("host/web-1", ("10.0.0.1",))
    pods = {node.id: node.attributes for node in (await look(prometheus, CASES["pods"][0])).nodes}
    assert pods["pod/shop/cart-85-a"] == {"address": "10.1.0.1"}


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (PrometheusRows(query="up ==", child="x/{y}"), "parse error"),
        (PrometheusRows(query="kube_pod_info", child="pod/{pod}", max_rows=2), "has 3 rows, at most 2 are read"),
        (PrometheusRows(query="1", child="x/{y}"), "not with the rows of an instant query"),
    ],
)
async def test_what_is_no_table_is_unreadable(prometheus: Prometheus, rows: PrometheusRows, why: str) -> None:
    """The reason is Prometheus' own where it has one; what was said before stays."""
    await look(prometheus, CASES["pods"][0])
    async with asking(prometheus.url, rows) as source:
        with pytest.raises(Unreadable, match=why):
            await source.look()


async def test_nobody_there_is_unreadable(tmp_path: Path) -> None:
    """A server that is down says nothing, and nothing is believed to be gone."""
    async with asking("http://127.0.0.1:9", CASES["pods"][0]) as source:
        with pytest.raises(Unreadable, match=r"127\.0\.0\.1:9"):
            await source.look()
