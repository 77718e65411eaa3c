"""The kubernetes executor against the stand-in for an API server, over real HTTP: effects, fencing, lost answers, probes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import msgspec
import pytest

from healer.executors.kubernetes.api import Api
from healer.executors.kubernetes.events import Events
from healer.executors.kubernetes.fence import DONE, TOKEN
from healer.executors.kubernetes.jobs import name_of
from healer.executors.kubernetes.rbac import LOOKED_AT, PERMISSIONS, Permission
from healer.executors.kubernetes.target import KubernetesTarget
from healer.executors.states import preview, took_effect
from healer.executors.target import Order, Result, Seen
from healer.executors.typed import Value, written
from healer.executors.view import View
from healer.kubernetes.access import Access
from healer.remediation.runner.looking import Looking
from healer.seams import Supervisor, SystemClock
from healer.times import SECOND
from rules import Look, Query
from tests.standins.cluster import ADMIN, Cluster
from tests.standins.cluster.objects import Json
from tests.standins.provider import Fault

CART = "workload/shop/cart"
PATCHES: dict[str, Json] = {"more-memory": {"metadata": {"annotations": {"memory": "more"}}, "spec": {"paused": False}}}


async def go() -> bool:
    return True


async def no_go() -> bool:
    return False


def order(
    intent: str, token: int, target: str, call: str, *, deadline_s: int = 5, identity: str = "", **given: Value
) -> Order:
    argv = written(call, given.items())
    return Order(intent, 0, token, target, "", argv, deadline_s, identity=identity)


@asynccontextmanager
async def reached(cluster: Cluster, user: str = ADMIN) -> AsyncIterator[KubernetesTarget]:
    """The executor, as a user of the cluster."""
    async with aiohttp.ClientSession() as session:
        api = Api(Access(cluster.url, None, token=user), session, 2 * SECOND)
        yield KubernetesTarget({"": api}, SystemClock(), PATCHES)


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """Three nodes, a Deployment of three pods that runs, and a CronJob."""
    async with Cluster() as found:
        objects = found.objects
        for name in ("web-1", "web-2", "web-3"):
            objects.create("nodes", "", {"metadata": {"name": name}, "spec": {}})
        template = {
            "metadata": {"labels": {"app": "cart"}},
            "spec": {"containers": [{"name": "cart", "image": "cart:1"}]},
        }
        spec = {"replicas": 3, "selector": {"matchLabels": {"app": "cart"}}, "template": template}
        objects.create("deployments", "shop", {"metadata": {"name": "cart", "labels": {"app": "cart"}}, "spec": spec})
        job = {
            "spec": {
                "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "fix", "image": "fix:1"}]}}
            }
        }
        objects.create(
            "cronjobs", "shop", {"metadata": {"name": "fix"}, "spec": {"schedule": "0 0 1 1 *", "jobTemplate": job}}
        )
        await until(lambda: len(ready(found)) == 3)
        yield found


@pytest.fixture
async def target(cluster: Cluster) -> AsyncIterator[KubernetesTarget]:
    async with reached(cluster) as found:
        yield found


async def until(holds: Callable[[], bool], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


def pods(cluster: Cluster) -> list[Json]:
    return [pod for pod in cluster.objects.every("pods") if not pod["metadata"].get("deletionTimestamp")]


def ready(cluster: Cluster) -> list[Json]:
    return [pod for pod in pods(cluster) if pod["status"].get("conditions", [{}])[0].get("status") == "True"]


def images(cluster: Cluster) -> Iterator[str]:
    return (pod["spec"]["containers"][0]["image"] for pod in pods(cluster))


def has_events(cluster: Cluster, count: int) -> bool:
    return len(list(cluster.objects.every("events"))) == count


def cart(cluster: Cluster) -> Json:
    return cluster.objects.get("deployments", "shop", "cart")


def deliver(cluster: Cluster, image: str) -> None:
    """Somebody brings out another version."""
    was = cart(cluster)
    now = msgspec.json.decode(msgspec.json.encode(was))
    now["spec"]["template"]["spec"]["containers"][0]["image"] = image
    cluster.objects.replace("deployments", was, now)


async def seen(target: KubernetesTarget, wanted: Order) -> View:
    looked = await target.observe(wanted)
    assert looked.exit_code == 0, looked.why
    return msgspec.json.decode(looked.output, type=View)


# --- several clusters


async def test_an_action_goes_to_the_cluster_that_its_target_names(cluster: Cluster) -> None:
    """The same Deployment is in both: one is changed, the other is not; a name that nobody knows is refused, and none is too."""
    async with Cluster() as south, aiohttp.ClientSession() as session:
        south.objects.create("deployments", "shop", {**cart(cluster), "metadata": {"name": "cart"}})
        apis = {
            name: Api(Access(each.url, None, token=ADMIN), session, 2 * SECOND)
            for name, each in (("north", cluster), ("south", south))
        }
        target = KubernetesTarget(apis, SystemClock(), {})
        done = await target.run(order("i1", 1, "workload/south:shop/cart", "scale", replicas=1), go)
        assert done.outcome == "succeeded"
        replicas = [each.objects.get("deployments", "shop", "cart")["spec"]["replicas"] for each in (cluster, south)]
        assert replicas == [3, 1]
        for named, why in (("west:shop", "the cluster 'west'"), ("shop", "no cluster")):
            refused = await target.run(order("i2", 2, f"workload/{named}/cart", "scale", replicas=2), go)
            assert (refused.outcome, refused.lasting) == ("refused", True)
            assert f"names {why}: executors.kubernetes.clusters has north, south" in refused.why


async def test_a_busy_server_is_asked_again_when_it_says(cluster: Cluster, target: KubernetesTarget) -> None:
    """429 with Retry-After: nothing was done, so the same request is sent again, and has its effect once."""
    cluster.patience = 1
    done = await target.run(order("i1", 1, CART, "scale", replicas=1), go)
    assert done.outcome == "succeeded"
    assert (cluster.patience, cart(cluster)["spec"]["replicas"]) == (0, 1)


async def test_what_was_done_is_an_event_beside_the_object(cluster: Cluster) -> None:
    """Once for an intent, also where a probe saw the outcome; and what cannot be written changes no outcome."""
    spawn = Supervisor()
    async with aiohttp.ClientSession() as session:
        for user, told in (("remedy", 0), (ADMIN, 1)):
            cluster.may["remedy"] = {("get", "apps", "deployments"), ("patch", "apps", "deployments")}
            api = Api(Access(cluster.url, None, token=user), session, 2 * SECOND)
            target = KubernetesTarget({"": api}, SystemClock(), {}, Events(spawn))
            wanted = order(f"i-{user}", 1 + told, CART, "scale", replicas=2 + told)
            assert (await target.run(wanted, go)).outcome == "succeeded"
            probe = msgspec.structs.replace(wanted, step=1)
            assert (await target.probe(probe)).outcome == "succeeded"
            await until(lambda: ("POST", "/apis/events.k8s.io/v1/namespaces/shop/events") in cluster.requests)
            await until(partial(has_events, cluster, told))
        assert await spawn.stop(5) == []
    assert spawn.failures == {}
    (event,) = cluster.objects.every("events")
    assert (event["note"], event["regarding"]["name"]) == ("healer scale: cart: 2 replicas -> 3", "cart")


# --- each action has its effect, once


async def test_a_pod_is_deleted_by_uid_and_made_anew(cluster: Cluster, target: KubernetesTarget) -> None:
    """The pod that was meant goes, another comes; a look before and after shows that it is another."""
    pod = pods(cluster)[0]["metadata"]
    wanted = order("i1", 1, f"pod/shop/{pod['name']}", "delete_pod", identity=pod["uid"], grace=SECOND)
    before = await target.observe(wanted)
    result = await target.run(wanted, go)
    assert (result.outcome, result.started) == ("succeeded", True)
    assert result.ended_at
    after = await target.observe(wanted)
    assert preview("object", before, {}).sentence.endswith("gone, and made anew")
    assert took_effect("object", before.output, after, {}).took
    await until(lambda: len(ready(cluster)) == 3)
    assert pod["uid"] not in [one["metadata"]["uid"] for one in pods(cluster)]


async def test_eviction_respects_the_budget(cluster: Cluster, target: KubernetesTarget) -> None:
    """What a disruption budget forbids is not done, and the refusal says which budget; when it allows it, it is."""
    budget = {"metadata": {"name": "cart"}, "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "cart"}}}}
    cluster.objects.create("poddisruptionbudgets", "shop", budget)
    name = pods(cluster)[0]["metadata"]["name"]
    refused = await target.run(order("i1", 1, f"pod/shop/{name}", "evict_pod", deadline_s=2, grace=0), go)
    assert (refused.outcome, refused.started) == ("failed", False)
    assert "The disruption budget cart needs 3 healthy pods and has 3 currently" in refused.why
    assert len(pods(cluster)) == 3

    waiting = asyncio.ensure_future(target.run(order("i2", 2, f"pod/shop/{name}", "evict_pod", grace=0), go))
    await asyncio.sleep(0.1)
    cluster.objects.drop("poddisruptionbudgets", "shop", "cart")
    assert (await waiting).outcome == "succeeded"


async def test_a_rollout_is_restarted_and_followed(cluster: Cluster, target: KubernetesTarget) -> None:
    """All pods are replaced before it counts as done."""
    before = {pod["metadata"]["uid"] for pod in pods(cluster)}
    result = await target.run(order("i1", 1, CART, "rollout_restart"), go)
    assert result.outcome == "succeeded", result.why
    assert result.output == "3 of 3 pods are of the newest revision, 3 are available"
    assert not before & {pod["metadata"]["uid"] for pod in pods(cluster)}


async def test_a_stuck_rollout_is_undone(cluster: Cluster, target: KubernetesTarget) -> None:
    """A bad image never becomes ready; undo brings back the template of the revision before, and shows that beforehand."""
    cluster.controllers.ready = lambda pod: pod["spec"]["containers"][0]["image"] != "cart:bad"
    deliver(cluster, "cart:bad")
    await until(lambda: "cart:bad" in images(cluster))
    view = await seen(target, order("i1", 1, CART, "rollout_undo"))
    assert view.wanted == "revision 1: cart:1"
    result = await target.run(order("i1", 1, CART, "rollout_undo"), go)
    assert result.outcome == "succeeded", result.why
    assert set(images(cluster)) == {"cart:1"}
    assert cart(cluster)["metadata"]["annotations"][DONE] == "i1"
    assert "pod-template-hash" not in cart(cluster)["spec"]["template"]["metadata"]["labels"]


async def test_a_rollout_that_does_not_come_through_is_a_failure(cluster: Cluster, target: KubernetesTarget) -> None:
    """A restart whose pods never become ready is said to be no success, with how far it came."""
    old = {pod["metadata"]["uid"] for pod in pods(cluster)}
    cluster.controllers.ready = lambda pod: pod["metadata"]["uid"] in old
    result = await target.run(order("i1", 1, CART, "rollout_restart", deadline_s=2), go)
    assert (result.outcome, result.started) == ("failed", True)
    assert "not rolled out in time: 1 of 3" in result.why


async def test_scaling(cluster: Cluster, target: KubernetesTarget) -> None:
    """To what was asked for; when it is so already, the look says that there is nothing to do."""
    wanted = order("i1", 1, CART, "scale", replicas=5)
    assert (await seen(target, wanted)).wanted == "5 replicas"
    assert (await target.run(wanted, go)).output == "cart: 3 replicas -> 5"
    await until(lambda: len(ready(cluster)) == 5)
    assert (await seen(target, wanted)).verdict == "nothing"


async def test_a_node_is_drained_and_opened_again(cluster: Cluster, target: KubernetesTarget) -> None:
    """Its pods go elsewhere; DaemonSet and mirror pods stay; it is healer's to uncordon because healer cordoned it."""
    node = pods(cluster)[0]["spec"]["nodeName"]
    kept = {"containers": [{"name": "log", "image": "log:1"}], "nodeName": node}
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "log", "uid": "u", "controller": True}
    cluster.objects.create("pods", "shop", {"metadata": {"name": "log-1", "ownerReferences": [owner]}, "spec": kept})
    mirror = {"name": "static-1", "annotations": {"kubernetes.io/config.mirror": "x"}}
    cluster.objects.create("pods", "shop", {"metadata": mirror, "spec": kept})

    result = await target.run(order("i1", 1, f"host/{node}", "drain_node", grace=0), go)
    assert result.outcome == "succeeded", result.why
    there = {pod["metadata"]["name"] for pod in pods(cluster) if pod["spec"].get("nodeName") == node}
    assert there == {"log-1", "static-1"}
    assert cluster.objects.get("nodes", "", node)["spec"]["unschedulable"]
    await until(lambda: len([pod for pod in ready(cluster) if pod["metadata"].get("labels")]) == 3)

    result = await target.run(order("i2", 2, f"host/{node}", "uncordon_node"), go)
    assert result.outcome == "succeeded"
    assert not cluster.objects.get("nodes", "", node)["spec"].get("unschedulable")


async def test_a_drain_that_a_budget_forbids_says_what_is_left(cluster: Cluster, target: KubernetesTarget) -> None:
    """At its deadline it is broken off; the node stays cordoned, and the message names pods and budget."""
    budget = {"metadata": {"name": "cart"}, "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "cart"}}}}
    cluster.objects.create("poddisruptionbudgets", "shop", budget)
    node = pods(cluster)[0]["spec"]["nodeName"]
    result = await target.run(order("i1", 1, f"host/{node}", "drain_node", deadline_s=2, grace=0), go)
    assert (result.outcome, result.started) == ("failed", True)
    assert "1 pods are left (shop/cart-" in result.why
    assert "The disruption budget cart needs 3 healthy pods" in result.why


async def test_what_nobody_makes_again_is_not_drained_away(cluster: Cluster, target: KubernetesTarget) -> None:
    """A pod without a controller would be lost: nothing is done, and the look says so beforehand."""
    spec = {"containers": [{"name": "x", "image": "x:1"}], "nodeName": "web-1"}
    cluster.objects.create("pods", "shop", {"metadata": {"name": "alone"}, "spec": spec})
    wanted = order("i1", 1, "host/web-1", "drain_node", grace=0)
    assert (await seen(target, wanted)).verdict == "impossible"
    result = await target.run(wanted, go)
    assert (result.outcome, result.started) == ("failed", False)
    assert "nobody would make these pods again: shop/alone" in result.why
    assert not cluster.objects.get("nodes", "", "web-1")["spec"].get("unschedulable")


async def test_what_a_person_cordoned_stays_cordoned(cluster: Cluster, target: KubernetesTarget) -> None:
    """healer opens only what it closed itself."""
    was = cluster.objects.get("nodes", "", "web-1")
    cluster.objects.write("nodes", {**was, "spec": {"unschedulable": True}})
    wanted = order("i1", 1, "host/web-1", "uncordon_node")
    assert (await seen(target, wanted)).verdict == "impossible"
    result = await target.run(wanted, go)
    assert (result.outcome, result.started) == ("failed", False)
    assert cluster.objects.get("nodes", "", "web-1")["spec"]["unschedulable"]


@pytest.mark.parametrize(("image", "outcome"), [("fix:1", "succeeded"), ("broken:1", "failed")])
async def test_a_job_is_run_to_its_end(cluster: Cluster, target: KubernetesTarget, image: str, outcome: str) -> None:
    """By the template of a CronJob, under a name that the intent gives, ended by the cluster at the deadline."""
    cluster.controllers.fails = {"broken:1"}
    cron = cluster.objects.get("cronjobs", "shop", "fix")
    cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"] = image
    cluster.objects.write("cronjobs", cron)
    result = await target.run(order("i1", 1, CART, "run_job", template="fix"), go)
    assert result.outcome == outcome, result.why
    made = cluster.objects.get("jobs", "shop", name_of("fix", "i1"))
    assert made["spec"]["activeDeadlineSeconds"] == 5

    removed = await target.run(order("i2", 1, f"job/shop/{made['metadata']['name']}", "delete_job"), go)
    assert removed.outcome == "succeeded"
    assert not list(cluster.objects.every("jobs"))


async def test_a_declared_patch(cluster: Cluster, target: KubernetesTarget) -> None:
    """A change that the settings declare by name; one that they do not is refused."""
    assert (await target.run(order("i1", 1, CART, "patch", patch="more-memory"), go)).outcome == "succeeded"
    assert cart(cluster)["metadata"]["annotations"]["memory"] == "more"
    assert (await seen(target, order("i2", 2, CART, "patch", patch="more-memory"))).verdict == "nothing"
    volumes = {"": "volume/pv-1", "shop": "volume/shop/data"}
    for namespace, node in volumes.items():
        resource = "persistentvolumeclaims" if namespace else "persistentvolumes"
        cluster.objects.create(resource, namespace, {"metadata": {"name": node.split("/")[-1]}, "spec": {}})
        assert (await target.run(order("i2", 2, node, "patch", patch="more-memory"), go)).outcome == "succeeded"
    refused = await target.run(order("i3", 3, CART, "patch", patch="other"), go)
    assert (refused.outcome, refused.started) == ("failed", False)


# --- at most once, by one holder


@pytest.mark.parametrize("token", [1, 2])
async def test_what_is_not_newer_is_refused_before_it_is_asked_for(
    cluster: Cluster, target: KubernetesTarget, token: int
) -> None:
    """The object's own annotation keeps older tokens out."""
    await target.run(order("i1", 2, CART, "scale", replicas=4), go)

    async def never() -> bool:
        pytest.fail("a stale order asked for go")

    result = await target.run(order("i2", token, CART, "scale", replicas=1), never)
    assert (result.outcome, result.started) == ("refused", False)
    assert "stale" in result.why
    assert cart(cluster)["spec"]["replicas"] == 4


async def test_the_kill_switch_stops_what_is_ready(cluster: Cluster, target: KubernetesTarget) -> None:
    """When go says no, nothing but the token has changed, and a probe agrees."""
    result = await target.run(order("i1", 1, CART, "scale", replicas=9), no_go)
    assert (result.outcome, result.started) == ("refused", False)
    assert cart(cluster)["spec"]["replicas"] == 3
    probed = await target.probe(order("i1", 2, CART, "scale", replicas=9))
    assert (probed.outcome, probed.started) == ("failed", False)


async def test_a_change_between_is_no_obstacle(cluster: Cluster, target: KubernetesTarget) -> None:
    """Somebody else changes the object between claim and effect: the effect is tried again under the newer version."""
    changes = iter(range(3))

    def before_write(method: str, path: str) -> None:
        if method == "PATCH" and path.endswith("/cart") and next(changes, None) is not None:
            cluster.objects.write("deployments", cart(cluster))

    cluster.before_write = before_write
    result = await target.run(order("i1", 1, CART, "scale", replicas=4), go)
    assert result.outcome == "succeeded", result.why
    assert cart(cluster)["spec"]["replicas"] == 4


async def test_a_zombie_is_refused_by_the_server(cluster: Cluster, target: KubernetesTarget) -> None:
    """Somebody newer takes the object while an order waits for go: when it wakes, the server refuses its effect."""

    async def sleeps() -> bool:
        newer = await target.run(order("i2", 2, CART, "scale", replicas=5), go)
        assert newer.outcome == "succeeded"
        return True

    late = await target.run(order("i1", 1, CART, "scale", replicas=1), sleeps)
    assert (late.outcome, late.started) == ("failed", False)
    assert cart(cluster)["spec"]["replicas"] == 5


async def test_another_object_of_that_name_is_refused(cluster: Cluster, target: KubernetesTarget) -> None:
    """What was meant had another uid: nothing is done to its successor."""
    name = pods(cluster)[0]["metadata"]["name"]
    wanted = order("i1", 1, f"pod/shop/{name}", "delete_pod", identity="00000000-0000-0000-0000-000000000000", grace=0)
    result = await target.run(wanted, go)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert len(pods(cluster)) == 3


# --- lost answers


def effect(cluster: Cluster, fault: Fault) -> None:
    """The next write but one is disturbed: the first is the claim."""
    cluster.faults.extend([Fault.OK, fault])


CALLS: list[tuple[str, str, dict[str, Any], Callable[[Cluster], bool]]] = [
    ("scale", CART, {"replicas": 4}, lambda cluster: cart(cluster)["spec"]["replicas"] == 4),
    ("rollout_restart", CART, {}, lambda cluster: "annotations" in cart(cluster)["spec"]["template"]["metadata"]),
    ("cordon_node", "host/web-1", {}, lambda cluster: bool(_node(cluster)["spec"].get("unschedulable"))),
    ("run_job", CART, {"template": "fix"}, lambda cluster: bool(_jobs(cluster))),
    ("patch", CART, {"patch": "more-memory"}, lambda cluster: "memory" in cart(cluster)["metadata"]["annotations"]),
]


def _node(cluster: Cluster) -> Json:
    return cluster.objects.get("nodes", "", "web-1")


def _jobs(cluster: Cluster) -> list[Json]:
    return [job for job in cluster.objects.every("jobs") if not job["spec"].get("suspend")]


async def settled(probe: Callable[[], Awaitable[Result]]) -> Result:
    """Probe until it is known, as the runner does."""
    async with asyncio.timeout(10):
        while (result := await probe()).outcome == "unknown":
            await asyncio.sleep(0.1)
    return result


@pytest.mark.parametrize(("call", "node", "given", "holds"), CALLS, ids=[call for call, *_ in CALLS])
@pytest.mark.parametrize("fault", [Fault.RESET_BEFORE, Fault.RESET_AFTER])
async def test_a_lost_answer_is_settled_by_a_probe(
    cluster: Cluster,
    target: KubernetesTarget,
    fault: Fault,
    call: str,
    node: str,
    given: dict[str, Any],
    holds: Callable[[Cluster], bool],
) -> None:
    """Whether the request had got through or not: the probe says what the cluster shows, and what it says stays so."""
    effect(cluster, fault)
    result = await target.run(order("i1", 1, node, call, **given), go)
    assert (result.outcome, result.started) == ("unknown", True)
    tokens = iter(range(2, 100))
    probed = await settled(lambda: target.probe(order("i1", next(tokens), node, call, **given)))
    landed = fault is Fault.RESET_AFTER
    assert (probed.outcome, probed.started) == (("succeeded", True) if landed else ("failed", False)), probed.why
    assert holds(cluster) is landed


@pytest.mark.parametrize("given", [True, False])
async def test_a_lost_delete_is_settled_by_who_is_there(
    cluster: Cluster, target: KubernetesTarget, given: bool
) -> None:
    """With the pod's uid known, or by the claim on it."""
    pod = pods(cluster)[0]["metadata"]
    identity = pod["uid"] if given else ""
    node = f"pod/shop/{pod['name']}"
    # A DELETE is sent twice when a connection ends: with its preconditions that is harmless.
    cluster.faults.extend([Fault.OK, Fault.RESET_BEFORE, Fault.RESET_BEFORE])
    result = await target.run(order("i1", 1, node, "delete_pod", identity=identity, grace=0), go)
    assert result.outcome == "unknown"
    probed = await target.probe(order("i1", 2, node, "delete_pod", identity=identity, grace=0))
    assert (probed.outcome, probed.started) == ("failed", False)

    cluster.faults.extend([Fault.OK, Fault.RESET_AFTER, Fault.RESET_AFTER])
    result = await target.run(order("i3", 3, node, "delete_pod", identity=identity, grace=0), go)
    assert result.outcome == "unknown"
    tokens = iter(range(4, 100))
    probed = await settled(
        lambda: target.probe(order("i3", next(tokens), node, "delete_pod", identity=identity, grace=0))
    )
    assert (probed.outcome, probed.started) == ("succeeded", True)


async def test_a_request_that_lands_late_is_refused(cluster: Cluster, target: KubernetesTarget) -> None:
    """A black hole swallows the effect; the probe takes the object; when the effect lands after all, nothing happens."""
    effect(cluster, Fault.SLOW)
    running = asyncio.ensure_future(target.run(order("i1", 1, CART, "scale", replicas=9), go))
    await until(lambda: len([one for one in cluster.requests if one[0] == "PATCH"]) >= 2)
    probed = await target.probe(order("i1", 2, CART, "scale", replicas=9))
    assert (probed.outcome, probed.started) == ("failed", False)
    await running
    assert cart(cluster)["spec"]["replicas"] == 3


async def test_a_job_that_nobody_knew_of_never_begins(cluster: Cluster, target: KubernetesTarget) -> None:
    """After the probe said that there is none, a late request to create it meets the name taken."""
    effect(cluster, Fault.RESET_BEFORE)
    await target.run(order("i1", 1, CART, "run_job", template="fix"), go)
    probed = await target.probe(order("i1", 2, CART, "run_job", template="fix"))
    assert (probed.outcome, probed.started) == ("failed", False)
    (taken,) = cluster.objects.every("jobs")
    assert taken["spec"]["suspend"]
    assert taken["metadata"]["name"] == name_of("fix", "i1")


# --- refusals of the server


async def test_who_may_not_is_told_so(cluster: Cluster) -> None:
    """Without the role nothing is done, a person has to mend it, and the message is the server's own."""
    cluster.may["reader"] = {("get", "apps", "deployments")}
    async with reached(cluster, "reader") as target:
        result = await target.run(order("i1", 1, CART, "scale", replicas=4), go)
    assert (result.outcome, result.started, result.lasting, result.down) == ("failed", False, True, False)
    assert 'User "reader" cannot patch resource "deployments" in API group "apps" in the namespace "shop"' in result.why


async def test_a_server_that_is_away_is_no_effect(cluster: Cluster) -> None:
    """Nothing listens: nothing was started, and a look says why it sees nothing."""
    async with reached(cluster) as target:
        await cluster.__aexit__()
        result = await target.run(order("i1", 1, CART, "scale", replicas=4), go)
        looked = await target.observe(order("i1", 1, CART, "scale", replicas=4))
        probed = await target.probe(order("i1", 2, CART, "scale", replicas=4))
        await cluster.__aenter__()
    assert (result.outcome, result.started, result.down) == ("failed", False, True)
    assert "cannot be reached" in result.why
    assert isinstance(looked, Seen)
    assert looked.exit_code is None
    assert probed.outcome == "unknown"


@pytest.mark.parametrize(
    ("node", "call"),
    [
        ("host/web-1", "scale"),
        ("pod/cart", "delete_pod"),
        ("pod/shop/../x", "delete_pod"),
        ("workload/shop/..", "scale"),
        ("workload/shop/cart?dryRun=All", "scale"),
        ("pod/shop/cart/exec", "delete_pod"),
        ("rack/r17", "cordon_node"),
        (CART, "rm"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    cluster: Cluster, target: KubernetesTarget, node: str, call: str
) -> None:
    """A call of another kind of node, or an id that would reach elsewhere: no request is made."""
    cluster.requests.clear()
    result = await target.run(order("i1", 1, node, call, replicas=1, grace=0), go)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert not cluster.requests


async def test_the_token_is_in_the_annotations(cluster: Cluster, target: KubernetesTarget) -> None:
    """For people who look: who touched it last, and by which intent."""
    await target.run(order("i1", 7, CART, "scale", replicas=4), go)
    notes = cart(cluster)["metadata"]["annotations"]
    assert (notes[TOKEN], notes[DONE]) == ("7.0", "i1")


# --- what the account has to be allowed

ALLOWED: list[tuple[str, str, dict[str, Any]]] = [
    ("delete_pod", "pod", {"grace": 0}),
    ("evict_pod", "pod", {"grace": 0}),
    ("rollout_restart", CART, {}),
    ("rollout_undo", CART, {}),
    ("scale", CART, {"replicas": 3}),
    ("cordon_node", "host/web-1", {}),
    ("uncordon_node", "host/web-1", {}),
    ("drain_node", "node", {"grace": 0}),
    ("delete_job", "job/shop/old", {}),
    ("run_job", CART, {"template": "fix"}),
    ("patch", CART, {"patch": "more-memory"}),
]
FALLEN_BACK = {
    "statefulsets",
    "daemonsets",
    "controllerrevisions",
    "services",
    "nodes",
    "pods",
    "persistentvolumes",
    "persistentvolumeclaims",
}
"""Resources that a call only asks for where its object is of that kind."""


@pytest.mark.parametrize(("call", "node", "given"), ALLOWED, ids=[call for call, *_ in ALLOWED])
async def test_a_call_needs_what_its_role_says(cluster: Cluster, call: str, node: str, given: dict[str, Any]) -> None:
    """With the permissions of `healer rbac` it works; without any one of them it does not, or it is for another kind."""
    deliver(cluster, "cart:2")
    await until(lambda: set(images(cluster)) == {"cart:2"} and len(ready(cluster)) == 3)
    cluster.objects.create("jobs", "shop", {"metadata": {"name": "old"}, "spec": {"suspend": True}})
    wanted = node.replace("pod", f"pod/shop/{pods(cluster)[0]['metadata']['name']}") if node == "pod" else node
    wanted = f"host/{pods(cluster)[0]['spec']['nodeName']}" if node == "node" else wanted
    if call == "uncordon_node":
        async with reached(cluster) as admin:
            await admin.run(order("i0", 1, wanted, "cordon_node"), go)
    asked = set(_asked(PERMISSIONS[call]))
    for number, missing in enumerate(sorted(asked)):
        cluster.may["healer"] = asked - {missing}
        async with reached(cluster, "healer") as target:
            result = await target.run(order(f"i{number + 1}", 2 + number, wanted, call, **given), go)
        if missing[2] not in FALLEN_BACK or (call.endswith(("_pod", "_node")) and missing[2] in ("pods", "nodes")):
            assert result.outcome != "succeeded", missing
    cluster.may["healer"] = asked
    async with reached(cluster, "healer") as target:
        result = await target.run(order("last", 99, wanted, call, **given), go)
    assert result.outcome == "succeeded", result.why


def _asked(permissions: Iterable[Permission]) -> Iterator[tuple[str, str, str]]:
    return ((one.verb, one.group, one.resource) for one in permissions)


def status(of: str, identity: str = "") -> Query:
    return Query("k", f"status of {of}", "node", Look("kubernetes", of, "", identity, ("status",), "object"))


async def test_the_status_of_objects(cluster: Cluster, target: KubernetesTarget) -> None:
    """A workload whose pods are ready, and a ready pod, are well; what is not there is not, and of another one nobody knows."""
    looking = Looking({"kubernetes": target}, SystemClock())
    pod = pods(cluster)[0]["metadata"]
    name = f"pod/shop/{pod['name']}"

    well = await looking.ask(status(CART))
    assert (well.value, well.text) == (1.0, "cart: 3 of 3 pods are of the newest revision, 3 are available")
    assert (await looking.ask(status(name, pod["uid"]))).value == 1.0
    assert (await looking.ask(status("pod/shop/nobody"))).value == 0.0
    another = await looking.ask(status(name, "another-uid"))
    assert (another.value, "another object" in another.why) == (None, True)
    assert (await looking.ask(status("rack/r1"))).value is None


async def test_a_rollout_is_not_well_before_its_end(cluster: Cluster, target: KubernetesTarget) -> None:
    """As long as pods of it are not there and ready, its status says so."""
    looking = Looking({"kubernetes": target}, SystemClock())
    deliver(cluster, "cart:2")
    assert (await looking.ask(status(CART))).value == 0.0
    async with asyncio.timeout(10):
        while (await looking.ask(status(CART))).value != 1.0:
            await asyncio.sleep(0.02)
    assert set(images(cluster)) == {"cart:2"}


async def test_a_look_needs_no_more_than_to_read(cluster: Cluster) -> None:
    """The permissions that `healer rbac` adds for it are enough; without them nobody knows."""
    cluster.may["healer"] = set(_asked(LOOKED_AT))
    async with reached(cluster, "healer") as target:
        assert (await Looking({"kubernetes": target}, SystemClock()).ask(status(CART))).value == 1.0
    cluster.may["healer"] = set()
    async with reached(cluster, "healer") as target:
        refused = await Looking({"kubernetes": target}, SystemClock()).ask(status(CART))
    assert refused.value is None
    assert refused.why
