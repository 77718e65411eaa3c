"""POST /api/v1/plan: what would happen for this alert now. Runs nothing, and nothing is stored."""

from typing import Annotated

import msgspec
from aiohttp import web

from healer.alerts.instants import BadTime, read_instant
from healer.web.body import Bodies
from healer.web.orders import BODY_BYTES, read_order, refuse
from healer.web.ports import Service
from healer.web.problems import Problem
from healer.web.query import as_json


class Asked(msgspec.Struct, frozen=True):
    """An alert as Alertmanager and Prometheus write it; what else they say of it is not read."""

    labels: Annotated[dict[str, str], msgspec.Meta(min_length=1, max_length=1_000)]
    startsAt: str = ""  # noqa: N815 - Alertmanager's own name


_asked = msgspec.json.Decoder(Asked)


def routes(service: Service) -> list[web.RouteDef]:
    bodies = Bodies(service.bounds)

    async def plan(request: web.Request) -> web.Response:
        if service.foresee is None:
            raise Problem(404, "this healer cannot plan ahead")
        body = await bodies.read(request, BODY_BYTES)
        try:
            asked = read_order(body, _asked)
        finally:
            bodies.free(len(body))
        try:
            starts_at = read_instant(asked.startsAt)
        except BadTime as bad:
            refuse([("startsAt", str(bad))], "the alert")
        return as_json(await service.foresee(asked.labels, starts_at))

    return [web.post("/api/v1/plan", plan)]
