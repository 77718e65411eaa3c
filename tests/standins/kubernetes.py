"""A stand-in for a Kubernetes API server, as far as somebody who lists and watches meets it.

It answers as kube-apiserver 1.36.2 was seen to: pages with continue tokens, watches from a version with bookmarks, 410 as
an error inside a 200 once that version is compacted, 400 for a broken token, 401 for a wrong one, 403 without a role. What
it says was recorded there; `tests/integration/topology/recorded` has the exchanges that matter.
"""

import asyncio
import base64
import json
from typing import Any, Self

from aiohttp import web

Json = dict[str, Any]
TOKEN = "of-healer"
KINDS = {
    "nodes": "Node",
    "pods": "Pod",
    "services": "Service",
    "replicasets": "ReplicaSet",
    "jobs": "Job",
    "endpointslices": "EndpointSlice",
}
GROUPS = {"replicasets": "apis/apps/v1", "jobs": "apis/batch/v1", "endpointslices": "apis/discovery.k8s.io/v1"}
BROKEN = "invalid continue token: continue key is not valid: invalid character '\\u009e' looking for beginning of value"


class KubernetesStandin:
    """In a test: `async with KubernetesStandin() as cluster`, then `cluster.url`; `put` and `delete` change objects."""

    def __init__(self) -> None:
        self.url = ""
        self.version = 100
        self.compacted = 0
        self.forbidden: set[str] = set()
        self.down = False
        self.requests: list[str] = []
        self._objects: dict[str, dict[tuple[str, str], Json]] = {resource: {} for resource in KINDS}
        self._history: list[tuple[int, str, str, Json]] = []
        self._changed = asyncio.Condition()
        self._watching: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        app = web.Application()
        for resource in KINDS:
            base = GROUPS.get(resource, "api/v1")
            for path in (f"/{base}/{resource}", f"/{base}/namespaces/{{namespace}}/{resource}"):
                app.router.add_get(path, self._handler(resource))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()
        await self._runner.cleanup()

    async def put(self, resource: str, name: str, namespace: str = "", **parts: Any) -> None:
        """Create or change an object."""
        known = self._objects[resource].get((namespace, name))
        meta = {"name": name, **({"namespace": namespace} if namespace else {}), **parts.pop("metadata", {})}
        await self._record(resource, "MODIFIED" if known else "ADDED", {"metadata": meta, **parts})

    async def delete(self, resource: str, name: str, namespace: str = "") -> None:
        known = self._objects[resource].pop((namespace, name))
        await self._record(resource, "DELETED", known)

    async def cut(self) -> None:
        """End all watches, as a server that goes away does."""
        for task in list(self._watching):
            task.cancel()
        await asyncio.sleep(0)

    def compact(self) -> None:
        """Forget how things came to be: watches from older versions are told 410."""
        self.compacted = self.version
        self._history.clear()

    async def _record(self, resource: str, kind: str, obj: Json) -> None:
        async with self._changed:
            self.version += 1
            obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}
            if kind != "DELETED":
                self._objects[resource][obj["metadata"].get("namespace", ""), obj["metadata"]["name"]] = obj
            self._history.append((self.version, resource, kind, obj))
            self._changed.notify_all()

    def _handler(self, resource: str) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.requests.append(request.path_qs)
            namespace = request.match_info.get("namespace")
            if self.down:
                return _status(503, "ServiceUnavailable", "the server is currently unable to handle the request")
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                return _status(401, "Unauthorized", "Unauthorized")
            if resource in self.forbidden:
                group = GROUPS.get(resource, "/").split("/")[1] if resource in GROUPS else ""
                where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
                user = f'User "healer" cannot list resource "{resource}" in API group "{group}" {where}'
                return _status(403, "Forbidden", f"{resource} is forbidden: {user}")
            if request.query.get("watch") == "true":
                return await self._watch(request, resource, namespace)
            return self._list(request, resource, namespace)

        return handle

    def _list(self, request: web.Request, resource: str, namespace: str | None) -> web.Response:
        limit = int(request.query.get("limit", "0")) or 10**9
        start, version = ("", ""), self.version
        if token := request.query.get("continue"):
            try:
                said = json.loads(base64.b64decode(token + "=="))
                version, start = said["rv"], tuple(said["start"])
            except ValueError:
                return _status(400, "BadRequest", BROKEN)
            if version < self.compacted:
                return _status(410, "Expired", "The provided continue parameter is too old")
        found = sorted(
            (key, obj) for key, obj in self._objects[resource].items() if namespace in (None, key[0]) and key > start
        )
        meta: Json = {"resourceVersion": str(version)}
        if len(found) > limit:
            last = list(found[limit - 1][0])
            meta["continue"] = (
                base64.b64encode(json.dumps({"rv": version, "start": last}).encode()).decode().rstrip("=")
            )
        items = [obj for _, obj in found[:limit]]
        return web.json_response({"kind": f"{KINDS[resource]}List", "metadata": meta, "items": items})

    async def _watch(self, request: web.Request, resource: str, namespace: str | None) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._watching.add(task)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)

        async def send(kind: str, obj: Json) -> None:
            await response.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

        try:
            seen = int(request.query["resourceVersion"])
            if seen < self.compacted:
                await send("ERROR", _gone(seen, self.compacted))
                return response
            async with asyncio.timeout(float(request.query.get("timeoutSeconds", "1800"))):
                while True:
                    for version, what, kind, obj in list(self._history):
                        there = obj["metadata"].get("namespace", "")
                        if version > seen and what == resource and namespace in (None, there):
                            await send(kind, obj)
                    if self.version > seen and request.query.get("allowWatchBookmarks") == "true":
                        mark = {"kind": KINDS[resource], "metadata": {"resourceVersion": str(self.version)}}
                        await send("BOOKMARK", mark)
                    seen = self.version
                    async with self._changed:
                        if self.version == seen:
                            await self._changed.wait()
        except (TimeoutError, asyncio.CancelledError, ConnectionError):
            return response
        finally:
            self._watching.discard(task)


def _gone(version: int, compacted: int) -> Json:
    return {
        "kind": "Status",
        "metadata": {},
        "status": "Failure",
        "message": f"too old resource version: {version} ({compacted})",
        "reason": "Expired",
        "code": 410,
    }


def _status(code: int, reason: str, message: str) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return web.json_response({**body, "reason": reason, "code": code}, status=code)
