"""GET /api/v1/remediations and /api/v1/remediations/{id}: what was done about it, and every effect that was tried."""

from typing import get_args

from aiohttp import web

from healer.remediation.model import State
from healer.web import shapes
from healer.web.ports import Service
from healer.web.problems import Problem
from healer.web.query import MAX_LIMIT, as_json, page, read_query

STATES: tuple[str, ...] = get_args(State)


def routes(service: Service) -> list[web.RouteDef]:
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

    return [
        web.get("/api/v1/remediations", listed),
        web.get("/api/v1/remediations/{id}", one),
    ]
