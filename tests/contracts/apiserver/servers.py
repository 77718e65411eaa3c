"""The API servers that the suite beside this asks: the double, and a real one where KUBECONFIG names it.

A real one is written to: a namespace of the suite's own, accounts and roles for it, and the definition of Remediation objects.
Its account has to be allowed all that.
"""

import os
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import yaml

from healer.executors.kubernetes.api import Api, Denied
from healer.executors.kubernetes.rbac import Permission, rules
from healer.kubernetes.access import Access, from_kubeconfig
from healer.times import SECOND
from tests.standins.cluster import ADMIN, Cluster
from tests.standins.cluster.schema import definition

KUBECONFIG = os.environ.get("KUBECONFIG", "").partition(os.pathsep)[0]
TIMEOUT = 10 * SECOND
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Server(Protocol):
    """One of them. `access` may do all; `account` makes one that may do only this, in the suite's namespace."""

    namespace: str
    access: Access

    async def account(self, may: Collection[Permission]) -> Access: ...


class Double:
    """The stand-in."""

    namespace = "shop"

    def __init__(self, cluster: Cluster) -> None:
        self.access = Access(cluster.url, None, token=ADMIN)
        self._cluster = cluster

    async def account(self, may: Collection[Permission]) -> Access:
        self._cluster.may["remedy"] = {(one.verb, one.group, one.resource) for one in may}
        return Access(self._cluster.url, None, token="remedy")


class Real:
    """Whichever KUBECONFIG names."""

    def __init__(self, access: Access, api: Api, namespace: str) -> None:
        self.access = access
        self.namespace = namespace
        self._api = api

    async def account(self, may: Collection[Permission]) -> Access:
        named: dict[str, Any] = {"metadata": {"name": "remedy"}}
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        await self._api.post(path, named)
        within = f"{_RBAC}/namespaces/{self.namespace}"
        await self._api.post(f"{within}/roles", {**named, "rules": rules(may)})
        subject = {"kind": "ServiceAccount", "name": "remedy", "namespace": self.namespace}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "remedy"}
        await self._api.post(f"{within}/rolebindings", {**named, "roleRef": role, "subjects": [subject]})
        made = await self._api.post(f"{path}/remedy/token", {"spec": {"expirationSeconds": 3600}})
        return _as(made["status"]["token"])


def _as(token: str) -> Access:
    """The same server, as somebody else: what KUBECONFIG shows of its own user is left out."""
    file = Path(KUBECONFIG)
    said = yaml.safe_load(file.read_text("utf-8"))
    for cluster in said["clusters"]:
        if authority := cluster["cluster"].get("certificate-authority"):
            cluster["cluster"]["certificate-authority"] = str(file.parent / authority)
    said["users"] = [{"name": user["name"], "user": {"token": token}} for user in said["users"]]
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "config"
        other.write_text(yaml.safe_dump(said))
        return from_kubeconfig(other)


@asynccontextmanager
async def double() -> AsyncIterator[Server]:
    async with Cluster() as cluster:
        yield Double(cluster)


@asynccontextmanager
async def real() -> AsyncIterator[Server]:
    access = from_kubeconfig(Path(KUBECONFIG))
    async with aiohttp.ClientSession() as session:
        api = Api(access, session, TIMEOUT)
        try:
            await api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition())
        except Denied as error:
            if error.reason != "AlreadyExists":
                raise
        made = await api.post("/api/v1/namespaces", {"metadata": {"generateName": "healer-contract-"}})
        try:
            yield Real(access, api, made["metadata"]["name"])
        finally:
            await api.delete(f"/api/v1/namespaces/{made['metadata']['name']}", {})
