"""How does an order get to what a Kubernetes API server can change? Used by the runner of `healer.remediation`.

The order's first request writes its token into the object's annotations, under the version that was seen; each further one
names the version that came of it. So the server itself refuses whoever was overtaken, however late a request lands.
"""

from collections.abc import Mapping

import msgspec

from healer.executors.kubernetes import fence
from healer.executors.kubernetes.action import Action, Look, nothing
from healer.executors.kubernetes.api import Api, Denied, Json, Lost, Unsent
from healer.executors.kubernetes.events import Events
from healer.executors.kubernetes.held import Gone, Held, Overtaken
from healer.executors.kubernetes.helm_settings import HelmSettings
from healer.executors.kubernetes.jobs import DeleteJob, RunJob
from healer.executors.kubernetes.nodes import CordonNode, DrainNode, UncordonNode
from healer.executors.kubernetes.patches import Patch
from healer.executors.kubernetes.pods import DeletePod, EvictPod
from healer.executors.kubernetes.releases import HelmRollback
from healer.executors.kubernetes.status import STATUS, Status, status_of
from healer.executors.kubernetes.workloads import RolloutRestart, RolloutUndo, Scale
from healer.executors.target import Go, Order, Result, Seen
from healer.executors.typed import Call, Unreadable, read
from healer.executors.view import View
from healer.kubernetes.names import Name, parted
from healer.seams import Clock

_GROUPS = {
    "pods": "/api/v1",
    "services": "/api/v1",
    "nodes": "/api/v1",
    "persistentvolumeclaims": "/api/v1",
    "persistentvolumes": "/api/v1",
    "deployments": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "daemonsets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
    "cronjobs": "/apis/batch/v1",
}
_OF_KIND = {
    "host": ("nodes",),
    "pod": ("pods",),
    "service": ("services",),
    "workload": ("deployments", "statefulsets", "daemonsets", "jobs"),
    "job": ("jobs",),
    "volume": ("persistentvolumeclaims", "persistentvolumes"),
}
"""Where an object of a node's kind may be found; how nodes are called says `healer.kubernetes.names`."""
_OF_THE_CLUSTER = ("nodes", "persistentvolumes")
"""Resources whose objects are in no namespace."""


class KubernetesTarget:
    """`Target` over API servers, by the names of their clusters. `patches` are those that the settings declare; with `helm` it
    rolls back releases as well."""

    def __init__(
        self,
        apis: Mapping[str, Api],
        clock: Clock,
        patches: Mapping[str, Json],
        events: Events | None = None,
        helm: HelmSettings | None = None,
    ) -> None:
        self._apis = apis
        self._events = events
        self._clock = clock
        self._actions: Mapping[str, Action] = {
            "delete_pod": DeletePod(),
            "evict_pod": EvictPod(),
            "rollout_restart": RolloutRestart(),
            "rollout_undo": RolloutUndo(),
            "scale": Scale(),
            "cordon_node": CordonNode(),
            "uncordon_node": UncordonNode(),
            "drain_node": DrainNode(),
            "delete_job": DeleteJob(),
            "run_job": RunJob(),
            "patch": Patch(patches),
            **({"rollback": HelmRollback(helm)} if helm is not None else {}),
        }

    async def run(self, order: Order, go: Go) -> Result:
        try:
            call, action = self._called(order)
            api, path, found = await self._find(order, call, action)
            if found is None:
                return nothing(f"there is no {order.target} in the cluster")
            if why := fence.impostor(found, order):
                return Result("refused", why=why, started=False, lasting=True)
            if refused := fence.stale(found, order):
                return refused
            held = Held(api, path, found, order, self._clock)
            await held.claim()
        except Unreadable as error:
            return Result("refused", why=str(error), started=False, lasting=True)
        except Overtaken:
            return Result("refused", why=f"stale: somebody newer holds {order.target}", started=False)
        except Gone:
            return nothing(f"{order.target} went away before anything was done")
        except (Unsent, Lost, Denied) as error:
            # All that may have landed is a token, which only keeps older ones out.
            down = isinstance(error, Unsent | Lost)
            return Result("failed", why=str(error), started=False, lasting=_is_lasting(error), down=down)
        if not await go():
            return Result("refused", why="stopped before it started: healer may not act now", started=False)
        return self._told(held, await self._act(held, call, action))

    async def probe(self, order: Order) -> Result:
        try:
            call, action = self._called(order)
            api, path, found = await self._find(order, call, action)
            if found is None or fence.impostor(found, order):
                return self._ended(action.gone(call.given))
            if refused := fence.stale(found, order):
                return Result("unknown", why=refused.why)
            ours = bool(order.identity) or fence.annotations(found).get(fence.INTENT) == order.intent
            held = Held(api, path, found, order, self._clock)
            await held.claim()
            return self._told(held, self._ended(await action.settle(held, call.given, ours=ours)))
        except Gone:
            return Result("unknown", why=f"{order.target} went away while it was looked at: ask again")
        except (Unreadable, Overtaken, Unsent, Lost, Denied) as error:
            return Result("unknown", why=f"the probe had no answer: {str(error) or 'somebody newer probes'}")

    async def observe(self, order: Order) -> Seen:
        if order.argv[:1] == (STATUS,):
            return await self._status(order)
        try:
            call, action = self._called(order)
            api, path, found = await self._find(order, call, action)
            if found is None:
                view = View(f"there is no {order.target} in the cluster", verdict="impossible", mark="gone")
            elif why := fence.impostor(found, order):
                view = View(why, verdict="impossible", mark="gone")
            else:
                view = await action.view(api, path, found, call.given)
        except (Unreadable, Unsent, Lost, Denied) as error:
            return Seen(why=str(error))
        return Seen(0, msgspec.json.encode(view).decode())

    async def _status(self, order: Order) -> Seen:
        """Whether the object is well: exit code 0 or 1; neither, where what there is does not tell."""
        try:
            _, _, found = await self._find(order, Call(STATUS, {}), Status())
        except (Unreadable, Unsent, Lost, Denied) as error:
            return Seen(why=str(error))
        if found is not None and (why := fence.impostor(found, order)):
            return Seen(why=why)
        well, words = status_of(found) if found is not None else (False, f"there is no {order.target} in the cluster")
        return Seen(why=words) if well is None else Seen(0 if well else 1, words)

    async def close(self) -> None:
        """The session belongs to whoever handed it in."""

    async def _act(self, held: Held, call: Call, action: Action) -> Result:
        try:
            return self._ended(await action.act(held, call.given))
        except Denied as error:
            return _broken_off(str(error)) if held.touched else nothing(f"the API server refused: {error}")
        except (Overtaken, Gone) as error:
            why = "somebody newer holds it" if isinstance(error, Overtaken) else "it went away"
            return _broken_off(why) if held.touched else nothing(f"{held.order.target}: {why}")
        except (Lost, Unsent) as error:
            return Result("unknown", why=f"{error}, after it had begun: probe it")

    def _told(self, held: Held, result: Result) -> Result:
        """The same result, which people can read beside the object."""
        if self._events is not None:
            self._events.tell(held.api, held.found, held.order, result, self._clock.now())
        return result

    def _ended(self, result: Result) -> Result:
        over = result.started and result.outcome in ("succeeded", "failed")
        return msgspec.structs.replace(result, ended_at=self._clock.now()) if over else result

    def _called(self, order: Order) -> tuple[Call, Action]:
        call = read(order.argv)
        if call.name not in self._actions:
            raise Unreadable(f"the kubernetes executor has no {call.name!r}")
        return call, self._actions[call.name]

    async def _find(self, order: Order, call: Call, action: Look) -> tuple[Api, str, Json | None]:
        """The object that the order is about, where it is, and whom to ask about it. Raises Unreadable."""
        wanted = parted(order.target)
        api = self._apis.get(wanted.cluster)
        if api is None:
            raise Unreadable(_unknown_cluster(order.target, wanted.cluster, self._apis))
        path = ""
        for path in _paths(order.target, wanted, call, action):
            found = await api.find(path)
            if found is not None:
                return api, path, found
        return api, path, None


def _unknown_cluster(target: str, cluster: str, apis: Mapping[str, Api]) -> str:
    known = ", ".join(name for name in apis if name) or "none"
    said = f"the cluster {cluster!r}" if cluster else "no cluster"
    return f"{target} names {said}: executors.kubernetes.clusters has {known}"


def _paths(target: str, wanted: Name, call: Call, action: Look) -> list[str]:
    namespace, name = wanted.namespace, wanted.name
    there: tuple[str, ...] = tuple(one for one in action.resources if one in _OF_KIND.get(wanted.kind, ()))
    if action.resources == ("cronjobs",):
        there, name = action.resources, str(call.given.get("template", ""))
    resources = [one for one in there if (one in _OF_THE_CLUSTER) is not bool(namespace)]
    if not resources or not name or "/" in namespace:
        raise Unreadable(f"{call.name} cannot be done to {target}")
    if any(
        part in (".", "..") or not part.replace("-", "").replace(".", "").isalnum() for part in (namespace or "x", name)
    ):
        raise Unreadable(f"{target} is no name of an object")
    middle = f"/namespaces/{namespace}" if namespace else ""
    return [f"{_GROUPS[resource]}{middle}/{resource}/{name}" for resource in resources]


def _broken_off(why: str) -> Result:
    return Result("failed", exit_code=1, why=f"broken off: {why}")


def _is_lasting(error: Exception) -> bool:
    return isinstance(error, Denied) and error.status in (401, 403)
