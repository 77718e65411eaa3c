"""What is known, why, and what was not taken.

GET /api/v1/alerts, /api/v1/alerts/{fingerprint}/explanation and /api/v1/refused.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from typing import get_args

from aiohttp import web

from healer.alerts.identity import labels_of
from healer.convergence.outcome import AlertStatus, AlertView
from healer.web import shapes
from healer.web.fingerprints import Fingerprints
from healer.web.ports import Service, View
from healer.web.problems import Problem
from healer.web.query import Query, as_json, page, read_query

STATUSES: tuple[str, ...] = get_args(AlertStatus)
AT_A_TIME = 500
"""Alerts looked at before other requests get their turn."""
KEY_BYTES = 256
"""Of its labels, in the key that a cursor carries."""
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


def routes(service: Service) -> list[web.RouteDef]:
    view, fingerprints = service.view, Fingerprints()

    async def listed(request: web.Request) -> web.Response:
        query = read_query(request, STATUSES)
        await view.settled()
        if query.limit == 0 and not query.statuses and not len(query.matchers):
            return page([], view.alert_count(), "")
        found, total, more = await _page(view, query)
        last = _key(found[-1]) if found and more else ""
        return page([shapes.alert(each, view.why(each)) for each in found], total, last)

    async def explained(request: web.Request) -> web.Response:
        wanted = request.match_info["fingerprint"].lower()
        if not _FINGERPRINT.fullmatch(wanted):
            raise Problem(400, "a fingerprint has 16 hexadecimal digits")
        await view.settled()
        alert = await fingerprints.find(view, wanted)
        if alert is not None:
            incident = await service.projections.incident(alert.incident) if alert.incident else None
            return as_json(shapes.explanation(alert, view.why(alert), incident))
        raise Problem(404, f"no alert has the fingerprint {wanted}; it may have resolved and been forgotten")

    async def refused(request: web.Request) -> web.Response:
        query = read_query(request)
        found = await service.projections.refused(limit=query.limit)
        return page([shapes.refused(each) for each in found], len(found), "")

    return [
        web.get("/api/v1/alerts", listed),
        web.get("/api/v1/alerts/{fingerprint}/explanation", explained),
        web.get("/api/v1/refused", refused),
    ]


async def _page(view: View, query: Query) -> tuple[list[AlertView], int, bool]:
    """The first `limit` matching alerts after the cursor; how many match in all; whether more follow."""
    kept: list[tuple[str, AlertView]] = []
    total = 0
    more = False
    async for alert in _walk(view):
        if query.statuses and alert.status not in query.statuses:
            continue
        if len(query.matchers) and not query.matchers.matches(labels_of(alert.labels)):
            continue
        total += 1
        if query.limit and (key := _key(alert)) > query.cursor:
            kept.append((key, alert))
            if len(kept) > 4 * query.limit:
                kept, more = _first(kept, query.limit), True
    more = more or len(kept) > query.limit
    return [alert for _, alert in _first(kept, query.limit)], total, more


def _first(keyed: list[tuple[str, AlertView]], count: int) -> list[tuple[str, AlertView]]:
    return sorted(keyed, key=lambda pair: pair[0])[:count]


def _key(alert: AlertView) -> str:
    """Where an alert stands in the list: by its labels, in a text short enough for a URL."""
    return alert.labels[:KEY_BYTES].decode(errors="ignore") + hashlib.blake2b(alert.labels, digest_size=8).hexdigest()


async def _walk(view: View) -> AsyncIterator[AlertView]:
    for number, alert in enumerate(view.alerts()):
        if number % AT_A_TIME == AT_A_TIME - 1:
            await asyncio.sleep(0)
        yield alert
