"""Topology from a Kubernetes cluster: listed once, then watched, so that a pod is known a second after it is placed.

One task a resource and namespace (`healer.kubernetes.feed`). The account needs `list` and `watch` on what `RESOURCES` names,
and nothing else.
"""

import asyncio
from functools import partial
from typing import Any

import aiohttp
import msgspec

from healer.kubernetes.access import Access
from healer.kubernetes.feed import Event, Feed, Unanswered
from healer.seams import Clock, Spawn
from healer.times import SECOND, Micros
from healer.topology.graph import Topology
from healer.topology.settings import Cluster
from healer.topology.source import Aside, Unreadable
from healer.topology.sources.kubernetes_objects import Object, graph

RESOURCES = {
    "nodes": "/api/v1",
    "pods": "/api/v1",
    "services": "/api/v1",
    "replicasets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
}
QUIET_S = 30.0
"""Seconds after which a look ends although nothing changed: the watches are well."""
SHARE = 10
"""Making the graph of a large cluster takes at most a tenth of the time."""


class _List(msgspec.Struct):
    metadata: dict[str, Any]
    items: list[Object] = []


_object = msgspec.json.Decoder(Object)
_list = msgspec.json.Decoder(_List)


class KubernetesSource:
    """One cluster. Its tasks are started by the first look."""

    every: Micros = SECOND

    def __init__(
        self,
        name: str,
        settings: Cluster,
        access: Access,
        session: aiohttp.ClientSession,
        aside: Aside,
        spawn: Spawn,
        clock: Clock,
    ) -> None:
        self.name = name
        self._settings = settings
        self._access = access
        self._session = session
        self._aside = aside
        self._spawn = spawn
        self._clock = clock
        self._objects: dict[str, dict[tuple[str, str], Object]] = {resource: {} for resource in RESOURCES}
        self._wanted = {resource: list(self._paths(resource)) for resource in RESOURCES}
        self._listed: set[str] = set()
        self._failing: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._rested_until: Micros = 0

    async def look(self) -> Topology | None:
        """Wait for a change, for no longer than half a minute."""
        if not self._tasks:
            for resource, paths in self._wanted.items():
                for path in paths:
                    follow = partial(self._follow, resource, path)
                    self._tasks.append(self._spawn.keep(f"kubernetes {path}", follow))
        try:
            async with asyncio.timeout(QUIET_S):
                await self._changed.wait()
                while not self._failing and len(self._listed) < sum(map(len, self._wanted.values())):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            if not self._failing and self._listed:
                return None
        if self._failing:
            self._changed.clear()
            await asyncio.sleep(0)
            raise Unreadable("; ".join(dict.fromkeys(self._failing.values())))
        return await self._made()

    def end(self) -> None:
        """Watch no more: nobody looks again."""
        for task in self._tasks:
            task.cancel()

    async def _made(self) -> Topology:
        rest = self._rested_until - self._clock.monotonic()
        if rest > 0:
            await asyncio.sleep(rest / SECOND)
        self._changed.clear()
        began = self._clock.monotonic()
        objects = {resource: dict(known) for resource, known in self._objects.items()}
        made = await self._aside(lambda: graph(objects, self._settings.cluster))
        now = self._clock.monotonic()
        self._rested_until = now + SHARE * (now - began)
        return made

    def _paths(self, resource: str) -> list[str]:
        base = RESOURCES[resource]
        if resource == "nodes" or not self._settings.namespaces:
            return [f"{base}/{resource}"]
        return [f"{base}/namespaces/{namespace}/{resource}" for namespace in self._settings.namespaces]

    # --- one path

    async def _follow(self, resource: str, path: str) -> None:
        feed = Feed(self._access, self._session, path, self._settings.timeout, self._clock)
        await feed.follow(_Listener(self, resource, path))

    async def decoded(self, path: str, body: bytes) -> _List:
        return await self._aside(partial(_decoded, path, body))

    def listed(self, resource: str, path: str, found: dict[tuple[str, str], Object]) -> None:
        """All objects of a path, in place of those that were known."""
        namespace = path.split("/namespaces/")[1].split("/")[0] if "/namespaces/" in path else None
        kept = {key: one for key, one in self._objects[resource].items() if namespace not in (None, key[0])}
        self._objects[resource] = kept | found
        self._changed.set()

    def happened(self, resource: str, event: Event) -> str:
        """One object changed; the version after it."""
        changed, known = _object.decode(event.object), self._objects[resource]
        version = changed.metadata.resource_version
        if event.type == "BOOKMARK":
            return version
        before = known.pop(changed.key, None)
        if event.type != "DELETED":
            known[changed.key] = changed
            if before is not None and _same(before, changed):
                return version
        self._changed.set()
        return version

    def well(self, path: str) -> None:
        if self._failing.pop(path, None) is not None or path not in self._listed:
            self._changed.set()
        self._listed.add(path)

    def failed(self, path: str, why: str) -> None:
        """What fails is said by `look` until it works again."""
        self._failing[path] = why
        self._changed.set()


class _Listener:
    """One path's part of what a source hears."""

    def __init__(self, source: KubernetesSource, resource: str, path: str) -> None:
        self.decode = partial(source.decoded, path)
        self.happened = partial(source.happened, resource)
        self.well = partial(source.well, path)
        self.failed = partial(source.failed, path)
        self._listed = partial(source.listed, resource, path)

    def listed(self, pages: list[_List]) -> None:
        self._listed({one.key: one for page in pages for one in page.items})


def _decoded(path: str, body: bytes) -> _List:
    try:
        return _list.decode(body)
    except msgspec.MsgspecError as error:
        raise Unanswered(f"{path} gave no list: {error}") from None


def _same(before: Object, after: Object) -> bool:
    """Whether nothing changed that the graph shows; a node says every ten seconds that it lives."""
    version = before.metadata.resource_version
    return (
        msgspec.structs.replace(after, metadata=msgspec.structs.replace(after.metadata, resource_version=version))
        == before
    )
