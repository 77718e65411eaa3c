"""GET /api/v1/notifications: what each channel should know and was told. POST .../{incident}/{channel}/resend: a dead
letter gets another chance. GET .../{incident}/{channel}/preview: what its readers would read now; nobody is told."""

from typing import get_args

from aiohttp import web

from healer.notification.ports import NoticeState
from healer.web import shapes
from healer.web.ports import Service
from healer.web.problems import Problem
from healer.web.query import MAX_LIMIT, as_json, page, read_query

STATES: tuple[str, ...] = get_args(NoticeState)


def routes(service: Service) -> list[web.RouteDef]:
    async def listed(request: web.Request) -> web.Response:
        """Newest first, of the newest MAX_LIMIT; `incident=` names one incident, `status=` is the state."""
        query = read_query(request, STATES)
        newest = await service.told.rows(incident=request.query.get("incident", ""), limit=MAX_LIMIT)
        found = [each for each in newest if not query.statuses or each.state in query.statuses]
        keys = [f"{each.incident}/{each.channel}/{each.matter}" for each in found]
        start = keys.index(query.cursor) + 1 if query.cursor in keys else 0
        shown = found[start : start + query.limit]
        end = start + len(shown)
        last = keys[end - 1] if shown and end < len(found) else ""
        return page([shapes.notification(each) for each in shown], len(found), last)

    async def resend(request: web.Request) -> web.Response:
        incident, channel = request.match_info["incident"], request.match_info["channel"]
        if not await service.told.resend(incident, channel, now=service.clock.now()):
            there = await service.told.rows(incident=incident)
            state = next((each.state for each in there if each.channel == channel), "")
            if state:
                raise Problem(409, f"it is no dead letter: it is {state}, and goes on by itself")
            raise Problem(404, f"nothing about {incident[:100]} was for the channel {channel[:100]}")
        row = next(each for each in await service.told.rows(incident=incident) if each.channel == channel)
        return as_json(shapes.notification(row))

    async def preview(request: web.Request) -> web.Response:
        incident, channel = request.match_info["incident"], request.match_info["channel"]
        await service.view.settled()
        text = service.preview(incident, channel) if service.preview is not None else None
        if text is None:
            raise Problem(404, f"no incident {incident[:100]} is under way, or no channel is called {channel[:100]}")
        return as_json({"incident": incident, "channel": channel, "text": text})

    return [
        web.get("/api/v1/notifications", listed),
        web.get("/api/v1/notifications/{incident}/{channel}/preview", preview),
        web.post("/api/v1/notifications/{incident}/{channel}/resend", resend),
    ]
