"""GET and PUT /api/v1/topology, GET /api/v1/topology/sources, POST /api/v1/topology/sources/NAME/accept.

A PUT that was answered 200 is kept and merged; it replaces what was put before, and nothing else.
"""

from collections.abc import Mapping

from aiohttp import hdrs, web

from healer.survey.desk import SourceView, Unwanted
from healer.topology.merging import Conflict
from healer.topology.node_link import Fault as Wrong
from healer.web import acting, shapes
from healer.web.body import Bodies
from healer.web.ports import Service
from healer.web.problems import Fault, Problem
from healer.web.query import as_json
from healer.web.replicas import must_converge

PATH = "/api/v1/topology"
MAX_GRAPH = 512 << 20
"""Bytes of a graph; a million nodes with a few attributes are about 150 MiB."""


def routes(service: Service) -> list[web.RouteDef]:
    desk = service.desk
    if desk is None:
        return []
    bodies = Bodies(service.bounds)

    async def whole(request: web.Request) -> web.StreamResponse:
        must_converge(service)
        pieces = await desk.whole()
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "application/json; charset=utf-8"})
        response.content_length = sum(map(len, pieces))
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        return response

    async def put(request: web.Request) -> web.Response:
        must_converge(service)
        force = request.query.get("force", "") in ("true", "1", "yes")
        body = await bodies.read(request, MAX_GRAPH)
        try:
            await acting.note(service, request, "topology put", bytes=len(body), force=force)
            view = await desk.put(body, force=force)
        except Unwanted as unwanted:
            raise Problem(400, str(unwanted), [_fault(fault) for fault in unwanted.faults]) from None
        finally:
            bodies.free(len(body))
        if view.state == "refused":
            raise Problem(409, f"{view.why}; send it again with ?force=true if it is right")
        return as_json(source(view))

    async def sources(_: web.Request) -> web.Response:
        must_converge(service)
        items = [source(view) for view in desk.sources()]
        listed, count = desk.conflicts()
        conflicts = [_conflict(one) for one in listed]
        return as_json(
            {"items": items, "total": len(items), "next": None, "conflicts": conflicts, "conflict_count": count}
        )

    async def accept(request: web.Request) -> web.Response:
        must_converge(service)
        name = request.match_info["name"]
        await acting.note(service, request, "topology source accepted", source=name[:100])
        try:
            view = await desk.accept(name)
        except KeyError:
            raise Problem(404, f"the topology has no source {name[:100]}") from None
        if view is None:
            raise Problem(409, f"nothing of {name} is refused: there is nothing to accept")
        return as_json(source(view))

    return [
        web.get(PATH, whole),
        web.put(PATH, put),
        web.get(f"{PATH}/sources", sources),
        web.post(PATH + "/sources/{name}/accept", accept),
    ]


def source(view: SourceView) -> Mapping[str, object]:
    return {
        "name": view.name,
        "kind": view.kind,
        "state": view.state,
        "why": view.why or None,
        "nodes": view.nodes,
        "edges": view.edges,
        "confirmed_at": shapes.when(view.confirmed_at),
        "failing_since": shapes.when(view.failing_since),
    }


def _fault(wrong: Wrong) -> Fault:
    pointer = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in wrong.way)
    return Fault(pointer, wrong.message)


def _conflict(one: Conflict) -> Mapping[str, object]:
    return {
        "node": one.node,
        "key": one.key,
        "source": one.source,
        "value": one.said,
        "other": one.other,
        "instead_of": one.instead,
    }
