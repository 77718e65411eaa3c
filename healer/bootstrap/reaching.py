"""How are machines, clusters and webhooks reached? By the settings, made into executors for `healer.bootstrap.outside`."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import aiohttp

from healer.executors.http.reach import BadAuthority
from healer.executors.http.target import HttpTarget
from healer.executors.kubernetes.api import Api
from healer.executors.kubernetes.settings import KubernetesSettings
from healer.executors.kubernetes.target import KubernetesTarget
from healer.executors.redfish.target import RedfishTarget
from healer.executors.ssh_settings import SshSettings
from healer.executors.target import Target
from healer.kept import Kept
from healer.kubernetes.access import Access, NoAccess, from_kubeconfig, own_account
from healer.seams import Clock
from healer.settings.cluster import cluster_environment
from healer.settings.model import Settings


class CannotReach(Exception):
    """The settings do not say how."""


def targets(
    settings: Settings, clock: Clock, session: aiohttp.ClientSession, kept: Kept, stack: AsyncExitStack
) -> Mapping[str, Target]:
    """An executor per kind that is set up. One that is replaced ends with the process: a run may still be under way on it.

    Raises CannotReach.
    """

    def over_ssh(ssh: SshSettings) -> Target:
        # asyncssh is a fifth of what is imported at a start, and whoever has no hosts does not need it.
        from healer.executors.ssh import SshTarget

        target = SshTarget(ssh, clock)
        stack.push_async_callback(target.close)
        return target

    def through_api(kubernetes: KubernetesSettings) -> Target:
        access = cluster_access("executors.kubernetes", kubernetes.kubeconfig, kubernetes.context)
        return KubernetesTarget(Api(access, session, kubernetes.timeout), clock, kubernetes.patches)

    said, found = settings.executors, dict[str, Callable[[], Target]]()
    if said.ssh is not None:
        found["ssh"] = partial(over_ssh, said.ssh)
    if said.kubernetes is not None:
        found["kubernetes"] = partial(through_api, said.kubernetes)
    if said.http is not None:
        found["http"] = partial(HttpTarget, said.http, clock)
    if said.redfish is not None:
        found["redfish"] = partial(RedfishTarget, said.redfish, clock)
    try:
        return {name: kept.once(name, getattr(said, name), make) for name, make in found.items()}
    except BadAuthority as error:
        raise CannotReach(f"executors: {error}") from error


def cluster_access(where: str, kubeconfig: Path | None, context: str) -> Access:
    """How a cluster is reached: by its kubeconfig, the pod's own account, or KUBECONFIG. Raises CannotReach."""
    environment = cluster_environment()
    try:
        if kubeconfig is None and environment.host:
            return own_account(environment.host, environment.port)
        file = kubeconfig or environment.kubeconfig
        if file is None:
            raise NoAccess("healer does not run in a cluster: name a kubeconfig, or set KUBECONFIG")
        return from_kubeconfig(file, context)
    except NoAccess as error:
        raise CannotReach(f"{where}: {error}") from error
