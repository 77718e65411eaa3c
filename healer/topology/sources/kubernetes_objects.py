"""What a cluster's objects say of who depends on whom: from nodes, pods, owners, services and endpoint slices to a graph.
Pure.

A node is above its pods; a pod is above its workload, since the workload's alerts come when a pod is missing, and above the
services that it serves, which are reached only when all their pods are gone.
"""

from collections.abc import Iterable, Mapping

import msgspec

from healer.kubernetes.names import node_id
from healer.topology.graph import Group, Node, Topology, topology

_ZONE = "topology.kubernetes.io/zone"
_SERVICE = "kubernetes.io/service-name"


class Owner(msgspec.Struct, frozen=True, rename="camel"):
    kind: str
    name: str
    controller: bool = False


class Meta(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    owner_references: tuple[Owner, ...] | None = None


class Address(msgspec.Struct, frozen=True):
    type: str
    address: str


class Reference(msgspec.Struct, frozen=True):
    kind: str = ""
    name: str = ""
    namespace: str = ""


class Conditions(msgspec.Struct, frozen=True):
    ready: bool | None = None


class Endpoint(msgspec.Struct, frozen=True, rename="camel"):
    target_ref: Reference | None = None
    conditions: Conditions | None = None


class Spec(msgspec.Struct, frozen=True, rename="camel"):
    node_name: str | None = None
    host_network: bool | None = None


class NodeInfo(msgspec.Struct, frozen=True):
    machine_id: str = msgspec.field(default="", name="machineID")


class Status(msgspec.Struct, frozen=True, rename="camel"):
    phase: str | None = None
    pod_ip: str | None = msgspec.field(default=None, name="podIP")
    addresses: tuple[Address, ...] | None = None
    node_info: NodeInfo | None = None


class Object(msgspec.Struct, frozen=True):
    """As much of an object as the graph needs, whatever its kind."""

    metadata: Meta = Meta()
    spec: Spec | None = None
    status: Status | None = None
    endpoints: tuple[Endpoint, ...] | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.metadata.namespace, self.metadata.name


Objects = Mapping[str, Mapping[tuple[str, str], Object]]
"""By resource (`pods`), by namespace and name."""


def graph(objects: Objects, cluster: str = "") -> Topology:
    """The cluster as nodes and edges; with a name it stands in front of its objects' own, and in their attribute `cluster`."""
    return _Graph(objects, cluster).made()


class _Graph:
    """One graph while it is made."""

    def __init__(self, objects: Objects, cluster: str) -> None:
        self._objects = objects
        self._cluster = cluster
        self._common = {"cluster": cluster} if cluster else {}
        self._nodes: dict[str, Node] = {}
        self._edges: set[tuple[str, str]] = set()

    def made(self) -> Topology:
        objects = self._objects
        for node in objects["nodes"].values():
            self._host(node)
        for pod in objects["pods"].values():
            self._pod(pod)
        for (namespace, _), held in objects["replicasets"].items():
            owner = _controller(held)
            if owner is not None:  # a Deployment without pods is there, too
                self._add("workload", namespace, owner.name, controller=owner.kind)
        for namespace, name in objects["services"]:
            self._add("service", namespace, name)
        self._serve(objects["endpointslices"].values())
        return topology(self._nodes.values(), self._edges)

    def _id(self, kind: str, namespace: str, name: str) -> str:
        return node_id(kind, namespace, name, self._cluster)

    def _put(self, kind: str, id: str, aliases: Iterable[str] = (), **attributes: str) -> None:
        self._nodes[id] = Node(id, kind, tuple(sorted(aliases)), {**self._common, **attributes})

    def _add(self, kind: str, namespace: str, name: str, **attributes: str) -> str:
        """The node of an object, made where there is none yet."""
        id = self._id(kind, namespace, name)
        if id not in self._nodes:
            self._put(kind, id, **attributes)
        return id

    def _host(self, node: Object) -> None:
        name = node.metadata.name
        addresses = node.status.addresses if node.status is not None else None
        internal = [one.address for one in addresses or () if one.type == "InternalIP"]
        aliases = {one.address for one in addresses or () if one.address != name}
        attributes = {"address": internal[0]} if internal else {}
        zone = (node.metadata.labels or {}).get(_ZONE)
        if zone:
            attributes["zone"] = zone
        if node.status is not None and node.status.node_info is not None and node.status.node_info.machine_id:
            attributes["machine_id"] = node.status.node_info.machine_id
        self._put("host", self._id("host", "", name), aliases, **attributes)

    def _pod(self, pod: Object) -> None:
        namespace, name = pod.key
        spec, status = pod.spec or Spec(), pod.status or Status()
        if status.phase == "Succeeded":
            return
        id = self._id("pod", namespace, name)
        # On the host's network a pod's address is that of its host, which is found by it.
        attributes = {"address": status.pod_ip} if status.pod_ip and not spec.host_network else {}
        if pod.metadata.uid:
            attributes["uid"] = pod.metadata.uid
        self._put("pod", id, **attributes)
        if spec.node_name:
            self._edges.add((self._add("host", "", spec.node_name), id))
        owner = workload(pod, self._objects)
        if owner is not None:
            self._edges.add((id, self._add("workload", namespace, owner.name, controller=owner.kind)))

    def _serve(self, slices: Iterable[Object]) -> None:
        """Services below the pods that serve them; several stand in for one another."""
        serving: dict[str, set[str]] = {}
        for one in slices:
            service = (one.metadata.labels or {}).get(_SERVICE)
            id = self._id("service", one.metadata.namespace, service or "")
            if not service or id not in self._nodes:
                continue
            for endpoint in one.endpoints or ():
                target = endpoint.target_ref
                if target is None or target.kind != "Pod":
                    continue
                pod = self._id("pod", target.namespace or one.metadata.namespace, target.name)
                if pod in self._nodes:
                    serving.setdefault(id, set()).add(pod)
        for id, pods in serving.items():
            self._edges.update((pod, id) for pod in pods)
            if len(pods) > 1:
                group = Group(1, tuple(sorted(pods)))
                self._nodes[id] = msgspec.structs.replace(self._nodes[id], redundancy=(group,))


def workload(pod: Object, objects: Objects) -> Owner | None:
    """To whom a pod belongs in the end: the Deployment of its ReplicaSet, the CronJob of its Job, else its own controller."""
    owner = _controller(pod)
    if owner is None or owner.kind == "Node":  # a static pod's owner is its node
        return None
    between = {"ReplicaSet": "replicasets", "Job": "jobs"}.get(owner.kind)
    held = objects[between].get((pod.metadata.namespace, owner.name)) if between else None
    return (_controller(held) if held is not None else None) or owner


def _controller(held: Object) -> Owner | None:
    return next((one for one in held.metadata.owner_references or () if one.controller), None)
