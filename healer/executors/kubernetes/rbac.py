"""What a service account has to be allowed, call by call, and no more. Pure; used by `healer rbac`.

Each row is held to what the executor really asks for, by a test that takes away one permission after the other.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from healer.kubernetes.names import GROUP, REMEDIATIONS


class Permission(NamedTuple):
    """A verb on a resource of an API group ("" is the core group)."""

    group: str
    resource: str
    verb: str


def _on(group: str, resource: str, *verbs: str) -> list[Permission]:
    return [Permission(group, resource, verb) for verb in verbs]


def _workloads(*resources: str) -> list[Permission]:
    return [one for resource in resources for one in _on("apps", resource, "get", "patch")]


_ROLLED_OUT = _workloads("deployments", "statefulsets", "daemonsets")
_REVISIONS = _on("apps", "replicasets", "list") + _on("apps", "controllerrevisions", "list")
_PATCHED = ("pods", "services", "nodes", "persistentvolumeclaims", "persistentvolumes")
_NODES = _on("", "nodes", "get", "patch")

PERMISSIONS: Mapping[str, tuple[Permission, ...]] = {
    call: tuple(permissions)
    for call, permissions in {
        "delete_pod": _on("", "pods", "get", "patch", "delete"),
        "evict_pod": _on("", "pods", "get", "patch") + _on("", "pods/eviction", "create"),
        "rollout_restart": _ROLLED_OUT,
        "rollout_undo": _ROLLED_OUT + _REVISIONS,
        "scale": _workloads("deployments", "statefulsets"),
        "cordon_node": _NODES,
        "uncordon_node": _NODES,
        "drain_node": _NODES + _on("", "pods", "list") + _on("", "pods/eviction", "create"),
        "delete_job": _on("batch", "jobs", "get", "patch", "delete"),
        "run_job": _on("batch", "cronjobs", "get", "patch") + _on("batch", "jobs", "get", "create"),
        "rollback": _ROLLED_OUT + _on("", "services", "get", "patch") + _on("batch", "jobs", "get", "create"),
        "patch": _ROLLED_OUT + [one for resource in _PATCHED for one in _on("", resource, "get", "patch")],
    }.items()
}
"""By call of the catalogue: those of the executors kubernetes and helm."""
WATCHED = tuple(
    Permission(group, resource, verb)
    for group, resource in (
        ("", "nodes"),
        ("", "pods"),
        ("", "services"),
        ("apps", "replicasets"),
        ("batch", "jobs"),
        ("discovery.k8s.io", "endpointslices"),
    )
    for verb in ("list", "watch")
)
"""What a topology read from the cluster needs."""
LOOKED_AT = tuple(
    Permission(group, resource, "get")
    for group, resource in (
        ("", "pods"),
        ("", "persistentvolumeclaims"),
        ("", "persistentvolumes"),
        ("apps", "deployments"),
        ("apps", "statefulsets"),
        ("apps", "daemonsets"),
        ("batch", "jobs"),
    )
)
"""What `healthy(...)` of an object needs that no call of the rule touches."""
TOLD = Permission("events.k8s.io", "events", "create")
"""What it takes to write beside an object what was done to it; those about nodes stand in the namespace `default`."""
ASKED_FOR = (
    *_on(GROUP, REMEDIATIONS, "list", "watch"),
    *_on(GROUP, f"{REMEDIATIONS}/status", "patch"),
)
"""What it takes to hear of `Remediation` objects, and to say in them what became of it."""
_CLUSTER_WIDE = ("cordon_node", "uncordon_node", "drain_node")


def permissions(calls: Iterable[str]) -> tuple[frozenset[Permission], frozenset[Permission]]:
    """What these calls need in the whole cluster, and what in the namespaces of what they touch."""
    wide, within = set[Permission](), set[Permission]()
    for call in calls:
        for one in PERMISSIONS[call]:
            (wide if call in _CLUSTER_WIDE or one.resource in ("nodes", "persistentvolumes") else within).add(one)
    return frozenset(wide), frozenset(within - wide)


def rules(needed: Iterable[Permission]) -> list[dict[str, list[str]]]:
    """As the `rules` of a Role: one for each group of resources that need the same verbs."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for one in sorted(needed):
        verbs.setdefault((one.group, one.resource), []).append(one.verb)
    merged: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), said in verbs.items():
        merged.setdefault((group, tuple(said)), []).append(resource)
    return [{"apiGroups": [group], "resources": found, "verbs": list(said)} for (group, said), found in merged.items()]
