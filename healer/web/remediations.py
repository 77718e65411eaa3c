"""What was done about it, and every effect that was tried; and the answers of those who are asked whether it may be done.

GET /api/v1/remediations, /api/v1/remediations/{id}; POST /api/v1/remediations/{id}/approve and /reject.
"""

from collections.abc import Callable
from typing import Annotated, get_args

import msgspec
from aiohttp import web

from healer.remediation.approval import NotAsked, agree, reject
from healer.remediation.model import Remediation, State
from healer.times import Micros
from healer.web import acting, shapes
from healer.web.body import Bodies
from healer.web.orders import BODY_BYTES, read_order
from healer.web.ports import Service
from healer.web.problems import Problem
from healer.web.query import MAX_LIMIT, as_json, page, read_query

STATES: tuple[str, ...] = get_args(State)


Say = Callable[[Remediation, str, Micros, str], Remediation]


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who answers, and to which plan (its hash): without it, whichever is asked about now."""

    by: Annotated[str, msgspec.Meta(max_length=200)] = ""
    plan: Annotated[str, msgspec.Meta(max_length=64)] = ""


def routes(service: Service) -> list[web.RouteDef]:
    bodies = Bodies(service.bounds)

    async def listed(request: web.Request) -> web.Response:
        """Newest first, of the newest MAX_LIMIT; `incident=` names one incident, `status=` is the state."""
        query = read_query(request, STATES)
        newest = await service.effects.remediations(incident=request.query.get("incident", ""), limit=MAX_LIMIT)
        found = [each for each in newest if not query.statuses or each.state in query.statuses]
        start = next((number + 1 for number, each in enumerate(found) if each.id == query.cursor), 0)
        shown = found[start : start + query.limit]
        more = start + len(shown) < len(found)
        return page(
            [shapes.brief_remediation(each) for each in shown], len(found), shown[-1].id if shown and more else ""
        )

    async def one(request: web.Request) -> web.Response:
        id = request.match_info["id"]
        found = await service.effects.remediation(id)
        if found is None:
            raise Problem(404, f"there is no remediation {id[:100]}")
        return as_json(shapes.remediation(found, await service.effects.intents(id)))

    async def answered(request: web.Request, say: Say) -> web.Response:
        """Somebody who was asked says yes or no. 409 where nobody is asked (any more), or about another plan."""
        id = request.match_info["id"]
        body = await bodies.read(request, BODY_BYTES)
        try:
            order = read_order(body, Answer) if body.strip() else Answer()
        finally:
            bodies.free(len(body))
        found = await service.effects.remediation(id)
        if found is None:
            raise Problem(404, f"there is no remediation {id[:100]}")
        by = acting.who(request, order.by) or acting.ANONYMOUS
        try:
            after = say(found, by, service.clock.now(), order.plan)
        except NotAsked as no:
            raise Problem(409, str(no)) from None
        if not await service.effects.move(after, was="awaiting_approval", now=service.clock.now()):
            raise Problem(409, f"remediation {id[:100]} went on meanwhile")
        return as_json(shapes.remediation(after, await service.effects.intents(id)))

    async def approve(request: web.Request) -> web.Response:
        return await answered(request, agree)

    async def refuse(request: web.Request) -> web.Response:
        return await answered(request, reject)

    return [
        web.get("/api/v1/remediations", listed),
        web.get("/api/v1/remediations/{id}", one),
        web.post("/api/v1/remediations/{id}/approve", approve),
        web.post("/api/v1/remediations/{id}/reject", refuse),
    ]
