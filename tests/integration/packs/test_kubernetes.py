"""The faults that clusters have every week, each from its alert to an end that was verified, by the rules that ship."""

from pathlib import Path

from healer.executors.register import Ran
from healer.executors.target import Order
from healer.times import HOUR, MINUTE, SECOND
from tests.integration.packs.installation import Firing, Installation, staged, trusted

UNDO = "undo a rollout that does not get on"
EVICT = "give a pod that keeps crashing another node"
KUBELET = "restart the kubelet of a node that is not ready"
DRAIN = "empty a node that comes and goes"


def test_a_rollout_that_a_bad_image_stopped_is_undone(tmp_path: Path) -> None:
    """KubeDeploymentRolloutStuck: the Deployment goes back to the image that worked, and all its pods are ready again."""

    async def play(here: Installation) -> None:
        here.cluster.controllers.ready = lambda pod: pod["spec"]["containers"][0]["image"] != "cart:broken"
        here.series["max(kube_deployment_status_condition{condition='Available'"] = lambda: here.available()
        labels = {"alertname": "KubeDeploymentRolloutStuck", "namespace": "shop", "deployment": "cart"}
        here.firing.append(Firing({**labels, "severity": "warning"}, lambda: not here.available()))
        here.deliver("cart:broken")
        done = await here.ended(HOUR)
        assert (done.state, done.plan.rule) == ("succeeded", UNDO), done
        assert (here.images(), len(here.ready())) == ({"cart:1"}, 3)
        assert await here.open() == []

    staged(tmp_path, trusted(UNDO), play)


def test_a_pod_that_crash_loops_gets_another_place(tmp_path: Path) -> None:
    """KubePodCrashLooping for half an hour: this pod goes, as disruption budgets allow, and the one in its place runs."""

    async def play(here: Installation) -> None:
        bad = here.pods()[0]["metadata"]
        here.cluster.controllers.ready = lambda pod: pod["metadata"]["uid"] != bad["uid"]
        here.series["max(kube_pod_container_status_waiting_reason{reason='CrashLoopBackOff'"] = lambda: (
            bad["uid"] in [pod["metadata"]["uid"] for pod in here.pods()]
        )
        labels = {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": bad["name"], "container": "cart"}
        here.firing.append(
            Firing(
                {**labels, "severity": "warning"}, lambda: bad["name"] in [p["metadata"]["name"] for p in here.pods()]
            )
        )
        done = await here.ended(2 * HOUR)
        assert (done.state, done.plan.rule) == ("succeeded", EVICT), done
        assert len(here.ready()) == 3
        assert await here.open() == []

    staged(tmp_path, trusted(EVICT), play)


def test_a_node_that_stops_answering_gets_its_kubelet_back(tmp_path: Path) -> None:
    """KubeNodeNotReady while the machine itself answers: its kubelet is restarted over SSH, and the cluster hears of it again."""

    async def play(here: Installation) -> None:
        def perform(order: Order) -> Ran:
            if order.argv[1:] == ("restart", "kubelet.service"):
                here.hear_of(order.target.removeprefix("host/"), ready=True)
            return Ran()

        here.machines.perform = perform
        here.series["max(kube_node_status_condition{condition='Ready'"] = lambda: here.is_heard_of("worker-2")
        labels = {"alertname": "KubeNodeNotReady", "node": "worker-2", "severity": "critical"}
        here.firing.append(Firing(labels, lambda: not here.is_heard_of("worker-2")))
        here.hear_of("worker-2", ready=False)
        done = await here.ended(HOUR)
        assert (done.state, done.plan.rule) == ("succeeded", KUBELET), done
        assert [one.argv[1:] for one in here.machines.effects] == [("restart", "kubelet.service")]
        assert await here.open() == []

    staged(tmp_path, trusted(KUBELET), play)


def test_a_drain_waits_for_a_disruption_budget(tmp_path: Path) -> None:
    """KubeNodeReadinessFlapping: as long as the budget needs every pod none is evicted, and no longer than that; then the node is
    empty and stays cordoned."""

    async def play(here: Installation) -> None:
        budget = {
            "metadata": {"name": "cart"},
            "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "cart"}}},
        }
        here.cluster.objects.create("poddisruptionbudgets", "shop", budget)
        _flaps(here)
        while not here.cluster.objects.get("nodes", "", "worker-1")["spec"].get("unschedulable"):
            await here.passed(10 * SECOND)
        before = {pod["metadata"]["uid"] for pod in here.on("worker-1")}
        await here.passed(2 * MINUTE)
        assert {pod["metadata"]["uid"] for pod in here.on("worker-1")} == before
        was = here.cluster.objects.get("poddisruptionbudgets", "shop", "cart")
        here.cluster.objects.replace("poddisruptionbudgets", was, {**was, "spec": {**was["spec"], "minAvailable": 2}})
        done = await here.ended(HOUR)
        assert (done.state, done.plan.rule) == ("succeeded", DRAIN), done
        assert here.on("worker-1") == []
        assert here.cluster.objects.get("nodes", "", "worker-1")["spec"]["unschedulable"] is True
        assert len(here.ready()) == 3

    staged(tmp_path, trusted(DRAIN), play)


def test_a_drain_that_a_disruption_budget_forbids_goes_to_people(tmp_path: Path) -> None:
    """Until its deadline nothing was evicted, and why says which budget it was."""

    async def play(here: Installation) -> None:
        budget = {
            "metadata": {"name": "cart"},
            "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "cart"}}},
        }
        here.cluster.objects.create("poddisruptionbudgets", "shop", budget)
        _flaps(here)
        before = {pod["metadata"]["uid"] for pod in here.pods()}
        done = await here.ended(2 * HOUR)
        assert done.state == "failed", done
        assert "The disruption budget cart needs 3 healthy pods" in done.detail
        assert {pod["metadata"]["uid"] for pod in here.pods()} == before

    hasty = trusted(DRAIN).replace('"drain_node"', '"drain_node", timeout: 2m')
    staged(tmp_path, hasty, play)


def _flaps(here: Installation) -> None:
    here.series["count(kube_pod_info{node='worker-1'"] = lambda: len(here.on("worker-1"))
    labels = {"alertname": "KubeNodeReadinessFlapping", "node": "worker-1", "severity": "warning"}
    here.firing.append(Firing(labels, lambda: True))
