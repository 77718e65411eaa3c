"""Topology from a Kubernetes cluster: listed once, then watched, so that a pod is known a second after it is placed.

One task a resource, which lists, watches from the version of the list, and lists again when the server has forgotten that
version (410). The account needs `list` and `watch` on what `RESOURCES` names, and nothing else.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import aiohttp
import msgspec

from healer.kubernetes.access import Access, NoAccess
from healer.seams import Clock, Spawn
from healer.times import SECOND, Micros
from healer.topology.graph import Topology
from healer.topology.settings import Cluster
from healer.topology.source import Aside, Unreadable
from healer.topology.sources.kubernetes_objects import Object, graph

log = logging.getLogger(__name__)

RESOURCES = {
    "nodes": "/api/v1",
    "pods": "/api/v1",
    "services": "/api/v1",
    "replicasets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
}
PAGE = 500
"""Objects of one page of a list, as kubectl asks for them."""
WATCH_S = 300
"""Seconds after which the server ends a watch; it goes on where it was."""
LINE = 4 << 20
"""Bytes of one event: objects have 1.5 MiB at most."""
PAGE_BYTES = 256 << 20
"""Bytes of one page."""
PAUSE_S = (1.0, 30.0)
"""Seconds between attempts when the server does not answer: the first, and the longest."""
QUIET_S = 30.0
"""Seconds after which a look ends although nothing changed: the watches are well."""
SHARE = 10
"""Making the graph of a large cluster takes at most a tenth of the time."""


class Gone(Exception):
    """The server no longer knows the version that was asked for: list again."""


class _List(msgspec.Struct):
    metadata: dict[str, Any]
    items: list[Object] = []


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Status(msgspec.Struct):
    code: int = 0
    message: str = ""


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
        made = await self._aside(lambda: graph(objects))
        now = self._clock.monotonic()
        self._rested_until = now + SHARE * (now - began)
        return made

    def _paths(self, resource: str) -> list[str]:
        base = RESOURCES[resource]
        if resource == "nodes" or not self._settings.namespaces:
            return [f"{base}/{resource}"]
        return [f"{base}/namespaces/{namespace}/{resource}" for namespace in self._settings.namespaces]

    # --- one resource

    async def _follow(self, resource: str, path: str) -> None:
        """List and watch, for ever; what fails is said by `look` until it works again."""
        pause, version = PAUSE_S[0], ""
        while True:
            try:
                if not version:
                    version = await self._list(resource, path)
                began = self._clock.monotonic()
                async for seen in self._watch(resource, path, version):
                    version, pause = seen, PAUSE_S[0]
                # A server, or something before it, that ends every watch at once is not to be asked without a pause.
                await asyncio.sleep(max(PAUSE_S[0] - (self._clock.monotonic() - began) / SECOND, 0))
            except Gone:
                version = ""
            except (aiohttp.ClientError, OSError, TimeoutError, Unreadable, NoAccess) as error:
                self._failing[path] = str(error) or f"{self._access.url}{path}: {type(error).__name__}"
                self._changed.set()
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE_S[1])

    def _well(self, path: str) -> None:
        if self._failing.pop(path, None) is not None or path not in self._listed:
            self._changed.set()
        self._listed.add(path)

    async def _list(self, resource: str, path: str) -> str:
        """All objects, page by page; the version that a watch goes on from."""
        found: dict[tuple[str, str], Object] = {}
        asked = {"limit": str(PAGE)}
        while True:
            async with asyncio.timeout(self._settings.timeout / SECOND):
                async with self._get(path, asked) as response:
                    body = await _body(response, PAGE_BYTES)
            page = await self._aside(partial(_decoded, path, body))
            found.update((one.key, one) for one in page.items)
            if not page.metadata.get("continue"):
                break
            asked = {"limit": str(PAGE), "continue": str(page.metadata["continue"])}
        namespace = path.split("/namespaces/")[1].split("/")[0] if "/namespaces/" in path else None
        kept = {key: one for key, one in self._objects[resource].items() if namespace not in (None, key[0])}
        self._objects[resource] = kept | found
        self._changed.set()
        return str(page.metadata.get("resourceVersion", ""))

    async def _watch(self, resource: str, path: str, version: str) -> AsyncIterator[str]:
        """Take what changes, and give the version after each event; ends when the server ends it."""
        asked = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_S),
        }
        known = self._objects[resource]
        async with asyncio.timeout(WATCH_S + self._settings.timeout / SECOND):
            async with self._get(path, asked) as response:
                self._well(path)
                async for line in _lines(response):
                    event = _event(path, line)
                    if event.type == "ERROR":
                        _raise(path, msgspec.json.decode(event.object, type=_Status))
                    changed = msgspec.json.decode(event.object, type=Object)
                    if event.type == "DELETED":
                        known.pop(changed.key, None)
                    elif event.type != "BOOKMARK":
                        before = known.get(changed.key)
                        known[changed.key] = changed
                        if before is not None and _same(before, changed):
                            yield changed.metadata.resource_version
                            continue
                    if event.type != "BOOKMARK":
                        self._changed.set()
                    yield changed.metadata.resource_version

    def _get(self, path: str, query: dict[str, str]) -> "_Answer":
        return _Answer(self._session, self._access, path, query)


class _Answer:
    """One request whose answer is good; as a context, because a watch reads on."""

    def __init__(self, session: aiohttp.ClientSession, access: Access, path: str, query: dict[str, str]) -> None:
        self._path = path
        self._asked = session.get(
            f"{access.url}{path}",
            params=query,
            headers={"Accept": "application/json"} | access.headers(),
            ssl=access.tls,
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def __aenter__(self) -> aiohttp.ClientResponse:
        response = await self._asked.__aenter__()
        if response.status == 200:
            return response
        try:
            body = await _body(response, LINE)
            status = msgspec.json.decode(body, type=_Status)
        except msgspec.MsgspecError:
            status = _Status()
        finally:
            response.close()
        _raise(self._path, _Status(response.status, status.message))
        raise AssertionError("an error is always raised")

    async def __aexit__(self, *error: Any) -> None:
        await self._asked.__aexit__(*error)


def _raise(path: str, status: _Status) -> None:
    if status.code == 410:
        raise Gone
    why = f": {status.message}" if status.message else ""
    hint = "; its role needs list and watch" if status.code == 403 else ""
    raise Unreadable(f"{path} answered {status.code}{why}{hint}")


def _decoded(path: str, body: bytes) -> _List:
    try:
        return msgspec.json.decode(body, type=_List)
    except msgspec.MsgspecError as error:
        raise Unreadable(f"{path} gave no list: {error}") from None


def _event(path: str, line: bytes) -> _Event:
    try:
        return msgspec.json.decode(line, type=_Event)
    except msgspec.MsgspecError as error:
        raise Unreadable(f"{path} gave no event: {error}") from None


def _same(before: Object, after: Object) -> bool:
    """Whether nothing changed that the graph shows; a node says every ten seconds that it lives."""
    version = before.metadata.resource_version
    return (
        msgspec.structs.replace(after, metadata=msgspec.structs.replace(after.metadata, resource_version=version))
        == before
    )


async def _body(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            raise Unreadable(f"an answer of more than {most} bytes")
    return bytes(body)


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The lines of an answer; aiohttp's own reader takes no long ones."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE:
            raise Unreadable(f"an event of more than {LINE} bytes")
        for line in lines:
            if line.strip():
                yield line
