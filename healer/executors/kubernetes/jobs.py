"""run_job and delete_job. A Job that healer creates is named after its intent, so that no intent can have two."""

import asyncio
import hashlib
import re
from typing import Any

from healer.executors.kubernetes.action import Given, nothing
from healer.executors.kubernetes.api import Api, Denied, Json
from healer.executors.kubernetes.fence import INTENT, annotations
from healer.executors.kubernetes.held import PAUSE_S, Held
from healer.executors.target import Order, Result
from healer.executors.view import View

_STOPPED = "healer/stopped"
"""On a Job that a prober made, suspended, so that the one whose outcome nobody knew can never begin."""
_ODD = re.compile(r"[^a-z0-9]+")


class DeleteJob:
    """With its pods."""

    resources = ("jobs",)

    async def view(self, api: Api, path: str, found: Json, given: Given) -> View:  # noqa: ARG002 - part of the port
        meta = found["metadata"]
        if meta.get("deletionTimestamp"):
            return View(f"job {meta['name']} is being deleted", verdict="nothing", mark="leaving")
        now = f"job {meta['name']} {how_it_ended(found)[1] or 'is running'}"
        try:
            await api.delete(path, _options({"uid": meta["uid"]}), dry=True)
        except Denied as error:
            return View(f"{now}; {error}", verdict="impossible", mark=meta["uid"])
        return View(now, "gone, with its pods", mark=meta["uid"])

    async def act(self, held: Held, given: Given) -> Result:  # noqa: ARG002 - part of the port
        await held.under_claim(lambda: held.api.delete(held.path, _options(held.preconditions())))
        return Result("succeeded", exit_code=0, output=f"job {held.name} was deleted")

    async def settle(self, held: Held, given: Given, *, ours: bool) -> Result:  # noqa: ARG002 - part of the port
        if held.found["metadata"].get("deletionTimestamp"):
            return Result("succeeded", exit_code=0, output=f"job {held.name} is being deleted")
        if ours:
            return nothing(f"job {held.name} is still there")
        return Result("unknown", why=f"nothing tells whether this job {held.name} is the one that was to go")

    def gone(self, given: Given) -> Result:  # noqa: ARG002 - part of the port
        return Result("succeeded", exit_code=0, output="the job is gone")


class RunJob:
    """A Job by the template of the CronJob that the parameter `template` names, followed to its end."""

    resources = ("cronjobs",)

    async def view(self, api: Api, path: str, found: Json, given: Given) -> View:  # noqa: ARG002 - part of the port
        meta = found["metadata"]
        order = Order("look", 0, 0, "", "", (), 60)
        try:
            await api.post(jobs_in(meta["namespace"]), _job(found, order), dry=True)
        except Denied as error:
            return View(f"cron job {meta['name']}; {error}", verdict="impossible")
        images = [str(one.get("image", "?")) for one in _template(found)["spec"]["template"]["spec"]["containers"]]
        return View(f"cron job {meta['name']}", f"a job of it, run to its end: {', '.join(images)}")

    async def act(self, held: Held, given: Given) -> Result:  # noqa: ARG002 - part of the port
        return await carried_out(held, _job(held.found, held.order))

    async def settle(self, held: Held, given: Given, *, ours: bool) -> Result:  # noqa: ARG002 - part of the port
        return await settled(held, _job(held.found, held.order))

    def gone(self, given: Given) -> Result:
        return nothing(f"there is no cron job {given.get('template', '')} any more")


async def carried_out(held: Held, job: Json) -> Result:
    """Create a Job that is named after the order's intent, or find it created, and follow it to its end. Raises as `act`."""
    made = await _made(held, job)
    if _STOPPED in annotations(made):
        return nothing("a prober stopped it before it began")
    held.touched = True
    return await _follow(held, made)


async def settled(held: Held, job: Json) -> Result:
    """What became of such a Job, seen by a prober: one that was never created is created at rest, and cannot begin any more."""
    made = await held.api.find(_path(job))
    if made is None:
        why = "nobody knew whether it had been created: it may not begin any more"
        meta = {**job["metadata"], "annotations": {**job["metadata"]["annotations"], _STOPPED: why}}
        made = await _made(held, {**job, "metadata": meta, "spec": {**job["spec"], "suspend": True}})
    if _STOPPED in annotations(made):
        return nothing("the job was never created")
    ended, words = how_it_ended(made)
    if ended is None:
        return Result("unknown", why=f"job {made['metadata']['name']} is running")
    return _result(made, ended, words)


async def _made(held: Held, job: Json) -> Json:
    try:
        return await held.api.post(jobs_in(job["metadata"]["namespace"]), job)
    except Denied as error:
        if error.reason != "AlreadyExists":
            raise
        return await held.api.get(_path(job))


async def _follow(held: Held, made: Json) -> Result:
    while True:
        ended, words = how_it_ended(made)
        if ended is not None:
            return _result(made, ended, words)
        if not held.in_time():
            # activeDeadlineSeconds ends it there; until that shows, nobody knows how it ends.
            return Result("unknown", why=f"job {made['metadata']['name']} was still running at the deadline")
        await asyncio.sleep(PAUSE_S)
        made = await held.api.get(_path(made))


def _result(made: Json, ended: bool, words: str) -> Result:
    name = made["metadata"]["name"]
    if ended:
        return Result("succeeded", exit_code=0, output=f"job {name} {words}")
    return Result("failed", exit_code=1, why=f"job {name} {words}")


def how_it_ended(job: Json) -> tuple[bool | None, str]:
    """Whether a Job ended well, None while it has not ended, and how, in words."""
    for one in (job.get("status") or {}).get("conditions") or ():
        if one.get("status") == "True" and one.get("type") == "Complete":
            return True, "is complete"
        if one.get("status") == "True" and one.get("type") == "Failed":
            return False, f"failed: {one.get('message') or one.get('reason', '')}"
    return None, ""


def _job(cron: Json, order: Order) -> Json:
    """The Job by a cron job's template."""
    meta, template = cron["metadata"], _template(cron)
    own = template.get("metadata") or {}
    return job_of(order, meta["namespace"], meta["name"], own, template["spec"])


def job_of(order: Order, namespace: str, called: str, own: Json, spec: Json) -> Json:
    """The Job of an intent. The server ends it at the order's deadline, whoever is there to see it."""
    until = min(int(spec.get("activeDeadlineSeconds", order.deadline_s)), order.deadline_s)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name_of(called, order.intent),
            "namespace": namespace,
            "labels": own.get("labels") or {},
            "annotations": {**(own.get("annotations") or {}), INTENT: order.intent},
        },
        "spec": {**spec, "activeDeadlineSeconds": until},
    }


def name_of(template: str, intent: str) -> str:
    """At most 63 characters, as a label's value may have; the intent in full is in the annotations."""
    digest = hashlib.blake2b(intent.encode(), digest_size=8).hexdigest()
    return f"{_ODD.sub('-', template.lower())[:40].strip('-')}-{digest}"


def _template(cron: Json) -> dict[str, Any]:
    found: dict[str, Any] = cron["spec"]["jobTemplate"]
    return found


def jobs_in(namespace: str) -> str:
    """Where a namespace's Jobs are."""
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def _path(job: Json) -> str:
    return f"{jobs_in(job['metadata']['namespace'])}/{job['metadata']['name']}"


def _options(conditions: Json) -> Json:
    return {"preconditions": conditions, "propagationPolicy": "Background"}
