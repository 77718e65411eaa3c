"""The objects of a cluster: names, versions, and what a write makes of one. No HTTP here."""

import copy
import itertools
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.standins.cluster.schema import held, schema

Json = dict[str, Any]


class Resource(NamedTuple):
    """One kind of object, and where it is found."""

    base: str
    kind: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        return self.base.split("/")[1] if self.base.startswith("apis/") else ""


RESOURCES = {
    "nodes": Resource("api/v1", "Node", False),
    "pods": Resource("api/v1", "Pod"),
    "services": Resource("api/v1", "Service"),
    "persistentvolumes": Resource("api/v1", "PersistentVolume", False),
    "persistentvolumeclaims": Resource("api/v1", "PersistentVolumeClaim"),
    "deployments": Resource("apis/apps/v1", "Deployment"),
    "replicasets": Resource("apis/apps/v1", "ReplicaSet"),
    "statefulsets": Resource("apis/apps/v1", "StatefulSet"),
    "daemonsets": Resource("apis/apps/v1", "DaemonSet"),
    "controllerrevisions": Resource("apis/apps/v1", "ControllerRevision"),
    "jobs": Resource("apis/batch/v1", "Job"),
    "cronjobs": Resource("apis/batch/v1", "CronJob"),
    "poddisruptionbudgets": Resource("apis/policy/v1", "PodDisruptionBudget"),
    "endpointslices": Resource("apis/discovery.k8s.io/v1", "EndpointSlice"),
    "events": Resource("apis/events.k8s.io/v1", "Event"),
    "remediations": Resource("apis/healer.internal/v1alpha1", "Remediation"),
}


SUBRESOURCE = frozenset({"remediations"})
"""Custom resources whose status is written by itself: what else is said of it there, or of it elsewhere, is left out."""


class Refusal(Exception):
    """A Status that is a failure."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details

    @property
    def body(self) -> Json:
        said = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": str(self)}
        return {
            **said,
            "reason": self.reason,
            **({"details": self.details} if self.details is not None else {}),
            "code": self.code,
        }


def about(resource: str, name: str = "") -> Json:
    """The details of a Status: a group and a name where there are any."""
    group = RESOURCES[resource].group
    return {**({"name": name} if name else {}), **({"group": group} if group else {}), "kind": resource}


def structured(made: Json, named: str, name: str) -> Json:
    """A custom resource as its definition has it. Raises Refusal."""
    faults: list[str] = []
    whole = schema()
    found = {
        part: held(value, whole["properties"][part], part, faults) if part in ("spec", "status") else value
        for part, value in made.items()
        if part in whole["properties"]
    }
    if faults:
        causes = [{"reason": "FieldValueInvalid", "message": one, "field": one.partition(":")[0]} for one in faults]
        said = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
        raise Refusal(422, "Invalid", f'{named} "{name}" is invalid: {said}', {"name": name, "causes": causes})
    return found


class Objects:
    """By resource, namespace and name."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.version = 100
        self._now = now
        self.known: dict[tuple[str, str, str], Json] = {}
        self.history: list[tuple[int, str, str, Json]] = []
        """(version, resource, what happened, the object) of everything since `compacted`."""
        self.compacted = 0
        self._suffixes = itertools.count(1)

    def stamp(self) -> str:
        return datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def named(self, resource: str) -> str:
        """A resource as messages have it: with its group."""
        group = RESOURCES[resource].group
        return f"{resource}.{group}" if group else resource

    def get(self, resource: str, namespace: str, name: str) -> Json:
        """A copy. Raises Refusal when there is none."""
        found = self.known.get((resource, namespace, name))
        if found is None:
            raise Refusal(404, "NotFound", f'{self.named(resource)} "{name}" not found', about(resource, name))
        return copy.deepcopy(found)

    def every(self, resource: str, namespace: str = "") -> Iterator[Json]:
        """Copies, by name."""
        for (kind, where, _), found in sorted(self.known.items(), key=lambda one: one[0]):
            if kind == resource and namespace in ("", where):
                yield copy.deepcopy(found)

    def create(self, resource: str, namespace: str, said: Json, *, dry: bool = False) -> Json:
        kind = RESOURCES[resource]
        made = {
            "kind": kind.kind,
            "apiVersion": kind.base.removeprefix("apis/").removeprefix("api/"),
            **copy.deepcopy(said),
        }
        meta = made.setdefault("metadata", {})
        if not meta.get("name"):
            meta["name"] = f"{meta['generateName']}{next(self._suffixes):05x}"
        name = meta["name"]
        if (resource, namespace, name) in self.known:
            raise Refusal(
                409, "AlreadyExists", f'{self.named(resource)} "{name}" already exists', about(resource, name)
            )
        if namespace:
            meta["namespace"] = namespace
        meta |= {"uid": str(uuid.uuid4()), "generation": 1, "creationTimestamp": self.stamp()}
        if resource in SUBRESOURCE:
            made.pop("status", None)
            made = structured(made, f"{kind.kind}.{kind.group}", name)
            meta = made["metadata"]
        elif resource != "events":
            made.setdefault("status", {})
        return made if dry else self.write(resource, made)

    def replace(self, resource: str, was: Json, now: Json, *, dry: bool = False) -> Json:
        """Store what a write made of an object; another spec is another generation."""
        now["metadata"]["uid"], now["metadata"]["name"] = was["metadata"]["uid"], was["metadata"]["name"]
        if now == was:
            # A write that changes nothing is none: the version stays, and no watch hears of it.
            return now
        if now.get("spec") != was.get("spec"):
            now["metadata"]["generation"] = was["metadata"].get("generation", 1) + 1
        return now if dry else self.write(resource, now)

    def write(self, resource: str, made: Json) -> Json:
        """As it is, under the next version."""
        self.version += 1
        made["metadata"]["resourceVersion"] = str(self.version)
        key = resource, made["metadata"].get("namespace", ""), made["metadata"]["name"]
        self._happened(resource, "MODIFIED" if key in self.known else "ADDED", made)
        self.known[key] = made
        return copy.deepcopy(made)

    def drop(self, resource: str, namespace: str, name: str) -> None:
        self.version += 1
        if (last := self.known.pop((resource, namespace, name), None)) is not None:
            last["metadata"]["resourceVersion"] = str(self.version)
            self._happened(resource, "DELETED", last)

    def compact(self) -> None:
        """Forget how things came to be: watches from older versions are told 410."""
        self.compacted = self.version
        self.history.clear()

    def _happened(self, resource: str, what: str, found: Json) -> None:
        self.history.append((self.version, resource, what, copy.deepcopy(found)))
