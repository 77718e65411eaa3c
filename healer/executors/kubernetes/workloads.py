"""rollout_restart, rollout_undo and scale: what keeps a number of pods running, and how far it has come with a change."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from healer.executors.kubernetes.action import Given, nothing
from healer.executors.kubernetes.api import STRATEGIC, Api, Denied, Json
from healer.executors.kubernetes.fence import DONE, annotations
from healer.executors.kubernetes.held import PAUSE_S, Held
from healer.executors.target import Result
from healer.executors.view import View
from healer.times import SECOND, Micros

RESTARTED = "kubectl.kubernetes.io/restartedAt"
REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"


class _Rollout:
    """What replaces pods, and is done when every one is of the new revision."""

    resources: tuple[str, ...] = ("deployments", "statefulsets", "daemonsets")

    async def settle(self, held: Held, given: Given, *, ours: bool) -> Result:  # noqa: ARG002 - part of the port
        return _settled(held)

    def gone(self, given: Given) -> Result:  # noqa: ARG002 - part of the port
        return nothing("the workload is not there any more")


class RolloutRestart(_Rollout):
    """Pods are replaced one after another, as the workload's strategy says."""

    async def view(self, api: Api, path: str, found: Json, given: Given) -> View:  # noqa: ARG002 - part of the port
        at = _restarted_at(found)
        mark = f"{at} {annotations(found).get(DONE, '')}"
        try:
            await api.patch(path, _restart("1970-01-01T00:00:00Z"), dry=True)
        except Denied as error:
            return View(f"{progress(found)[1]}; {error}", verdict="impossible", mark=mark)
        return View(progress(found)[1], "all pods replaced, one after another", mark=mark)

    async def act(self, held: Held, given: Given) -> Result:  # noqa: ARG002 - part of the port
        await held.change(**_restart(_written(held.clock.now())))
        return await rolled_out(held)


class Scale(_Rollout):
    """To a number of pods, wherever it was."""

    resources = ("deployments", "statefulsets")

    async def view(self, api: Api, path: str, found: Json, given: Given) -> View:
        wanted, now = int(given["replicas"]), int(found["spec"].get("replicas", 1))
        if wanted == now:
            return View(f"{now} replicas", verdict="nothing", mark=str(now))
        try:
            await api.patch(path, {"spec": {"replicas": wanted}}, dry=True)
        except Denied as error:
            return View(f"{now} replicas; {error}", verdict="impossible", mark=str(now))
        return View(f"{now} replicas", f"{wanted} replicas", mark=str(now))

    async def act(self, held: Held, given: Given) -> Result:
        was = held.found["spec"].get("replicas", 1)
        await held.change(spec={"replicas": int(given["replicas"])})
        return Result("succeeded", exit_code=0, output=f"{held.name}: {was} replicas -> {given['replicas']}")

    async def settle(self, held: Held, given: Given, *, ours: bool) -> Result:  # noqa: ARG002 - part of the port
        if annotations(held.found).get(DONE) == held.order.intent:
            return Result("succeeded", exit_code=0, output=f"{held.name} was scaled to {given['replicas']} replicas")
        return nothing(f"{held.name} was not scaled")


class RolloutUndo(_Rollout):
    """To the revision before the present one."""

    async def view(self, api: Api, path: str, found: Json, given: Given) -> View:  # noqa: ARG002 - part of the port
        number, change = await _previous(api, path, found)
        mark = f"{annotations(found).get(REVISION, '')} {annotations(found).get(DONE, '')}"
        images = ", ".join(_images(found["spec"]["template"]))
        if change is None:
            return View(f"{images}; there is no revision before this one", verdict="impossible", mark=mark)
        template = change["spec"]["template"]
        return View(f"{images}; {progress(found)[1]}", f"revision {number}: {', '.join(_images(template))}", mark=mark)

    async def act(self, held: Held, given: Given) -> Result:  # noqa: ARG002 - part of the port
        number, change = await _previous(held.api, held.path, held.found)
        if change is None:
            return nothing(f"{held.name} has no revision before this one")
        if "/deployments/" in held.path:
            await held.operate([{"op": "replace", "path": "/spec/template", "value": change["spec"]["template"]}])
        else:
            await held.change(kind=STRATEGIC, **change)
        return await rolled_out(held, f"back at revision {number}")


def progress(found: Json) -> tuple[bool, str]:
    """Whether the newest change has reached every pod, and how far it has come, in words."""
    spec, status = found["spec"], found.get("status") or {}
    if "numberUnavailable" in status or "desiredNumberScheduled" in status:
        wanted, updated = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
        there, ready = wanted, status.get("numberAvailable", 0)
    else:
        wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
        there, ready = status.get("replicas", 0), status.get("availableReplicas", 0)
    seen = status.get("observedGeneration", 0) >= found["metadata"].get("generation", 0)
    words = f"{updated} of {wanted} pods are of the newest revision, {ready} are available"
    if not seen:
        return False, f"its controller has not seen the change yet; {words}"
    return updated == wanted == there == ready, words


async def rolled_out(held: Held, what: str = "") -> Result:
    """Wait until the change has reached every pod, at the latest until the deadline."""
    if _by_hand(held.found):
        return Result(
            "succeeded", exit_code=0, output="changed; its pods are replaced when somebody deletes them (OnDelete)"
        )
    while True:
        done, words = progress(held.found)
        if done:
            return Result("succeeded", exit_code=0, output=f"{what}: {words}" if what else words)
        stuck = _stuck(held.found)
        if stuck or not held.in_time():
            return Result("failed", exit_code=1, output=words, why=stuck or f"not rolled out in time: {words}")
        await asyncio.sleep(PAUSE_S)
        await held.refresh()


def _settled(held: Held) -> Result:
    if annotations(held.found).get(DONE) != held.order.intent:
        return nothing(f"{held.name} was not changed")
    done, words = progress(held.found)
    if done or _by_hand(held.found):
        return Result("succeeded", exit_code=0, output=words)
    if stuck := _stuck(held.found):
        return Result("failed", exit_code=1, output=words, why=stuck)
    return Result("unknown", why=f"it is being rolled out: {words}")


def _stuck(found: Json) -> str:
    for one in (found.get("status") or {}).get("conditions") or ():
        if one.get("type") == "Progressing" and one.get("reason") == "ProgressDeadlineExceeded":
            return f"its rollout is stuck: {one.get('message', '')}"
    return ""


def _by_hand(found: Json) -> bool:
    return (found["spec"].get("updateStrategy") or {}).get("type") == "OnDelete"


def _restart(at: str) -> dict[str, Any]:
    return {"spec": {"template": {"metadata": {"annotations": {RESTARTED: at}}}}}


def _restarted_at(found: Json) -> str:
    meta = found["spec"]["template"].get("metadata") or {}
    return str((meta.get("annotations") or {}).get(RESTARTED, ""))


def _written(at: Micros) -> str:
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _images(template: Json) -> list[str]:
    return [str(one.get("image", "?")) for one in (template.get("spec") or {}).get("containers") or ()]


async def _previous(api: Api, path: str, found: Json) -> tuple[int, Json | None]:
    """The revision before the present one, and the change that brings it back; None where there is none."""
    base, _, _ = path.rpartition("/")
    labels = (found["spec"].get("selector") or {}).get("matchLabels") or {}
    query = {"labelSelector": ",".join(f"{name}={value}" for name, value in sorted(labels.items()))}
    uid = found["metadata"]["uid"]
    if base.endswith("/deployments"):
        sets = (await api.get(f"{base.removesuffix('deployments')}replicasets", query))["items"]
        known = {int(annotations(one).get(REVISION, "0")): one for one in sets if _belongs(one, uid)}
        if len(known) < 2:
            return 0, None
        number = sorted(known)[-2]
        template = known[number]["spec"]["template"]
        meta = dict(template.get("metadata") or {})
        meta["labels"] = {name: value for name, value in (meta.get("labels") or {}).items() if name != _HASH}
        return number, {"spec": {"template": {**template, "metadata": meta}}}
    kept = (await api.get(f"{base.rpartition('/')[0]}/controllerrevisions", query))["items"]
    revisions = {int(one["revision"]): one["data"] for one in kept if _belongs(one, uid)}
    if len(revisions) < 2:
        return 0, None
    number = sorted(revisions)[-2]
    return number, revisions[number]


def _belongs(one: Json, uid: str) -> bool:
    return any(owner.get("uid") == uid for owner in one["metadata"].get("ownerReferences") or ())
