"""The API server's HTTP side: who asks, what for, and what is refused."""

import asyncio
import contextlib
import copy
import json
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Self

from aiohttp import web

from tests.standins.cluster.controllers import Controllers
from tests.standins.cluster.objects import RESOURCES, Json, Objects, Refusal, about
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

    def _read(self, resource: str, namespace: str, name: str, below: str, query: dict[str, str]) -> Json:
        if name:
            found = self.objects.get(resource, namespace, name)
            return _scale(found) if below == "scale" else found
        items = [one for one in self.objects.every(resource, namespace) if _chosen(one, query)]
        meta: Json = {"resourceVersion": str(self.objects.version)}
        if (limit := int(query.get("limit", "0"))) and len(items) > limit:
            meta["continue"] = "more"
            items = items[:limit]
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
