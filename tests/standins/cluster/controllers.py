"""What goes on in a cluster by itself: rollouts, pods that start and end, Jobs that complete. One call is one round of all."""

import hashlib
import json
from collections.abc import Callable

from tests.standins.cluster.objects import Json, Objects, Refusal

REVISION = "deployment.kubernetes.io/revision"


class Controllers:
    """`ready(pod)` says whether a pod's containers become ready; `stuck` nodes have kubelets that end nothing."""

    def __init__(self, objects: Objects, now: Callable[[], float]) -> None:
        self.ready: Callable[[Json], bool] = lambda pod: True
        self.stuck: set[str] = set()
        self.fails: set[str] = set()
        self._objects = objects
        self._now = now
        self._ending: dict[str, float] = {}

    def round(self) -> None:
        self._end_pods()
        self._run_jobs()
        for deployment in list(self._objects.every("deployments")):
            self._roll(deployment)
        self._start_pods()
        for deployment in list(self._objects.every("deployments")):
            self._report(deployment)
        for node in list(self._objects.every("nodes")):
            self._taint(node)

    # --- pods

    def _end_pods(self) -> None:
        for pod in list(self._objects.every("pods")):
            meta = pod["metadata"]
            if not meta.get("deletionTimestamp") or pod["spec"].get("nodeName") in self.stuck:
                continue
            until = self._ending.setdefault(
                meta["uid"], self._now() + min(meta.get("deletionGracePeriodSeconds", 0), 0.05)
            )
            if self._now() >= until:
                self._objects.drop("pods", meta["namespace"], meta["name"])

    def _start_pods(self) -> None:
        open_ = [node for node in self._objects.every("nodes") if not node["spec"].get("unschedulable")]
        for number, pod in enumerate(list(self._objects.every("pods"))):
            if not pod["spec"].get("nodeName") and open_:
                pod["spec"]["nodeName"] = open_[number % len(open_)]["metadata"]["name"]
            well = bool(pod["spec"].get("nodeName")) and self.ready(pod)
            status = {
                "phase": "Running" if pod["spec"].get("nodeName") else "Pending",
                "conditions": [{"type": "Ready", "status": "True" if well else "False"}],
            }
            if pod.get("status") != status and not pod["metadata"].get("deletionTimestamp"):
                self._objects.write("pods", {**pod, "status": status})

    # --- deployments

    def _roll(self, deployment: Json) -> None:
        meta, spec = deployment["metadata"], deployment["spec"]
        digest = hashlib.blake2b(json.dumps(spec["template"], sort_keys=True).encode(), digest_size=5).hexdigest()
        name = f"{meta['name']}-{digest}"
        sets = {
            one["metadata"]["name"]: one
            for one in self._objects.every("replicasets", meta["namespace"])
            if _is_of(one, meta)
        }
        newest = max((revision(one) for one in sets.values()), default=0)
        if name not in sets:
            template = json.loads(json.dumps(spec["template"]))
            template.setdefault("metadata", {}).setdefault("labels", {})["pod-template-hash"] = digest
            made: Json = {
                "metadata": {
                    "name": name,
                    "labels": template["metadata"]["labels"],
                    "annotations": {REVISION: str(newest + 1)},
                    "ownerReferences": [_owner(deployment)],
                },
                "spec": {"replicas": 0, "selector": spec["selector"], "template": template},
            }
            sets[name] = self._objects.create("replicasets", meta["namespace"], made)
        elif revision(sets[name]) < newest:
            sets[name]["metadata"]["annotations"][REVISION] = str(newest + 1)
            sets[name] = self._objects.write("replicasets", sets[name])
        self._scale(deployment, sets, name)
        said = str(revision(sets[name]))
        if (meta.get("annotations") or {}).get(REVISION) != said:
            deployment["metadata"].setdefault("annotations", {})[REVISION] = said
            self._objects.write("deployments", deployment)

    def _scale(self, deployment: Json, sets: dict[str, Json], newest: str) -> None:
        """One pod more of the newest revision at a time; one of the older ones goes for each that is ready."""
        wanted, namespace = deployment["spec"].get("replicas", 1), deployment["metadata"]["namespace"]
        pods = {name: self._pods(one) for name, one in sets.items()}
        ready = sum(map(_is_ready, pods[newest]))
        others = [pod for name, found in pods.items() if name != newest for pod in found]
        have = len(pods[newest])
        for pod in pods[newest][wanted:]:
            self.delete_pod(pod)
        if have < wanted and (have == ready or not others):
            for _ in range(wanted - have if not others else 1):
                self._make_pod(sets[newest], namespace)
        for pod in others[max(wanted - ready, 0) :]:
            self.delete_pod(pod)

    def _report(self, deployment: Json) -> None:
        meta = deployment["metadata"]
        sets = [one for one in self._objects.every("replicasets", meta["namespace"]) if _is_of(one, meta)]
        newest = max(sets, key=revision)
        pods = [pod for one in sets for pod in self._pods(one)]
        status = {
            "observedGeneration": meta["generation"],
            "replicas": len(pods),
            "updatedReplicas": len(self._pods(newest)),
            "readyReplicas": sum(map(_is_ready, pods)),
            "availableReplicas": sum(map(_is_ready, pods)),
        }
        if {key: deployment["status"].get(key) for key in status} != status:
            deployment["status"] = {**deployment["status"], **status}
            self._objects.write("deployments", deployment)
        for one in sets:
            count = len(self._pods(one))
            if one["spec"]["replicas"] != count:
                one["spec"]["replicas"] = count
                self._objects.write("replicasets", one)

    def _pods(self, owner: Json) -> list[Json]:
        namespace, uid = owner["metadata"]["namespace"], owner["metadata"]["uid"]
        found = [pod for pod in self._objects.every("pods", namespace) if _is_of(pod, {"uid": uid})]
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]

    def _make_pod(self, owner: Json, namespace: str) -> None:
        template = json.loads(json.dumps(owner["spec"]["template"]))
        meta = {
            **template.get("metadata", {}),
            "generateName": f"{owner['metadata']['name']}-",
            "ownerReferences": [_owner(owner)],
        }
        self._objects.create("pods", namespace, {"metadata": meta, "spec": template.get("spec", {})})

    def delete_pod(self, pod: Json, grace: int = 0) -> Json:
        """Tell a pod to end; its kubelet does the rest."""
        pod["metadata"] |= {"deletionTimestamp": self._objects.stamp(), "deletionGracePeriodSeconds": grace}
        return self._objects.write("pods", pod)

    # --- jobs, nodes, budgets

    def _run_jobs(self) -> None:
        for job in list(self._objects.every("jobs")):
            if job["spec"].get("suspend") or job["status"].get("conditions"):
                continue
            if not job["status"].get("startTime"):
                job["status"] = {"active": 1, "startTime": self._objects.stamp()}
            elif job["spec"]["template"]["spec"]["containers"][0].get("image") in self.fails:
                said = {"reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}
                job["status"] = {"failed": 1, "conditions": [{"type": "Failed", "status": "True", **said}]}
            else:
                job["status"] = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
            self._objects.write("jobs", job)

    def _taint(self, node: Json) -> None:
        taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
        wanted = [taint] if node["spec"].get("unschedulable") else []
        if (node["spec"].get("taints") or []) != wanted:
            node["spec"]["taints"] = wanted
            self._objects.write("nodes", node)

    def evictable(self, pod: Json) -> None:
        """Raises Refusal when a disruption budget forbids that it goes."""
        labels = pod["metadata"].get("labels") or {}
        for budget in self._objects.every("poddisruptionbudgets", pod["metadata"]["namespace"]):
            chosen = budget["spec"]["selector"]["matchLabels"]
            if not chosen.items() <= labels.items():
                continue
            pods = [
                one
                for one in self._objects.every("pods", pod["metadata"]["namespace"])
                if chosen.items() <= (one["metadata"].get("labels") or {}).items()
            ]
            healthy = sum(_is_ready(one) for one in pods)
            needed = budget["spec"].get("minAvailable", len(pods) - budget["spec"].get("maxUnavailable", 0))
            if healthy <= needed:
                name = budget["metadata"]["name"]
                why = f"The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"
                message = "Cannot evict pod as it would violate the pod's disruption budget."
                causes = [{"reason": "DisruptionBudget", "message": why}]
                raise Refusal(429, "TooManyRequests", message, {"causes": causes})


def revision(one: Json) -> int:
    return int((one["metadata"].get("annotations") or {}).get(REVISION, "0"))


def _is_ready(pod: Json) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    return any(
        one["type"] == "Ready" and one["status"] == "True" for one in pod.get("status", {}).get("conditions", ())
    )


def _is_of(one: Json, owner: Json) -> bool:
    return any(said["uid"] == owner["uid"] for said in one["metadata"].get("ownerReferences", ()))


def _owner(one: Json) -> Json:
    meta = one["metadata"]
    return {
        "apiVersion": one["apiVersion"],
        "kind": one["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }
