"""The API server's HTTP side: who asks, what for, and what is refused."""

import asyncio
import base64
import contextlib
import copy
import json
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Self

from aiohttp import web

from tests.standins.cluster.controllers import Controllers
from tests.standins.cluster.objects import RESOURCES, SUBRESOURCE, Json, Objects, Refusal, about, structured
from tests.standins.cluster.patches import checked, patched
from tests.standins.provider import Fault, reset

ADMIN = "of-admin"
ROUND_S = 0.02
_APPLY = "application/apply-patch+yaml"
_VERBS = {"GET": "get", "POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}


class Cluster:
    """In a test: `async with Cluster() as cluster`, then `cluster.url`. `may[user]` are (verb, group, resource) of a token's
    user; ADMIN may do all. `faults` break the next writes; `writes` counts those that were carried out."""

    def __init__(self, now: Callable[[], float] = time.time, *, port: int = 0, round_s: float = ROUND_S) -> None:
        self.url = ""
        self._port = port
        self._round_s = round_s
        self.objects = Objects(now)
        self.controllers = Controllers(self.objects, now)
        self.may: dict[str, set[tuple[str, str, str]]] = {}
        self.faults: deque[Fault] = deque()
        self.requests: list[tuple[str, str]] = []
        self.writes: list[tuple[str, str]] = []
        self.held = asyncio.Event()
        self.held.set()
        self.before_write: Callable[[str, str], None] = lambda method, path: None
        self.cutting = False
        """Whether watches are ended at once, as by a server that goes away."""
        self.patience = 0
        """So many of the next requests are too many."""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=4 << 20)
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._living = asyncio.create_task(self._live())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._living.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._living
        await self._runner.cleanup()

    async def _live(self) -> None:
        while True:
            self.controllers.round()
            await asyncio.sleep(self._round_s)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        fault = self.faults.popleft() if self.faults and request.method != "GET" else Fault.OK
        if fault is Fault.RESET_BEFORE:
            return reset(request)
        body = await request.read()
        if fault is Fault.SLOW:
            # A black hole: the request lands late, and the answer is lost.
            await asyncio.sleep(0.5)
        if self.patience:
            self.patience -= 1
            why = "the server has received too many requests and has asked us to try again later"
            refusal = Refusal(429, "TooManyRequests", why, {"retryAfterSeconds": 1})
            return web.json_response(refusal.body, status=429, headers={"Retry-After": "1"})
        if request.query.get("watch") in ("true", "1"):
            return await self._watch(request)
        try:
            status, said = self.answer(
                request.method,
                request.path,
                dict(request.query),
                json.loads(body) if body else None,
                request.headers.get("Authorization", ""),
                request.content_type,
            )
        except Refusal as refusal:
            status, said = refusal.code, refusal.body
        if fault in (Fault.RESET_AFTER, Fault.SLOW):
            return reset(request)
        return web.json_response(said, status=status)

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any, authorization: str, kind: str
    ) -> tuple[int, Json]:
        """One request. Raises Refusal."""
        user = self._user(authorization)
        if path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews":
            wanted = body["spec"]["resourceAttributes"]
            asked = (wanted["verb"], wanted.get("group", ""), wanted["resource"])
            return 201, {**body, "metadata": {}, "status": {"allowed": self._allowed(user, asked)}}
        resource, namespace, name, below = _parsed(path)
        verb = "list" if method == "GET" and not name else _VERBS[method]
        self._authorize(user, verb, resource, namespace, name, below)
        if method == "GET":
            return 200, self._read(resource, namespace, name, below, query)
        dry = query.get("dryRun") == "All" or (isinstance(body, dict) and body.get("dryRun") == ["All"])
        if not dry:
            self.before_write(method, path)
        status, said = self._write(method, (resource, namespace, name, below), query, body, kind, dry=dry)
        if not dry:
            self.writes.append((method, path))
        return status, said

    # --- who

    def _user(self, authorization: str) -> str:
        token = authorization.removeprefix("Bearer ")
        if not authorization:
            return "system:anonymous"
        if token != ADMIN and token not in self.may:
            raise Refusal(401, "Unauthorized", "Unauthorized")
        return token

    def _allowed(self, user: str, asked: tuple[str, str, str]) -> bool:
        return user == ADMIN or asked in self.may.get(user, ())

    def _authorize(self, user: str, verb: str, resource: str, namespace: str, name: str, below: str) -> None:
        group, what = RESOURCES[resource].group, f"{resource}/{below}" if below else resource
        if self._allowed(user, (verb, group, what)):
            return
        named = f'{self.objects.named(resource)} "{name}"' if name else self.objects.named(resource)
        where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        who = f'User "{user}" cannot {verb} resource "{what}" in API group "{group}" {where}'
        raise Refusal(403, "Forbidden", f"{named} is forbidden: {who}", about(resource, name))

    # --- what

    def _continued(self, token: str) -> tuple[tuple[str, str], int]:
        """After which object a page begins, and of which version its list is."""
        if not token:
            return ("", ""), self.objects.version
        try:
            said = json.loads(base64.urlsafe_b64decode(token))
            start, version = (said["start"][0], said["start"][1]), int(said["rv"])
        except (ValueError, LookupError):
            raise Refusal(400, "BadRequest", f"invalid continue token: {token}") from None
        if version < self.objects.compacted:
            why = "The provided continue parameter is too old to display a consistent list result."
            raise Refusal(410, "Expired", why)
        return start, version

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        """What happened since a version, and what happens; bookmarks between, for whoever asks for them."""
        objects, query = self.objects, request.query
        try:
            resource, namespace, name, below = _parsed(request.path)
            self._authorize(
                self._user(request.headers.get("Authorization", "")), "watch", resource, namespace, name, below
            )
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.code)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        seen = int(query.get("resourceVersion") or objects.version)

        async def send(what: str, found: Json) -> None:
            await response.write(json.dumps({"type": what, "object": found}).encode() + b"\n")

        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(float(query.get("timeoutSeconds", "1800"))):
                while True:
                    if seen < objects.compacted:
                        why = f"too old resource version: {seen} ({objects.compacted})"
                        await send("ERROR", Refusal(410, "Expired", why).body)
                        return response
                    for version, what, happened, found in list(objects.history):
                        there = found["metadata"].get("namespace", "")
                        if version > seen and what == resource and namespace in ("", there):
                            await send(happened, found)
                    if objects.version > seen and query.get("allowWatchBookmarks") == "true":
                        kind = RESOURCES[resource]
                        api = kind.base.removeprefix("apis/").removeprefix("api/")
                        meta = {"resourceVersion": str(objects.version)}
                        await send("BOOKMARK", {"kind": kind.kind, "apiVersion": api, "metadata": meta})
                    seen = objects.version
                    await asyncio.sleep(ROUND_S)
                    if self.cutting:
                        return response
        return response

    def _read(self, resource: str, namespace: str, name: str, below: str, query: dict[str, str]) -> Json:
        if name:
            found = self.objects.get(resource, namespace, name)
            return _scale(found) if below == "scale" else found
        after, version = self._continued(query.get("continue", ""))
        items = [one for one in self.objects.every(resource, namespace) if _chosen(one, query) and _key(one) > after]
        meta: Json = {"resourceVersion": str(version)}
        if (limit := int(query.get("limit", "0"))) and len(items) > limit:
            meta["remainingItemCount"] = len(items) - limit
            items = items[:limit]
            token = json.dumps({"rv": version, "start": _key(items[-1])}).encode()
            meta["continue"] = base64.urlsafe_b64encode(token).decode()
        kind = RESOURCES[resource]
        return {"kind": f"{kind.kind}List", "apiVersion": kind.base.split("/", 1)[1], "metadata": meta, "items": items}

    def _write(
        self, method: str, where: tuple[str, str, str, str], query: dict[str, str], body: Any, kind: str, *, dry: bool
    ) -> tuple[int, Json]:
        resource, namespace, name, below = where
        if below == "eviction":
            return self._evict(namespace, name, body, dry=dry)
        if method == "POST":
            return 201, self.objects.create(resource, namespace, body, dry=dry)
        was = self.objects.get(resource, namespace, name)
        if method == "DELETE":
            return 200, self._delete(where, was, query, body or {}, dry=dry)
        now = (
            patched(was, "application/merge-patch+json" if kind == _APPLY else kind, body)
            if method == "PATCH"
            else body
        )
        if (
            now["metadata"].get("resourceVersion", was["metadata"]["resourceVersion"])
            != was["metadata"]["resourceVersion"]
        ):
            why = "the object has been modified; please apply your changes to the latest version and try again"
            named = self.objects.named(resource)
            raise Refusal(
                409, "Conflict", f'Operation cannot be fulfilled on {named} "{name}": {why}', about(resource, name)
            )
        now = _of_its_part(resource, below, was, now)
        checked(resource, now, strict=query.get("fieldValidation") == "Strict")
        done = self.objects.replace(resource, was, copy.deepcopy(now), dry=dry)
        return 200, _scale(done) if below == "scale" else done

    def _delete(
        self, where: tuple[str, str, str, str], was: Json, query: dict[str, str], options: Json, *, dry: bool
    ) -> Json:
        resource, namespace, name, _ = where
        self._preconditions(resource, was, options)
        kind = RESOURCES[resource]
        if resource == "pods":
            grace = int(options.get("gracePeriodSeconds", was["spec"].get("terminationGracePeriodSeconds", 30)))
            return was if dry else self.controllers.delete_pod(was, grace)
        if not dry:
            self.objects.drop(resource, namespace, name)
        details = {"name": name, "group": kind.group, "kind": resource, "uid": was["metadata"]["uid"]}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    def _preconditions(self, resource: str, was: Json, options: Json) -> None:
        said, meta, kind = options.get("preconditions") or {}, was["metadata"], RESOURCES[resource]
        named = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
        details = {**about(resource, meta["name"]), "kind": kind.kind}
        if said.get("uid", meta["uid"]) != meta["uid"]:
            why = (
                f"the UID in the precondition ({said['uid']}) does not match the UID in record ({meta['uid']}). "
                "The object might have been deleted and then recreated"
            )
            raise Refusal(409, "Conflict", f'Operation cannot be fulfilled on {named} "{meta["name"]}": {why}', details)
        if said.get("resourceVersion", meta["resourceVersion"]) != meta["resourceVersion"]:
            why = (
                f"the ResourceVersion in the precondition ({said['resourceVersion']}) does not match the ResourceVersion in "
                f"record ({meta['resourceVersion']}). The object might have been modified"
            )
            raise Refusal(409, "Conflict", f'Operation cannot be fulfilled on {named} "{meta["name"]}": {why}', details)

    def _evict(self, namespace: str, name: str, body: Json, *, dry: bool) -> tuple[int, Json]:
        pod = self.objects.get("pods", namespace, name)
        options = body.get("deleteOptions") or {}
        self._preconditions("pods", pod, options)
        success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
        if dry:
            # Seen: a dry run does not ask the budgets.
            return 201, success
        if not pod["metadata"].get("deletionTimestamp"):
            self.controllers.evictable(pod)
            self.controllers.delete_pod(pod, int(options.get("gracePeriodSeconds", 0)))
        return 201, success


def _parsed(path: str) -> tuple[str, str, str, str]:
    """Resource, namespace, name and subresource."""
    parts = path.strip("/").split("/")
    base, rest = (parts[:2], parts[2:]) if parts[0] == "api" else (parts[:3], parts[3:])
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    if rest[0] not in RESOURCES or RESOURCES[rest[0]].base != "/".join(base):
        raise Refusal(404, "NotFound", "the server could not find the requested resource")
    return rest[0], namespace, rest[1] if len(rest) > 1 else "", rest[2] if len(rest) > 2 else ""


def _key(one: Json) -> tuple[str, str]:
    return one["metadata"].get("namespace", ""), one["metadata"]["name"]


def _of_its_part(resource: str, below: str, was: Json, now: Json) -> Json:
    """Of a custom resource with a status of its own a write changes that, or all but that."""
    if resource not in SUBRESOURCE:
        return now
    named = f"{RESOURCES[resource].kind}.{RESOURCES[resource].group}"
    if below == "status":
        return structured({**was, "status": now.get("status", {})}, named, was["metadata"]["name"])
    if now.get("spec") != was.get("spec"):
        why = "Invalid value: a request cannot be changed; delete it and apply another one"
        name = was["metadata"]["name"]
        causes = [{"reason": "FieldValueInvalid", "message": why, "field": "spec"}]
        details = {**about(resource, name), "causes": causes}
        raise Refusal(422, "Invalid", f'{named} "{name}" is invalid: spec: {why}', details)
    kept = {"status": was["status"]} if "status" in was else {}
    return {**{key: value for key, value in now.items() if key != "status"}, **kept}


def _chosen(one: Json, query: dict[str, str]) -> bool:
    labels = one["metadata"].get("labels") or {}
    for part in filter(None, query.get("labelSelector", "").split(",")):
        name, _, value = part.partition("=")
        if labels.get(name) != value:
            return False
    for part in filter(None, query.get("fieldSelector", "").split(",")):
        name, _, value = part.partition("=")
        at: Any = one
        for step in name.split("."):
            at = (at or {}).get(step)
        if at != value:
            return False
    return True


def _scale(found: Json) -> Json:
    meta = {key: found["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
    spec, status = found["spec"], found.get("status") or {}
    shown = {"replicas": status.get("replicas", 0)}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": meta,
        "spec": {"replicas": spec["replicas"]},
        "status": shown,
    }
