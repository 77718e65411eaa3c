"""helm_rollback against the stand-in for an API server: one Job for an intent, by an account of its own, followed to its end."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from healer.executors.kubernetes.api import Api
from healer.executors.kubernetes.helm_settings import HelmSettings
from healer.executors.kubernetes.rbac import PERMISSIONS
from healer.executors.kubernetes.target import KubernetesTarget
from healer.executors.target import Order
from healer.executors.typed import written
from healer.executors.view import View
from healer.kubernetes.access import Access
from healer.seams import SystemClock
from healer.times import SECOND
from tests.standins.cluster import ADMIN, Cluster
from tests.standins.cluster.objects import Json

HELM = HelmSettings(image="alpine/helm:3.17.3")
RELEASED = {"meta.helm.sh/release-name": "cart", "meta.helm.sh/release-namespace": "shop"}


async def go() -> bool:
    return True


def order(intent: str, token: int, workload: str = "cart", revision: int = 0) -> Order:
    argv = written("rollback", [("revision", revision)])
    return Order(intent, 0, token, f"workload/shop/{workload}", "", argv, 30)


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """A Deployment that helm installed, and one that it did not."""
    async with Cluster() as found:
        for name, annotations in (("cart", RELEASED), ("other", {})):
            labels = {"app": name}
            pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": f"{name}:1"}]}}
            spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod}
            meta = {"name": name, "labels": labels, "annotations": annotations}
            found.objects.create("deployments", "shop", {"metadata": meta, "spec": spec})
        yield found


@pytest.fixture
async def target(cluster: Cluster) -> AsyncIterator[KubernetesTarget]:
    async with aiohttp.ClientSession() as session:
        api = Api(Access(cluster.url, None, token=ADMIN), session, 2 * SECOND)
        yield KubernetesTarget({"": api}, SystemClock(), {}, helm=HELM)


def jobs(cluster: Cluster) -> list[Json]:
    return list(cluster.objects.every("jobs"))


async def test_a_release_goes_back(cluster: Cluster, target: KubernetesTarget) -> None:
    """helm runs once, in the release's namespace and with its own account, and is ended by the server at the deadline."""
    result = await target.run(order("i1", 1), go)
    assert result.outcome == "succeeded", result.why
    (job,) = jobs(cluster)
    pod: dict[str, Any] = job["spec"]["template"]["spec"]
    command = ["helm", "rollback", "cart", "0", "--namespace=shop", "--wait", "--timeout=20s"]
    assert (pod["containers"][0]["command"], pod["containers"][0]["image"]) == (command, HELM.image)
    assert (pod["serviceAccountName"], pod["restartPolicy"]) == ("healer-helm", "Never")
    assert (job["metadata"]["namespace"], job["spec"]["activeDeadlineSeconds"], job["spec"]["backoffLimit"]) == (
        "shop",
        30,
        0,
    )


async def test_helm_that_fails(cluster: Cluster, target: KubernetesTarget) -> None:
    """A Job that failed is a rollback that failed, and had an effect."""
    cluster.controllers.fails.add(HELM.image)
    result = await target.run(order("i1", 1, revision=7), go)
    assert (result.outcome, result.started) == ("failed", True)
    assert "7" in jobs(cluster)[0]["spec"]["template"]["spec"]["containers"][0]["command"]


async def test_what_helm_did_not_install(cluster: Cluster, target: KubernetesTarget) -> None:
    """Without helm's annotation there is no release: the preview says so, and no Job is made."""
    seen = await target.observe(order("look", 0, "other"))
    assert msgspec.json.decode(seen.output, type=View).verdict == "impossible"
    assert "was not installed by helm" in seen.output
    result = await target.run(order("i1", 1, "other"), go)
    assert (result.outcome, result.started, jobs(cluster)) == ("failed", False, [])


async def test_healer_itself_needs_what_its_role_says(cluster: Cluster) -> None:
    """With the permissions of `healer rbac` a workload's release goes back; without any one that is for workloads it does not."""
    asked = {(one.verb, one.group, one.resource) for one in PERMISSIONS["rollback"]}
    mine = {one for one in asked if one[2] in ("deployments", "jobs")}
    async with aiohttp.ClientSession() as session:
        api = Api(Access(cluster.url, None, token="healer"), session, 2 * SECOND)
        target = KubernetesTarget({"": api}, SystemClock(), {}, helm=HELM)
        for number, missing in enumerate(sorted(mine)):
            cluster.may["healer"] = asked - {missing}
            assert (await target.run(order(f"i{number}", 1 + number), go)).outcome != "succeeded", missing
        cluster.may["healer"] = asked
        result = await target.run(order("last", 99), go)
    assert result.outcome == "succeeded", result.why


async def test_one_that_nobody_knew_of_never_begins(cluster: Cluster, target: KubernetesTarget) -> None:
    """A probe that finds no Job takes its name: a late request cannot begin it any more."""
    probed = await target.probe(order("i1", 2))
    assert (probed.outcome, probed.started) == ("failed", False)
    late = await target.run(order("i1", 3), go)
    assert (late.outcome, late.started) == ("failed", False)
    assert [job["spec"]["suspend"] for job in jobs(cluster)] == [True]
