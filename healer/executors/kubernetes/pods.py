"""delete_pod and evict_pod: one pod, by its uid; its controller makes another one. Eviction asks the disruption budgets."""

import asyncio

from healer.executors.kubernetes.action import Given, nothing
from healer.executors.kubernetes.api import Api, Denied, Json
from healer.executors.kubernetes.held import PAUSE_S, Held
from healer.executors.target import Result
from healer.executors.view import View
from healer.times import SECOND

FORBIDDEN_BY_BUDGET = 429


def grace_s(given: Given) -> int:
    return int(float(given.get("grace", 30 * SECOND))) // SECOND


def eviction(namespace: str, name: str, options: Json) -> Json:
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
        "deleteOptions": options,
    }


def is_leaving(pod: Json) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


class _Removal:
    """What both have in common."""

    resources = ("pods",)

    async def view(self, api: Api, path: str, found: Json, given: Given) -> View:
        name, uid = found["metadata"]["name"], found["metadata"]["uid"]
        if is_leaving(found):
            return View(f"pod {name} is being deleted", verdict="nothing", mark="leaving")
        now = f"pod {name} is {(found.get('status') or {}).get('phase', 'unknown')}"
        try:
            await self._remove(api, path, found, given, {"uid": uid}, dry=True)
        except Denied as error:
            if error.status != FORBIDDEN_BY_BUDGET:
                return View(f"{now}; {error}", verdict="impossible", mark=uid)
            now = f"{now}; {error}"
        alone = not any(one.get("controller") for one in found["metadata"].get("ownerReferences") or ())
        return View(now, "gone, and nobody makes another" if alone else "gone, and made anew", mark=uid)

    async def act(self, held: Held, given: Given) -> Result:
        while True:
            try:
                await held.under_claim(
                    lambda: self._remove(held.api, held.path, held.found, given, held.preconditions(), dry=False)
                )
                return Result("succeeded", exit_code=0, output=f"pod {held.name} was told to end")
            except Denied as error:
                if error.status != FORBIDDEN_BY_BUDGET:
                    raise
                if not held.in_time():
                    return nothing(f"{error}, and so it was until the deadline")
            await asyncio.sleep(PAUSE_S)

    async def settle(self, held: Held, given: Given, *, ours: bool) -> Result:  # noqa: ARG002 - part of the port
        if is_leaving(held.found):
            return Result("succeeded", exit_code=0, output=f"pod {held.name} is being deleted")
        if ours:
            return nothing(f"pod {held.name} is still there, and was not told to end")
        # A pod of a StatefulSet comes back under its name: this may be the next one.
        return Result(
            "unknown", why=f"nothing tells whether this pod {held.name} is the one that was to go, or the next one"
        )

    def gone(self, given: Given) -> Result:  # noqa: ARG002 - part of the port
        return Result("succeeded", exit_code=0, output="the pod is gone")

    async def _remove(self, api: Api, path: str, found: Json, given: Given, conditions: Json, *, dry: bool) -> Json:
        raise NotImplementedError


class DeletePod(_Removal):
    async def _remove(self, api: Api, path: str, found: Json, given: Given, conditions: Json, *, dry: bool) -> Json:  # noqa: ARG002
        return await api.delete(path, {"preconditions": conditions, "gracePeriodSeconds": grace_s(given)}, dry=dry)


class EvictPod(_Removal):
    async def _remove(self, api: Api, path: str, found: Json, given: Given, conditions: Json, *, dry: bool) -> Json:
        meta = found["metadata"]
        options = {"preconditions": conditions, "gracePeriodSeconds": grace_s(given)}
        return await api.post(f"{path}/eviction", eviction(meta["namespace"], meta["name"], options), dry=dry)
