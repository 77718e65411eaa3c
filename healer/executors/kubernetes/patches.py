"""patch: a change that the settings declare under a name, so that a rule can ask for it and for nothing else."""

from collections.abc import Mapping

from healer.executors.kubernetes.action import Given, nothing
from healer.executors.kubernetes.api import Api, Denied, Json
from healer.executors.kubernetes.fence import DONE, annotations
from healer.executors.kubernetes.held import Held
from healer.executors.target import Result
from healer.executors.view import View


class Patch:
    """A merge patch of the target's own object."""

    resources = (
        "deployments",
        "statefulsets",
        "daemonsets",
        "pods",
        "nodes",
        "services",
        "persistentvolumeclaims",
        "persistentvolumes",
    )

    def __init__(self, declared: Mapping[str, Json]) -> None:
        self._declared = declared

    async def view(self, api: Api, path: str, found: Json, given: Given) -> View:
        name, mark = str(given["patch"]), annotations(found).get(DONE, "")
        if name not in self._declared:
            return View(
                f"no patch {name!r} is declared in executors.kubernetes.patches", verdict="impossible", mark=mark
            )
        try:
            after = await api.patch(path, self._declared[name], dry=True)
        except Denied as error:
            return View(str(error), verdict="impossible", mark=mark)
        if _shown(after) == _shown(found):
            return View(f"patch {name} would change nothing", verdict="nothing", mark=mark)
        return View(f"without patch {name}", f"with patch {name}", mark=mark)

    async def act(self, held: Held, given: Given) -> Result:
        name = str(given["patch"])
        if name not in self._declared:
            return nothing(f"no patch {name!r} is declared in executors.kubernetes.patches")
        change = dict(self._declared[name])
        notes = dict((change.pop("metadata", None) or {}).get("annotations") or {})
        await held.change(notes, **change)
        return Result("succeeded", exit_code=0, output=f"{held.name} was patched by {name}")

    async def settle(self, held: Held, given: Given, *, ours: bool) -> Result:  # noqa: ARG002 - part of the port
        if annotations(held.found).get(DONE) == held.order.intent:
            return Result("succeeded", exit_code=0, output=f"{held.name} was patched by {given.get('patch')}")
        return nothing(f"{held.name} was not patched")

    def gone(self, given: Given) -> Result:  # noqa: ARG002 - part of the port
        return nothing("the object is not there any more")


def _shown(found: Json) -> tuple[object, object, object]:
    """What a patch may change: not who changed it when, and not its status."""
    meta = found["metadata"]
    return found.get("spec"), meta.get("labels"), meta.get("annotations")
