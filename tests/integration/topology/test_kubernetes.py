"""A cluster, listed and watched: what its graph is, and what becomes of it when the server forgets, fails or refuses.

The API server is a stand-in; that it answers like the real one is held against recorded exchanges.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec
import pytest

from healer.kubernetes import feed
from healer.kubernetes.access import Access, NoAccess, from_kubeconfig, own_account
from healer.seams import Supervisor, SystemClock
from healer.topology.graph import Topology
from healer.topology.settings import Cluster
from healer.topology.source import Unreadable
from healer.topology.sources import kubernetes
from healer.topology.sources.kubernetes import KubernetesSource
from healer.topology.sources.kubernetes_objects import Object, graph
from tests.standins.authority import Authority
from tests.standins.kubernetes import TOKEN, KubernetesStandin

T = TypeVar("T")
RECORDED = json.loads((Path(__file__).parent / "recorded" / "kubernetes.json").read_text())


def owned(kind: str, name: str) -> dict[str, Any]:
    return {
        "metadata": {"ownerReferences": [{"kind": kind, "name": name, "controller": True, "apiVersion": "apps/v1"}]}
    }


async def shop(cluster: KubernetesStandin) -> None:
    """One node, a Deployment of two pods behind a Service, and a CronJob's pod."""
    addresses = [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": "web-1"}]
    await cluster.put("nodes", "web-1", status={"addresses": addresses})
    await cluster.put("replicasets", "cart-85", "shop", **owned("Deployment", "cart"))
    for name in ("cart-85-a", "cart-85-b"):
        more = {"spec": {"nodeName": "web-1"}, "status": {"podIP": "10.1.0.9", "phase": "Running"}}
        await cluster.put("pods", name, "shop", **owned("ReplicaSet", "cart-85"), **more)
    await cluster.put("jobs", "backup-1", "shop", **owned("CronJob", "backup"))
    await cluster.put("pods", "backup-1-x", "shop", **owned("Job", "backup-1"), spec={"nodeName": "web-1"})
    await cluster.put("services", "cart", "shop")
    targets = [{"targetRef": {"kind": "Pod", "name": name, "namespace": "shop"}} for name in ("cart-85-a", "cart-85-b")]
    labels = {"kubernetes.io/service-name": "cart"}
    await cluster.put("endpointslices", "cart-1", "shop", metadata={"labels": labels}, endpoints=targets)


async def aside(work: Callable[[], T]) -> T:
    return work()


@asynccontextmanager
async def watching(
    cluster: KubernetesStandin, settings: Cluster | None = None, token: str = TOKEN
) -> AsyncIterator[KubernetesSource]:
    spawn = Supervisor()
    async with aiohttp.ClientSession() as session:
        access = Access(cluster.url, None, token=token)
        source = KubernetesSource("kubernetes", settings or Cluster(), access, session, aside, spawn, SystemClock())
        try:
            yield source
        finally:
            assert await spawn.stop(5) == []
            assert spawn.failures == {}


async def seen(source: KubernetesSource, wanted: Callable[[Topology], bool]) -> Topology:
    """The topology once it is as wanted."""
    async with asyncio.timeout(10):
        while True:
            found = await source.look()
            if found is not None and wanted(found):
                return found


def edges(topology: Topology) -> set[str]:
    return {f"{parent} > {child}" for parent, child in topology.edges}


async def test_a_cluster_is_a_graph() -> None:
    """Node above pods, pods above the workload they belong to in the end, and above the services they serve."""
    async with KubernetesStandin() as cluster:
        await shop(cluster)
        async with watching(cluster) as source:
            found = await seen(source, lambda _: True)
    assert edges(found) == {
        "host/web-1 > pod/shop/cart-85-a",
        "host/web-1 > pod/shop/cart-85-b",
        "host/web-1 > pod/shop/backup-1-x",
        "pod/shop/cart-85-a > workload/shop/cart",
        "pod/shop/cart-85-b > workload/shop/cart",
        "pod/shop/backup-1-x > workload/shop/backup",
        "pod/shop/cart-85-a > service/shop/cart",
        "pod/shop/cart-85-b > service/shop/cart",
    }
    nodes = {node.id: node for node in found.nodes}
    assert (nodes["host/web-1"].attributes, nodes["host/web-1"].aliases) == ({"address": "10.0.0.1"}, ("10.0.0.1",))
    assert nodes["workload/shop/cart"].attributes == {"controller": "Deployment"}
    (group,) = nodes["service/shop/cart"].redundancy
    assert (group.needs, len(group.members)) == (1, 2)


async def test_a_cluster_with_a_name_has_nodes_of_its_own() -> None:
    """The name stands in every id, where it can be told from a namespace, and in the attribute that switches go by."""
    async with KubernetesStandin() as cluster:
        await shop(cluster)
        async with watching(cluster, Cluster(cluster="north")) as source:
            found = await seen(source, lambda _: True)
    assert "host/north:web-1 > pod/north:shop/cart-85-a" in edges(found)
    assert {"workload/north:shop/cart", "service/north:shop/cart"} < {node.id for node in found.nodes}
    assert {node.attributes["cluster"] for node in found.nodes} == {"north"}


async def test_what_changes_is_seen_at_once() -> None:
    """A pod that comes, moves or goes is known without another list; a node that says it lives is no change."""
    async with KubernetesStandin() as cluster:
        await shop(cluster)
        async with watching(cluster) as source:
            await seen(source, lambda _: True)
            lists = len([path for path in cluster.requests if "watch" not in path])
            await cluster.put("pods", "new", "shop", spec={"nodeName": "web-2"})
            await seen(source, lambda found: "host/web-2 > pod/shop/new" in edges(found))
            await cluster.delete("pods", "new", "shop")
            await seen(source, lambda found: "host/web-2 > pod/shop/new" not in edges(found))
            await cluster.put("nodes", "web-1", status={"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]})
            assert len([path for path in cluster.requests if "watch" not in path]) == lists


async def test_a_watch_that_ends_goes_on_where_it_was() -> None:
    """Nothing that happened meanwhile is missed, and nothing is listed again."""
    async with KubernetesStandin() as cluster:
        await shop(cluster)
        async with watching(cluster) as source:
            await seen(source, lambda _: True)
            lists = len([path for path in cluster.requests if "watch" not in path])
            await cluster.cut()
            await cluster.put("pods", "new", "shop", spec={"nodeName": "web-1"})
            await seen(source, lambda found: "host/web-1 > pod/shop/new" in edges(found))
            assert len([path for path in cluster.requests if "watch" not in path]) == lists


async def test_a_version_that_the_server_forgot_is_listed_again() -> None:
    """410: what happened in between is in the list, deletions as well."""
    async with KubernetesStandin() as cluster:
        await shop(cluster)
        async with watching(cluster) as source:
            await seen(source, lambda _: True)
            await cluster.cut()
            await cluster.delete("pods", "cart-85-a", "shop")
            await cluster.put("pods", "new", "shop", spec={"nodeName": "web-1"})
            cluster.compact()
            found = await seen(source, lambda found: "host/web-1 > pod/shop/new" in edges(found))
            found = await seen(source, lambda _: True) if "pod/shop/cart-85-a" in str(found.nodes) else found
            assert "host/web-1 > pod/shop/cart-85-a" not in edges(found)


async def test_long_lists_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are there, although the server gives a few at a time."""
    monkeypatch.setattr(feed, "PAGE", 7)
    async with KubernetesStandin() as cluster:
        for number in range(30):
            await cluster.put("pods", f"p{number:02d}", "shop", spec={"nodeName": "web-1"})
        async with watching(cluster) as source:
            found = await seen(source, lambda _: True)
        assert len(found.edges) == 30
        assert len([path for path in cluster.requests if path.startswith("/api/v1/pods?limit=7")]) == 5


async def test_only_the_namespaces_that_are_wanted_are_asked_for() -> None:
    """An account that may read one namespace is enough for it, and for the nodes."""
    async with KubernetesStandin() as cluster:
        await shop(cluster)
        await cluster.put("pods", "other", "else", spec={"nodeName": "web-1"})
        async with watching(cluster, Cluster(namespaces=("shop",))) as source:
            found = await seen(source, lambda _: True)
        assert "pod/else/other" not in {node.id for node in found.nodes}
        assert {path.split("?")[0] for path in cluster.requests if "/pods" in path} == {"/api/v1/namespaces/shop/pods"}


@pytest.mark.parametrize(
    ("token", "forbidden", "why"),
    [
        ("wrong", "", "answered 401: Unauthorized"),
        (
            TOKEN,
            "jobs",
            'cannot list resource "jobs" in API group "batch" at the cluster scope; its role needs list and watch',
        ),
    ],
)
async def test_a_server_that_refuses_is_named(token: str, forbidden: str, why: str) -> None:
    """The message says which resource, in the server's own words, and what is missing."""
    async with KubernetesStandin() as cluster:
        await shop(cluster)
        cluster.forbidden = {forbidden} - {""}
        async with watching(cluster, token=token) as source:
            with pytest.raises(Unreadable, match=why):
                await source.look()


async def test_a_server_that_is_back_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is down the source fails; afterwards it goes on."""
    monkeypatch.setattr(feed, "PAUSE_S", (0.1, 0.2))
    async with KubernetesStandin() as cluster:
        await shop(cluster)
        async with watching(cluster) as source:
            await seen(source, lambda _: True)
            cluster.down = True
            await cluster.cut()
            with pytest.raises(Unreadable, match="answered 503"):
                await seen(source, lambda _: False)
            cluster.down = False
            await cluster.put("pods", "new", "shop", spec={"nodeName": "web-1"})
            async with asyncio.timeout(10):
                while True:
                    try:
                        found = await source.look()
                    except Unreadable:
                        await asyncio.sleep(0.05)
                        continue
                    if found is not None and "host/web-1 > pod/shop/new" in edges(found):
                        break


async def test_the_standin_answers_like_the_real_server() -> None:
    """Status, body and message of the recorded exchanges."""
    async with KubernetesStandin() as cluster, aiohttp.ClientSession() as session:
        for name, token in (("broken continue", TOKEN), ("wrong token", "wrong"), ("no role", TOKEN)):
            exchange = RECORDED[name]
            cluster.forbidden = {"pods"} if name == "no role" else set()
            headers = {"Authorization": f"Bearer {token}"}
            async with session.get(cluster.url + exchange["request"]["path"], headers=headers) as response:
                body = await response.json()
            assert response.status == exchange["response"]["status"], name
            wanted = exchange["response"]["body"] | {"message": exchange["response"]["body"]["message"]}
            wanted["message"] = wanted["message"].replace('"remedy"', '"healer"')
            assert body == {key: value for key, value in wanted.items() if key != "details"}, name


def test_recorded_objects_are_read() -> None:
    """What the real server sent of pods and nodes is understood, events and bookmarks too."""
    pods = msgspec.convert(RECORDED["pods"]["response"]["body"]["items"], list[Object])
    node = msgspec.convert(RECORDED["node"]["response"]["body"], Object)
    resources: dict[str, dict[tuple[str, str], Object]] = {name: {} for name in kubernetes.RESOURCES}
    resources["pods"] = {pod.key: pod for pod in pods}
    resources["nodes"] = {node.key: node}
    found = graph(resources)
    assert {parent for parent, child in found.edges if child.startswith("pod/")} <= {
        "host/web-1",
        "host/web-2",
        "host/web-3",
    }
    assert {child for parent, child in found.edges if parent.startswith("pod/")} == {"workload/shop/cart-8599c75c7d"}
    assert {one.id: one.attributes.get("zone") for one in found.nodes}["host/web-3"] == "r1"
    for event in RECORDED["watch"]["response"]["events"]:
        assert msgspec.convert(event["object"], Object).metadata.resource_version


async def test_the_account_of_a_pod_is_read_again_when_it_is_renewed(tmp_path: Path) -> None:
    """Kubernetes replaces the token in the file every hour."""
    (tmp_path / "token").write_text("first\n")
    access = Access("https://10.0.0.1:443", None, token_file=tmp_path / "token")
    assert access.headers() == {"Authorization": "Bearer first"}
    (tmp_path / "token").write_text("second")
    assert access.headers() == {"Authorization": "Bearer second"}
    (tmp_path / "token").unlink()
    with pytest.raises(NoAccess, match="cannot be read"):
        access.headers()
    with pytest.raises(NoAccess, match="the pod's account"):
        own_account("10.0.0.1", "443", tmp_path)


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts:
  - {name: here, context: {cluster: c, user: u}}
  - {name: there, context: {cluster: c, user: cloud}}
  - {name: basic, context: {cluster: c, user: b}}
clusters:
  - {name: c, cluster: {server: "http://127.0.0.1:8001"}}
users:
  - {name: u, user: {tokenFile: mine.token}}
  - {name: b, user: {username: x, password: y}}
  - {name: cloud, user: {exec: {command: aws}}}
"""


def test_a_clusters_authority_may_leave_out_what_kubectl_does_not_ask_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as the identifier of the key that signed: Python asks for it from 3.13 on, kubectl never does."""
    made = ssl.create_default_context

    def strict(cafile: str | None = None, cadata: str | None = None) -> ssl.SSLContext:
        context = made(cafile=cafile, cadata=cadata)
        context.verify_flags |= ssl.VERIFY_X509_STRICT  # as 3.13 makes it
        return context

    Authority(tmp_path).ca.rename(tmp_path / "ca.crt")
    monkeypatch.setattr(ssl, "create_default_context", strict)
    (tmp_path / "config").write_text(
        KUBECONFIG.replace('server: "http://', 'certificate-authority: ca.crt, server: "https://')
    )
    for access in (own_account("10.0.0.1", "443", tmp_path), from_kubeconfig(tmp_path / "config")):
        assert isinstance(access.tls, ssl.SSLContext)
        assert not access.tls.verify_flags & ssl.VERIFY_X509_STRICT


def test_a_kubeconfig_says_where_and_who(tmp_path: Path) -> None:
    """Contexts, users with tokens or passwords; a program that makes tokens is refused by name."""
    file = tmp_path / "config"
    file.write_text(KUBECONFIG)
    (tmp_path / "mine.token").write_text("abc")
    access = from_kubeconfig(file)
    assert (access.url, access.headers()) == ("http://127.0.0.1:8001", {"Authorization": "Bearer abc"})
    assert from_kubeconfig(file, "basic").headers() == {"Authorization": "Basic eDp5"}
    with pytest.raises(NoAccess, match="gets its token from a program"):
        from_kubeconfig(file, "there")
    with pytest.raises(NoAccess, match="no context called 'nowhere'"):
        from_kubeconfig(file, "nowhere")
    with pytest.raises(NoAccess, match="cannot be read"):
        from_kubeconfig(tmp_path / "none")
