"""GET /api/v1/rules: every rule with its mode, what it has done, what it would have done, and what of that helped."""

from aiohttp import web

from healer.web.ports import Service
from healer.web.query import as_json


def routes(service: Service) -> list[web.RouteDef]:
    async def listed(_: web.Request) -> web.Response:
        items = await service.rules() if service.rules is not None else []
        return as_json({"items": items, "total": len(items), "next": None})

    return [web.get("/api/v1/rules", listed)]
