"""How are machines, clusters and webhooks reached? By the settings, made into executors for `healer.bootstrap.outside`."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import aiohttp

from healer.executors.http.reach import BadAuthority
from healer.executors.http.target import HttpTarget
from healer.executors.kubernetes.api import Api
from healer.executors.kubernetes.events import Events
from healer.executors.kubernetes.helm_settings import HelmSettings
from healer.executors.kubernetes.settings import KubernetesSettings
from healer.executors.kubernetes.target import KubernetesTarget
from healer.executors.redfish.target import RedfishTarget
from healer.executors.ssh_settings import SshSettings
from healer.executors.target import Target
from healer.kept import Kept
from healer.kubernetes.access import Access, NoAccess, from_kubeconfig, own_account
from healer.requests.cluster import ClusterRequests
from healer.seams import Clock, Spawn
from healer.settings.cluster import cluster_environment
from healer.settings.model import Settings
from healer.topology.settings import Cluster


class CannotReach(Exception):
    """The settings do not say how."""


def targets(
    settings: Settings, clock: Clock, spawn: Spawn, session: aiohttp.ClientSession, kept: Kept, stack: AsyncExitStack
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

    def through_api(kubernetes: KubernetesSettings, helm: HelmSettings | None = None) -> Target:
        events = Events(spawn) if kubernetes.events else None
        return KubernetesTarget(apis(kubernetes, session), clock, kubernetes.patches, events, helm)

    said, found = settings.executors, dict[str, Callable[[], Target]]()
    if said.ssh is not None:
        found["ssh"] = partial(over_ssh, said.ssh)
    if said.kubernetes is not None:
        found["kubernetes"] = partial(through_api, said.kubernetes)
    if said.http is not None:
        found["http"] = partial(HttpTarget, said.http, clock)
    if said.redfish is not None:
        found["redfish"] = partial(RedfishTarget, said.redfish, clock)
    depends: dict[str, object] = {name: getattr(said, name) for name in found}
    if said.helm is not None:
        if said.kubernetes is None:
            raise CannotReach(
                "executors.helm: the clusters of its releases are those of executors.kubernetes: set that, too"
            )
        found["helm"] = partial(through_api, said.kubernetes, said.helm)
        depends["helm"] = (said.kubernetes, said.helm)
    try:
        return {name: kept.once(name, depends[name], make) for name, make in found.items()}
    except BadAuthority as error:
        raise CannotReach(f"executors: {error}") from error


def apis(kubernetes: KubernetesSettings, session: aiohttp.ClientSession) -> dict[str, Api]:
    """Whom to ask about a node, by the name of its cluster. Raises CannotReach."""
    return {name: Api(access_of(kubernetes, name), session, kubernetes.timeout) for name in kubernetes.reached}


def access_of(kubernetes: KubernetesSettings, cluster: str) -> Access:
    """How one of the clusters is reached. Raises CannotReach."""
    reached = kubernetes.reached[cluster]
    where = f"executors.kubernetes.clusters.{cluster}" if cluster else "executors.kubernetes"
    return cluster_access(where, reached.kubeconfig, reached.context)


def requests(settings: Settings, clock: Clock, session: aiohttp.ClientSession, kept: Kept) -> list[ClusterRequests]:
    """Where people ask for remediations, cluster by cluster. Raises CannotReach."""
    kubernetes = settings.executors.kubernetes
    if kubernetes is None or kubernetes.remediations is None:
        return []
    bounds, timeout = kubernetes.remediations, kubernetes.timeout

    def heard(name: str) -> ClusterRequests:
        access = access_of(kubernetes, name)
        return ClusterRequests(name, bounds, access, Api(access, session, timeout), session, timeout, clock)

    return [
        kept.once(f"requests {name}", (reached, bounds, timeout), partial(heard, name))
        for name, reached in kubernetes.reached.items()
    ]


def watched_access(settings: Settings, source: str, cluster: Cluster) -> Access:
    """How the cluster of a topology's source is reached: as it says itself, or by its name. Raises CannotReach."""
    named, where = settings.executors.kubernetes, f"topology.sources: {source}"
    if not cluster.cluster or cluster.kubeconfig is not None or cluster.context:
        return cluster_access(where, cluster.kubeconfig, cluster.context)
    if named is None or cluster.cluster not in named.reached:
        raise CannotReach(f"{where}: executors.kubernetes.clusters has no {cluster.cluster!r}")
    return access_of(named, cluster.cluster)


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
