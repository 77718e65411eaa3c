"""GET /api/v1/report: the noise budget of the time since `since=` (7d): what came, what people were told, what was repaired."""

from typing import Any

import msgspec
from aiohttp import web

from healer.notification.budget import Budget
from healer.times import DAY, SECOND, Micros, parse_duration
from healer.web.ports import Service
from healer.web.problems import Fault, Problem
from healer.web.query import as_json
from healer.web.shapes import when

SINCE = "7d"
LONGEST: Micros = 366 * DAY


def routes(service: Service) -> list[web.RouteDef]:
    budget = service.budget
    if budget is None:
        return []

    async def report(request: web.Request) -> web.Response:
        return as_json(shape(await budget(_since(request.query.get("since", SINCE)))))

    return [web.get("/api/v1/report", report)]


def shape(found: Budget) -> dict[str, Any]:
    """As the API writes it: times in seconds."""
    plain: dict[str, Any] = msgspec.to_builtins(found)
    medians = {name: plain.pop(name) for name in ("to_tell", "to_acknowledge", "to_resolve")}
    return {
        **plain,
        "since": when(found.since),
        "until": when(found.until),
        "messages": found.messages,
        "median_seconds": {name: None if one is None else one / SECOND for name, one in medians.items()},
    }


def _since(text: str) -> Micros:
    try:
        duration = parse_duration(text)
    except ValueError as error:
        raise Problem(400, "the query cannot be read", [Fault("/since", str(error))]) from None
    if not 0 < duration <= LONGEST:
        raise Problem(400, "the query cannot be read", [Fault("/since", "expected a duration of at most 366d")])
    return duration
