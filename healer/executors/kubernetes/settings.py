"""Where the API server is that the kubernetes executor asks, and which patches rules may ask for: `executors.kubernetes`."""

from pathlib import Path
from typing import Any

import msgspec

from healer.documents.fields import Duration
from healer.times import SECOND


class KubernetesSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cluster, and what may be done there beside the catalogue."""

    kubeconfig: Path | None = None
    """Unset: the account of the pod that healer runs in, else `$KUBECONFIG`."""
    context: str = ""
    """Of the kubeconfig; empty: its current one."""
    timeout: Duration = 10 * SECOND
    """For one answer."""
    patches: dict[str, dict[str, Any]] = {}
    """Merge patches by name, for the action `patch`: `{more-memory: {spec: {...}}}`."""
