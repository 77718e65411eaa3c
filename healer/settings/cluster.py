"""Where a Kubernetes cluster is, by the environment: what a pod is given, and KUBECONFIG. Called by bootstrap."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec


class ClusterEnvironment(msgspec.Struct, frozen=True):
    """What the environment says; "" and None where it says nothing."""

    host: str = ""
    port: str = "443"
    kubeconfig: Path | None = None


def cluster_environment(environ: Mapping[str, str] | None = None) -> ClusterEnvironment:
    """The environment's word (by default the process's own). Of several files in KUBECONFIG the first is read."""
    if environ is None:
        environ = os.environ  # noqa: TID251 - this room is the one place that reads the environment
    file = environ.get("KUBECONFIG", "").partition(os.pathsep)[0]
    return ClusterEnvironment(
        environ.get("KUBERNETES_SERVICE_HOST", ""),
        environ.get("KUBERNETES_SERVICE_PORT", "443"),
        Path(file).expanduser() if file else None,
    )
