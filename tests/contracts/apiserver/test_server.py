"""What healer relies on in an API server, asked of the double and, unchanged, of a real one where KUBECONFIG names it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from healer.executors.kubernetes.api import Api, Denied
from healer.executors.kubernetes.events import event_of
from healer.executors.kubernetes.rbac import Permission
from healer.executors.kubernetes.settings import Requests
from healer.executors.kubernetes.target import KubernetesTarget
from healer.executors.target import Order, Result
from healer.executors.typed import written
from healer.kubernetes import feed
from healer.requests.cluster import BASE, ClusterRequests
from healer.requests.resource import Asked
from healer.seams import Supervisor, SystemClock
from tests.contracts.apiserver.servers import KUBECONFIG, TIMEOUT, Server, double, real

CLOCK = SystemClock()
SPEC = {"action": "rollout_restart", "target": {"kind": "Deployment", "name": "cart"}}
WITHIN_S = 20.0


@pytest.fixture(params=[double, real] if KUBECONFIG else [double], ids=lambda which: which.__name__)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    async with request.param() as found:
        yield found


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found


@pytest.fixture
def api(server: Server, session: aiohttp.ClientSession) -> Api:
    return Api(server.access, session, TIMEOUT)


@pytest.fixture
async def cart(server: Server, api: Api) -> str:
    """The path of a Deployment that wants no pods, so that it needs no machines."""
    labels = {"app": "cart"}
    container = {"name": "cart", "image": "registry.k8s.io/pause:3.10"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    path = f"/apis/apps/v1/namespaces/{server.namespace}/deployments"
    await api.post(path, {"metadata": {"name": "cart", "labels": labels}, "spec": spec})
    return f"{path}/cart"


def remediation(name: str = "mine", **spec: Any) -> dict[str, Any]:
    kinds = {"apiVersion": "healer.internal/v1alpha1", "kind": "Remediation"}
    return {**kinds, "metadata": {"name": name}, "spec": {**SPEC, **spec}}


def requests_at(server: Server) -> str:
    return f"{BASE}/namespaces/{server.namespace}/remediations"


async def apply(server: Server, api: Api, name: str = "mine") -> dict[str, Any]:
    """A request; a server that has just learnt of the resource takes a moment until it has it."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                return await api.post(requests_at(server), remediation(name))
            except Denied as error:
                if error.status != 404:
                    raise
            await asyncio.sleep(0.1)


# --- objects


async def test_a_write_that_names_an_old_version_is_refused(api: Api, cart: str, say: Callable[[str], None]) -> None:
    """409, and nothing is changed; what does not exist is found as None."""
    say(
        "asked: the double, and a real API server"
        if KUBECONFIG
        else "asked: the double alone, KUBECONFIG names no other"
    )
    was = await api.get(cart)
    note = {"annotations": {"healer/token": "1.0"}, "resourceVersion": was["metadata"]["resourceVersion"]}
    await api.patch(cart, {"metadata": note})
    with pytest.raises(Denied) as refused:
        await api.patch(cart, {"metadata": {**note, "annotations": {"healer/token": "2.0"}}})
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")
    assert (await api.get(cart))["metadata"]["annotations"]["healer/token"] == "1.0"
    assert await api.find(f"{cart}-2") is None


async def test_a_dry_run_changes_nothing(api: Api, cart: str) -> None:
    """The server says what would be, and what it would refuse."""
    would = await api.patch(cart, {"spec": {"replicas": 7}}, dry=True)
    assert would["spec"]["replicas"] == 7
    assert (await api.get(cart))["spec"]["replicas"] == 0
    with pytest.raises(Denied) as refused:
        await api.patch(cart, {"spec": {"replicas": -1}}, dry=True)
    assert refused.value.status == 422


async def test_the_newest_token_decides(server: Server, api: Api, cart: str) -> None:
    """An effect under a newer token happens once; an older one is refused by what the object remembers."""
    target = KubernetesTarget({"": api}, CLOCK, {})

    async def scale(intent: str, token: int, replicas: int) -> Result:
        argv = written("scale", [("replicas", replicas)])
        order = Order(intent, 0, token, f"workload/{server.namespace}/cart", "", argv, 30)
        return await target.run(order, _go)

    assert (await scale("i2", 2, 1)).outcome == "succeeded"
    late = await scale("i1", 1, 5)
    assert (late.outcome, late.started) == ("refused", False)
    assert (await api.get(cart))["spec"]["replicas"] == 1


async def test_who_may_do_little_is_told_what_is_missing(
    server: Server, session: aiohttp.ClientSession, cart: str
) -> None:
    """403 in the server's own words: which verb on which resource; what is allowed works."""
    access = await server.account([Permission("apps", "deployments", "get")])
    api = Api(access, session, TIMEOUT)
    assert (await api.get(cart))["metadata"]["name"] == "cart"
    with pytest.raises(Denied, match='cannot patch resource "deployments" in API group "apps"') as refused:
        await api.patch(cart, {"metadata": {"annotations": {"a": "b"}}})
    assert refused.value.status == 403


async def test_one_event_for_one_intent(api: Api, cart: str) -> None:
    """A server takes what healer writes about an object, and the second time says that it is there."""
    found = await api.get(cart)
    order = Order("i1", 0, 1, "workload/shop/cart", "", written("scale", [("replicas", 1)]), 30)
    event = event_of(found, order, Result("succeeded", output="0 replicas -> 1"), CLOCK.now())
    path = f"/apis/events.k8s.io/v1/namespaces/{found['metadata']['namespace']}/events"
    made = await api.post(path, event)
    assert made["regarding"]["uid"] == found["metadata"]["uid"]
    with pytest.raises(Denied) as again:
        await api.post(path, event)
    assert again.value.reason == "AlreadyExists"


# --- what people ask for


async def test_the_schema_says_what_a_request_is(server: Server, api: Api) -> None:
    """Defaults are filled in; what is no request is refused; and one that is there cannot become another."""
    made = await apply(server, api)
    assert made["spec"]["severity"] == "info"
    for wrong in ({"action": "Rollout Restart"}, {"target": {"kind": "Secret", "name": "a"}}, {"severity": "awful"}):
        with pytest.raises(Denied) as refused:
            await api.post(requests_at(server), remediation("wrong", **wrong))
        assert refused.value.status == 422, wrong
    with pytest.raises(Denied, match="cannot be changed") as refused:
        await api.patch(f"{requests_at(server)}/mine", {"spec": {"action": "rollout_undo"}})
    assert refused.value.status == 422


async def test_status_is_a_part_of_its_own(server: Server, api: Api) -> None:
    """Whoever writes the object cannot write its status, and the other way round."""
    await apply(server, api)
    path = f"{requests_at(server)}/mine"
    assert "status" not in await api.patch(path, {"status": {"state": "succeeded"}, "metadata": {"labels": {"a": "b"}}})
    said = await api.patch(f"{path}/status", {"status": {"state": "planned", "unheard": 1}, "spec": {"action": "x"}})
    assert (said["status"], said["spec"]["action"]) == ({"state": "planned"}, "rollout_restart")


async def test_requests_are_heard_and_answered(
    server: Server, api: Api, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are there and those that come, in pages and in watches; an answer to an older version is refused."""
    monkeypatch.setattr(feed, "PAGE", 2)
    for number in range(3):
        await apply(server, api, f"r{number}")
    bounds = Requests(namespaces=(server.namespace,))
    heard = ClusterRequests("", bounds, server.access, api, session, TIMEOUT, CLOCK)
    spawn = Supervisor()
    spawn.keep("follow", lambda: heard.follow(heard.paths[0]))
    try:
        await known(heard, {"r0", "r1", "r2"})
        await apply(server, api, "r3")
        found = await known(heard, {"r0", "r1", "r2", "r3"})
        await heard.report(found["r3"], {"observedGeneration": 1, "state": "accepted"})
        with pytest.raises(Denied) as stale:
            await heard.report(found["r3"], {"observedGeneration": 1, "state": "planned"})
        assert stale.value.status == 409
        await api.delete(f"{requests_at(server)}/r0", {})
        found = await known(heard, {"r1", "r2", "r3"})
        assert found["r3"].status == {"observedGeneration": 1, "state": "accepted"}
    finally:
        await spawn.stop(5)


async def known(heard: ClusterRequests, names: set[str]) -> dict[str, Asked]:
    """What is heard of, by name, once it is these."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            found = {one.name: one for one in (heard.asked or {}).values()}
            if found.keys() == names:
                return found
            await asyncio.sleep(0.02)


async def _go() -> bool:
    return True
