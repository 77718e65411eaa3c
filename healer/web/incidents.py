"""GET /api/v1/incidents, /api/v1/incidents/{id} and its timeline: what is going on, newest first."""

from collections.abc import AsyncIterator
from typing import get_args

from aiohttp import web

from healer.alerts.identity import labels_of
from healer.convergence.outcome import AlertView, Incident, Status
from healer.web import shapes
from healer.web.ports import Service
from healer.web.problems import Problem
from healer.web.query import Query, as_json, page, read_query
from healer.web.shapes import Json

STATUSES: tuple[str, ...] = get_args(Status)
LISTED_ALERTS = 1_000
"""Alerts shown of each incident in a list; `alert_count` tells how many there are."""
SHOWN_ALERTS = 10_000
"""Alerts shown of one incident."""
SHOWN_REMEDIATIONS = 100
SEARCHED = 10_000
"""Incidents looked through for a `filter=`, newest first."""
AT_A_TIME = 500

_ORDER = {"root": 0, "member": 1, "held": 2, "silenced": 3, "suppressed": 4, "resolved": 5}


def routes(service: Service) -> list[web.RouteDef]:
    async def listed(request: web.Request) -> web.Response:
        query = read_query(request, STATUSES)
        await service.view.settled()
        if len(query.matchers) or len(query.statuses) > 1:
            found, total, more = await _searched(service, query)
        else:
            status = next(iter(query.statuses), "")
            found, total = await service.projections.incidents(
                status=status, before=query.cursor, limit=query.limit + 1
            )
            more = len(found) > query.limit
            found = found[: query.limit]
        items = [await shape(service, each, LISTED_ALERTS) for each in found]
        return page(items, total, found[-1].id if found and more else "")

    async def one(request: web.Request) -> web.Response:
        await service.view.settled()
        return as_json(await shape(service, await find(service, request), SHOWN_ALERTS))

    async def timeline(request: web.Request) -> web.Response:
        await service.view.settled()
        found = await find(service, request)
        lines = await service.projections.timeline(found.id)
        return page([shapes.happening(each) for each in lines], len(lines), "")

    return [
        web.get("/api/v1/incidents", listed),
        web.get("/api/v1/incidents/{id}", one),
        web.get("/api/v1/incidents/{id}/timeline", timeline),
    ]


async def find(service: Service, request: web.Request) -> Incident:
    """The incident that a request names. Raises Problem 404."""
    id = request.match_info["id"]
    found = await service.projections.incident(id)
    if found is None:
        raise Problem(404, f"there is no incident {id[:100]}")
    return found


async def shape(service: Service, incident: Incident, limit: int) -> Json:
    """An incident as JSON, with at most `limit` of its alerts."""
    alerts = service.view.incident_alerts(incident.id) or await service.projections.closed_alerts(incident.id)
    shown = sorted(alerts, key=_rank)[:limit]
    remediations = await service.effects.remediations(incident=incident.id, limit=SHOWN_REMEDIATIONS)
    return shapes.incident(incident, [shapes.alert(each, service.view.why(each)) for each in shown], remediations)


def _rank(alert: AlertView) -> tuple[int, bytes]:
    return _ORDER[alert.status], alert.labels


async def _searched(service: Service, query: Query) -> tuple[list[Incident], int, bool]:
    """The page, how many match among those looked through, and whether more follow."""
    found: list[Incident] = []
    total = 0
    reached = not query.cursor
    more = False
    async for incident in _newest_first(service):
        if query.statuses and incident.status not in query.statuses:
            continue
        if not query.matchers.matches(labels_of(incident.root.labels)):
            continue
        total += 1
        if reached and len(found) < query.limit:
            found.append(incident)
        elif reached:
            more = True
        reached = reached or incident.id == query.cursor
    return found, total, more


async def _newest_first(service: Service) -> AsyncIterator[Incident]:
    before = ""
    for _ in range(SEARCHED // AT_A_TIME):
        some, _total = await service.projections.incidents(before=before, limit=AT_A_TIME)
        for incident in some:
            yield incident
        if len(some) < AT_A_TIME:
            return
        before = some[-1].id
