"""Is an object well, by what the API server keeps as its status? For `healthy(n)` of rules. Pure.

An object that its controller has not looked at since it was changed is not well yet. Where nothing tells, nobody knows.
"""

from collections.abc import Callable, Mapping

from healer.executors.kubernetes.action import Given
from healer.executors.kubernetes.api import Api, Json
from healer.executors.kubernetes.jobs import how_it_ended
from healer.executors.kubernetes.pods import is_leaving
from healer.executors.kubernetes.workloads import progress
from healer.executors.view import View

STATUS = "status"
"""The call by which it is asked for."""
KINDS = ("pod", "workload", "job", "volume")
"""Kinds of node whose objects have a status that tells; a host has a health query of its own."""


class Status:
    """The look itself."""

    resources = (
        "nodes",
        "pods",
        "deployments",
        "statefulsets",
        "daemonsets",
        "jobs",
        "persistentvolumeclaims",
        "persistentvolumes",
    )

    async def view(self, api: Api, path: str, found: Json, given: Given) -> View:  # noqa: ARG002 - part of the port
        return View(status_of(found)[1])


def status_of(found: Json) -> tuple[bool | None, str]:
    """Whether it is well (None: what there is does not tell), and what is seen, in a sentence."""
    return _OF.get(str(found.get("kind")), _unknown)(found)


def _pod(found: Json) -> tuple[bool | None, str]:
    name, status = found["metadata"]["name"], found.get("status") or {}
    phase = str(status.get("phase", "Unknown"))
    if is_leaving(found):
        return False, f"pod {name} is being deleted"
    if phase == "Unknown":
        return None, f"nobody hears of pod {name}"
    ready = phase == "Succeeded" or (phase == "Running" and _condition(found, "Ready") == "True")
    waits = [
        str(waiting["reason"])
        for one in status.get("containerStatuses") or ()
        if (waiting := (one.get("state") or {}).get("waiting")) and waiting.get("reason")
    ]
    return ready, f"pod {name} is {', '.join([phase, *waits[:3]])}" + ("" if ready else ", not ready")


def _node(found: Json) -> tuple[bool | None, str]:
    name, ready = found["metadata"]["name"], _condition(found, "Ready")
    if ready not in ("True", "False"):
        return None, f"nobody hears of node {name}"
    return ready == "True", f"node {name} is {'ready' if ready == 'True' else 'not ready'}"


def _workload(found: Json) -> tuple[bool | None, str]:
    done, words = progress(found)
    return done, f"{found['metadata']['name']}: {words}"


def _job(found: Json) -> tuple[bool | None, str]:
    well, words = how_it_ended(found)
    return well, f"job {found['metadata']['name']} {words or 'has not ended'}"


def _volume(found: Json) -> tuple[bool | None, str]:
    phase = str((found.get("status") or {}).get("phase", ""))
    return (phase == "Bound", f"{found['metadata']['name']} is {phase}") if phase else _unknown(found)


def _unknown(found: Json) -> tuple[bool | None, str]:
    return None, f"the status of {found['metadata']['name']} does not tell"


def _condition(found: Json, name: str) -> str:
    conditions = (found.get("status") or {}).get("conditions") or ()
    return next((str(one.get("status")) for one in conditions if one.get("type") == name), "")


_OF: Mapping[str, Callable[[Json], tuple[bool | None, str]]] = {
    "Pod": _pod,
    "Node": _node,
    "Deployment": _workload,
    "StatefulSet": _workload,
    "DaemonSet": _workload,
    "Job": _job,
    "PersistentVolumeClaim": _volume,
    "PersistentVolume": _volume,
}
