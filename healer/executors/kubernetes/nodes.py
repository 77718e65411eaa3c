"""cordon_node, uncordon_node and drain_node: no new pods on a machine, and its pods elsewhere, as disruption budgets allow."""

import asyncio

from healer.executors.kubernetes.action import Given, nothing
from healer.executors.kubernetes.api import Api, Denied, Json
from healer.executors.kubernetes.fence import DONE, annotations
from healer.executors.kubernetes.held import PAUSE_S, Held
from healer.executors.kubernetes.pods import FORBIDDEN_BY_BUDGET, eviction, grace_s, is_leaving
from healer.executors.target import Result
from healer.executors.view import View

CORDONED = "healer/cordoned"
"""The intent by which healer cordoned a node: what a person cordoned is not healer's to uncordon."""
_MIRROR = "kubernetes.io/config.mirror"
_OVER = ("Succeeded", "Failed")
SHOWN = 5


def is_cordoned(node: Json) -> bool:
    return bool(node["spec"].get("unschedulable"))


class _OfNode:
    """What is done to a machine of the cluster."""

    resources = ("nodes",)

    def gone(self, given: Given) -> Result:  # noqa: ARG002 - part of the port
        return nothing("the node is not in the cluster any more")


class CordonNode(_OfNode):
    async def view(self, api: Api, path: str, found: Json, given: Given) -> View:  # noqa: ARG002 - part of the port
        if is_cordoned(found):
            return View("the node takes no new pods", verdict="nothing", mark="cordoned")
        return await _dry(api, path, View("the node takes new pods", "it takes none", mark="open"), unschedulable=True)

    async def act(self, held: Held, given: Given) -> Result:  # noqa: ARG002 - part of the port
        await cordon(held)
        return Result("succeeded", exit_code=0, output=f"{held.name} is cordoned")

    async def settle(self, held: Held, given: Given, *, ours: bool) -> Result:  # noqa: ARG002 - part of the port
        return _done(held, "cordoned")


class UncordonNode(_OfNode):
    async def view(self, api: Api, path: str, found: Json, given: Given) -> View:  # noqa: ARG002 - part of the port
        if not is_cordoned(found):
            return View("the node takes new pods", verdict="nothing", mark="open")
        if CORDONED not in annotations(found):
            return View("a person cordoned the node, and has to uncordon it", verdict="impossible", mark="cordoned")
        return await _dry(
            api, path, View("the node takes no new pods", "it takes them", mark="cordoned"), unschedulable=None
        )

    async def act(self, held: Held, given: Given) -> Result:  # noqa: ARG002 - part of the port
        if is_cordoned(held.found) and CORDONED not in annotations(held.found):
            return nothing("a person cordoned the node, and has to uncordon it")
        await held.change({CORDONED: None}, spec={"unschedulable": None})
        return Result("succeeded", exit_code=0, output=f"{held.name} is open for new pods")

    async def settle(self, held: Held, given: Given, *, ours: bool) -> Result:  # noqa: ARG002 - part of the port
        return _done(held, "uncordoned")


class DrainNode(_OfNode):
    """Cordon, then evict what is not a DaemonSet's or a mirror of a static pod, until none is left."""

    async def view(self, api: Api, path: str, found: Json, given: Given) -> View:  # noqa: ARG002 - part of the port
        leaving = await evictable(api, found["metadata"]["name"])
        if orphans := _orphans(leaving):
            return View(orphans, verdict="impossible", mark=str(len(leaving)))
        state = "cordoned" if is_cordoned(found) else "open for new pods"
        if not leaving and is_cordoned(found):
            return View("the node is drained", verdict="nothing", mark="drained")
        return View(f"{state}, {len(leaving)} pods that can go: {_names(leaving)}", "cordoned, none", mark=state)

    async def act(self, held: Held, given: Given) -> Result:
        if orphans := _orphans(await evictable(held.api, held.name)):
            return nothing(orphans)
        if not is_cordoned(held.found):
            await cordon(held)
        refused: dict[str, str] = {}
        while left := await evictable(held.api, held.name):
            if not held.in_time():
                why = "; ".join(dict.fromkeys(refused.values()))
                return Result("failed", exit_code=1, why=f"{len(left)} pods are left ({_names(left)}). {why}".strip())
            # A holder that was overtaken evicts nothing more.
            await held.refresh()
            held.touched = True
            refused = await _evict([pod for pod in left if not is_leaving(pod)], held.api, given)
            await asyncio.sleep(PAUSE_S)
        await held.change()
        return Result("succeeded", exit_code=0, output=f"{held.name} is drained")

    async def settle(self, held: Held, given: Given, *, ours: bool) -> Result:  # noqa: ARG002 - part of the port
        if annotations(held.found).get(DONE) != held.order.intent and not is_cordoned(held.found):
            return nothing(f"{held.name} was not even cordoned")
        left = await evictable(held.api, held.name)
        if not left:
            return Result("succeeded", exit_code=0, output=f"{held.name} is drained")
        return Result(
            "failed", exit_code=1, why=f"broken off: it is cordoned, and {len(left)} pods are left ({_names(left)})"
        )


async def cordon(held: Held) -> None:
    """Cordon, and remember that a rule did; where a person had done it before, it stays the person's."""
    if not is_cordoned(held.found):
        await held.change({CORDONED: held.order.intent}, spec={"unschedulable": True})


async def evictable(api: Api, node: str) -> list[Json]:
    """The pods of a node that a drain moves."""
    found = await api.get("/api/v1/pods", {"fieldSelector": f"spec.nodeName={node}"})
    return [pod for pod in found["items"] if not _stays(pod)]


async def _evict(pods: list[Json], api: Api, given: Given) -> dict[str, str]:
    """Ask each pod to go; by name why some may not yet."""
    refused = {}
    for pod in pods:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/eviction"
        options = {"preconditions": {"uid": meta["uid"]}, "gracePeriodSeconds": grace_s(given)}
        try:
            await api.post(path, eviction(meta["namespace"], meta["name"], options))
        except Denied as error:
            if error.status not in (404, 409, FORBIDDEN_BY_BUDGET):
                raise
            if error.status == FORBIDDEN_BY_BUDGET:
                refused[meta["name"]] = str(error)
    return refused


def _stays(pod: Json) -> bool:
    if _MIRROR in annotations(pod) or (pod.get("status") or {}).get("phase") in _OVER:
        return True
    return any(one.get("kind") == "DaemonSet" and one.get("controller") for one in _owners(pod))


def _orphans(pods: list[Json]) -> str:
    """Why a drain would lose something: pods that nobody makes again."""
    alone = [pod for pod in pods if not any(one.get("controller") for one in _owners(pod))]
    return f"nobody would make these pods again: {_names(alone)}" if alone else ""


def _owners(pod: Json) -> list[Json]:
    return pod["metadata"].get("ownerReferences") or []


def _names(pods: list[Json]) -> str:
    names = [f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in pods]
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


async def _dry(api: Api, path: str, view: View, *, unschedulable: bool | None) -> View:
    try:
        await api.patch(path, {"spec": {"unschedulable": unschedulable}}, dry=True)
    except Denied as error:
        return View(f"{view.now}; {error}", verdict="impossible", mark=view.mark)
    return view


def _done(held: Held, what: str) -> Result:
    if annotations(held.found).get(DONE) == held.order.intent:
        return Result("succeeded", exit_code=0, output=f"{held.name} was {what}")
    return nothing(f"{held.name} was not {what}")
