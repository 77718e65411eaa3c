"""GET /api/v1/drills, GET and POST /api/v1/drills/{name}: rehearsals of the whole loop. `healer drill` calls it."""

from aiohttp import web

from healer.web.ports import Drills, Service
from healer.web.problems import Problem
from healer.web.query import as_json


def routes(service: Service) -> list[web.RouteDef]:
    drills = service.drills
    if drills is None:
        return []

    async def listed(_: web.Request) -> web.Response:
        items = await drills.all()
        return as_json({"items": items, "total": len(items), "next": None})

    async def one(request: web.Request) -> web.Response:
        """Its last run, as far as it is."""
        name = request.match_info["name"]
        if name not in {each["name"] for each in await drills.all()}:
            raise await _unknown(drills, name)
        found = await drills.last(name)
        if found is None:
            raise Problem(404, f"the drill {name} has not been run yet: POST here begins it")
        return as_json(found)

    async def start(request: web.Request) -> web.Response:
        """Begin it; while it runs a second POST begins nothing, and says how the first one goes."""
        name = request.match_info["name"]
        found = drills.start(name)
        if found is None:
            raise await _unknown(drills, name)
        return as_json(found)

    return [
        web.get("/api/v1/drills", listed),
        web.get("/api/v1/drills/{name}", one),
        web.post("/api/v1/drills/{name}", start),
    ]


async def _unknown(drills: Drills, name: str) -> Problem:
    known = ", ".join(each["name"] for each in await drills.all())
    return Problem(404, f"there is no drill {name[:100]}: {known}; others are declared in the settings, under `drills`")
