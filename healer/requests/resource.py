"""What does a `Remediation` object ask for? The object as the API server has it in, the alert that says the same out. Pure.

The server holds objects to the schema in `deploy/kubernetes/remediations.yaml`; what that cannot say is refused here. A request
reaches no further than its namespace, whose roles decide who may write it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from healer.alerts.asked import ALERT
from healer.alerts.identity import canonical
from healer.executors.kubernetes.settings import Requests
from healer.kubernetes.names import node_id
from healer.times import Micros, from_datetime

KINDS: Mapping[str, str] = {
    "Deployment": "workload",
    "StatefulSet": "workload",
    "DaemonSet": "workload",
    "CronJob": "workload",
    "Job": "workload",
    "Pod": "pod",
    "Service": "service",
    "Node": "host",
}
"""What may be named, and as which kind of node the topology has it."""
RESERVED = frozenset(
    {"alertname", "severity", "namespace", "remediation", "uid", "action", "target", "verify", "reason", "cluster"}
)
"""Labels that say what a request is: no parameter is called so."""
UID = 8
"""Characters of an object's uid that tell it from those that had its name before."""
MAX_PARAMETERS = 16
MAX_VALUE = 256
"""Characters of a parameter's value."""


class _Object(msgspec.Struct, frozen=True):
    kind: str
    name: str


class _Spec(msgspec.Struct, frozen=True):
    action: str
    target: _Object
    parameters: dict[str, str | int] = {}
    verify: _Object | None = None
    reason: str = ""
    severity: str = "info"


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    uid: str
    namespace: str = ""
    resource_version: str = ""
    generation: int = 1
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None


class _Bare(msgspec.Struct, frozen=True):
    """As much as there is of an object whose spec is none."""

    metadata: _Meta
    status: dict[str, Any] = {}


class _Remediation(_Bare, frozen=True, kw_only=True):
    spec: _Spec


_bare = msgspec.json.Decoder(_Bare)
_remediation = msgspec.json.Decoder(_Remediation)


class Asked(msgspec.Struct, frozen=True):
    """One request. `labels` are those of its alert, b"" where it is `refused`, and that says why."""

    namespace: str
    name: str
    uid: str
    version: str
    generation: int
    labels: bytes
    starts_at: Micros
    summary: str
    status: dict[str, Any]
    leaving: bool = False
    """It is being deleted."""
    refused: str = ""

    @property
    def what(self) -> str:
        """The object in a few words."""
        return f"Remediation {self.namespace}/{self.name}"


def read(data: bytes | msgspec.Raw, cluster: str, bounds: Requests) -> Asked:
    """An object of the server's. Raises msgspec.MsgspecError for what has not even a name."""
    try:
        return _asked(_remediation.decode(data), cluster, bounds)
    except msgspec.ValidationError as error:
        found = _bare.decode(data)
        return _of(found.metadata, found.status, refused=f"its spec cannot be read: {error}")


def _asked(found: _Remediation, cluster: str, bounds: Requests) -> Asked:
    meta, spec = found.metadata, found.spec
    if refused := _refusal(meta, spec, bounds):
        return _of(meta, found.status, refused=refused)
    target = _node(spec.target, meta.namespace, cluster)
    reason = spec.reason or "none was given"
    labels = {name: str(value) for name, value in spec.parameters.items()} | {
        "alertname": ALERT,
        "severity": spec.severity,
        "namespace": meta.namespace,
        "remediation": meta.name,
        "uid": meta.uid[:UID],
        "action": spec.action,
        "target": target,
        "verify": _node(spec.verify, meta.namespace, cluster) if spec.verify is not None else target,
        "reason": reason,
        "cluster": cluster,
    }
    summary = f"{spec.action} of {spec.target.kind} {spec.target.name} was asked for: {reason}"
    return _of(meta, found.status, labels=canonical(labels), summary=summary)


def _of(meta: _Meta, status: dict[str, Any], *, labels: bytes = b"", summary: str = "", refused: str = "") -> Asked:
    return Asked(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        version=meta.resource_version,
        generation=meta.generation,
        labels=labels,
        starts_at=from_datetime(meta.creation_timestamp) if meta.creation_timestamp is not None else 0,
        summary=summary,
        status=status,
        leaving=meta.deletion_timestamp is not None,
        refused=refused,
    )


def _refusal(meta: _Meta, spec: _Spec, bounds: Requests) -> str:
    """Why this is not heard, or ""."""
    for one in (spec.target, *((spec.verify,) if spec.verify is not None else ())):
        if one.kind not in KINDS:
            return f"{one.kind} is none of the kinds that may be named: {', '.join(KINDS)}"
        if not one.name or "/" in one.name or ":" in one.name:
            return f"{one.name!r} is no name of an object"
        if one.kind == "Node" and meta.namespace not in bounds.of_the_cluster:
            allowed = ", ".join(bounds.of_the_cluster) or "none"
            return f"nodes may be named in these namespaces alone: {allowed} (executors.kubernetes.remediations)"
    if len(spec.parameters) > MAX_PARAMETERS:
        return f"{len(spec.parameters)} parameters; at most {MAX_PARAMETERS} are taken"
    for name, value in spec.parameters.items():
        if name in RESERVED:
            return f"no parameter is called {name}: that says what is asked for"
        if not name.isidentifier() or len(name) > MAX_VALUE or len(str(value)) > MAX_VALUE:
            return f"the parameter {name[:64]!r} is too long, or its name is none"
    return ""


def _node(named: _Object, namespace: str, cluster: str) -> str:
    return node_id(KINDS[named.kind], "" if named.kind == "Node" else namespace, named.name, cluster)
