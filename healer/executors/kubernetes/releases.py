"""helm_rollback: a release of Helm back to an earlier revision, by a Job in its own namespace. Part of `target`.

The Job runs helm with an account of its own: healer needs to read no release, which is a Secret with all that was ever
installed. It is named after its intent, as every Job that healer creates: no intent can have two.
"""

import re

from healer.executors.kubernetes.action import Given, nothing
from healer.executors.kubernetes.api import Api, Denied, Json
from healer.executors.kubernetes.fence import annotations
from healer.executors.kubernetes.held import Held
from healer.executors.kubernetes.helm_settings import HelmSettings
from healer.executors.kubernetes.jobs import carried_out, job_of, jobs_in, settled
from healer.executors.target import Order, Result
from healer.executors.typed import Unreadable
from healer.executors.view import View

RELEASE, NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
"""helm's own annotations on what it installed."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
SPARE_S = 10
"""Seconds by which helm gives up before its Job is ended, so that it says why."""


class HelmRollback:
    """To the revision before this one, or to the one that is named."""

    resources = ("deployments", "statefulsets", "daemonsets", "services")

    def __init__(self, settings: HelmSettings) -> None:
        self._settings = settings

    async def view(self, api: Api, path: str, found: Json, given: Given) -> View:  # noqa: ARG002 - part of the port
        try:
            release, namespace = _release(found)
        except Unreadable as error:
            return View(str(error), verdict="impossible")
        revision = int(given.get("revision", 0))
        try:
            await api.post(jobs_in(namespace), self._job(found, Order("look", 0, 0, "", "", (), 60), given), dry=True)
        except Denied as error:
            return View(f"release {release}; {error}", verdict="impossible")
        return View(f"release {release}", f"revision {revision}" if revision else "the revision before this one")

    async def act(self, held: Held, given: Given) -> Result:
        try:
            job = self._job(held.found, held.order, given)
        except Unreadable as error:
            return nothing(str(error))
        return await carried_out(held, job)

    async def settle(self, held: Held, given: Given, *, ours: bool) -> Result:  # noqa: ARG002 - part of the port
        try:
            job = self._job(held.found, held.order, given)
        except Unreadable as error:
            return Result("unknown", why=str(error))
        return await settled(held, job)

    def gone(self, given: Given) -> Result:  # noqa: ARG002 - part of the port
        return Result("unknown", why="what the release had installed is gone: look how its job ended")

    def _job(self, found: Json, order: Order, given: Given) -> Json:
        release, namespace = _release(found)
        waits = max(order.deadline_s - SPARE_S, 1)
        command = ["helm", "rollback", release, str(int(given.get("revision", 0)))]
        options = [f"--namespace={namespace}", "--wait", f"--timeout={waits}s"]
        pod = {
            "serviceAccountName": self._settings.service_account,
            "restartPolicy": "Never",
            "containers": [{"name": "helm", "image": self._settings.image, "command": [*command, *options]}],
        }
        return job_of(order, namespace, f"healer-{release}", {}, {"backoffLimit": 0, "template": {"spec": pod}})


def _release(found: Json) -> tuple[str, str]:
    """The release that installed an object, and its namespace. Raises Unreadable."""
    said = annotations(found)
    release = said.get(RELEASE, "")
    namespace = said.get(NAMESPACE, "") or str(found["metadata"].get("namespace", ""))
    if not _NAME.fullmatch(release) or not _NAME.fullmatch(namespace):
        raise Unreadable(f"{found['metadata']['name']} was not installed by helm: it has no annotation {RELEASE}")
    if namespace != found["metadata"].get("namespace"):
        raise Unreadable(f"release {release} is in the namespace {namespace}, and what it installed is in another one")
    return release, namespace
