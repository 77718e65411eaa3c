"""What was done about it, and every effect that was tried.

GET /api/v1/remediations, /api/v1/remediations/{id}. What people say of one is `healer.web.approvals`.
"""

from typing import get_args

from aiohttp import web

from healer.remediation.approval import all_steps, code_of
from healer.remediation.model import UNDER_WAY, Remediation, State
from healer.remediation.request import request_of
from healer.web import shapes
from healer.web.ports import Service
from healer.web.problems import Problem
from healer.web.query import MAX_LIMIT, as_json, page, read_query

STATES: tuple[str, ...] = get_args(State)
PAST = 500
"""Remediations that are looked through for earlier runs on the same target."""


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
        return as_json(await shape(service, await find(service, request)))

    return [web.get("/api/v1/remediations", listed), web.get("/api/v1/remediations/{id}", one)]


async def find(service: Service, request: web.Request) -> Remediation:
    """The remediation that a request names by its id, or by the code of a plan that is under way. Raises Problem 404, 409."""
    id = request.match_info["id"]
    found = await service.effects.remediation(id)
    if found is not None:
        return found
    newest = await service.effects.remediations(limit=MAX_LIMIT)
    coded = [each for each in newest if each.state in UNDER_WAY and code_of(each.plan.hash) == id.upper()]
    if len(coded) > 1:
        ids = ", ".join(each.id for each in coded)
        raise Problem(409, f"the code {id[:100]} fits several remediations: say which ({ids})")
    if not coded:
        raise Problem(404, f"there is no remediation {id[:100]}, and no plan under way has this code")
    return coded[0]


async def shape(service: Service, found: Remediation) -> shapes.Json:
    """A remediation as JSON; while somebody is asked, with all that they have to know."""
    shown = shapes.remediation(found, await service.effects.intents(found.id))
    if found.state != "awaiting_approval":
        return shown | {"request": None}
    incident = await service.projections.incident(found.plan.incident)
    past = await service.effects.remediations(limit=PAST)
    targets = {step.node for step in all_steps(found.plan)}
    asked = request_of(found, incident, past, {target: service.beneath(target) for target in targets})
    return shown | {"request": shapes.request(asked)}
