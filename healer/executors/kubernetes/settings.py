"""Where the API servers are that the kubernetes executor asks, and what may be asked for there: `executors.kubernetes`."""

import re
from pathlib import Path
from typing import Any

import msgspec

from healer.documents.fields import Duration
from healer.times import SECOND

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")


class Reached(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one of several clusters is reached."""

    kubeconfig: Path | None = None
    """Unset: the account of the pod that healer runs in, else `$KUBECONFIG`."""
    context: str = ""
    """Of the kubeconfig; empty: its current one."""


class Requests(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which `Remediation` objects are heard. What they ask for stays in their own namespace."""

    namespaces: tuple[str, ...] = ()
    """Only in these; none: in all."""
    of_the_cluster: tuple[str, ...] = ()
    """Namespaces in which they may also ask for what is in none, such as nodes; without any nobody may."""


class KubernetesSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cluster, or several by name, and what may be done there beside the catalogue."""

    kubeconfig: Path | None = None
    """Unset: the account of the pod that healer runs in, else `$KUBECONFIG`."""
    context: str = ""
    """Of the kubeconfig; empty: its current one."""
    clusters: dict[str, Reached] = {}
    """More clusters, by name: those of nodes such as `pod/NAME:NS/POD`. With any, and neither kubeconfig nor context, a node
    without a cluster's name is in none."""
    timeout: Duration = 10 * SECOND
    """For one answer."""
    patches: dict[str, dict[str, Any]] = {}
    """Merge patches by name, for the action `patch`: `{more-memory: {spec: {...}}}`."""
    events: bool = True
    """Whether what was done to an object is written beside it as an event (events.k8s.io)."""
    remediations: Requests | None = None
    """What people may ask for with `kubectl apply`; unset: nothing, and no such object is watched. `{}`: in all namespaces."""

    def __post_init__(self) -> None:
        for name in self.clusters:
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no name of a cluster: small letters, digits, dots and dashes", "clusters"
                )

    @property
    def reached(self) -> dict[str, Reached]:
        """How each cluster is reached, by name; "" is that of nodes that name none."""
        named = dict(self.clusters)
        if named and self.kubeconfig is None and not self.context:
            return named
        return {"": Reached(kubeconfig=self.kubeconfig, context=self.context), **named}
