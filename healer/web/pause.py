"""GET and POST /api/v1/pause, POST /api/v1/resume: the kill switch. `healer pause` and `healer resume` call it.

When a POST was answered 2xx the switch is written: no intent of its scope follows.
"""

from typing import Annotated

import msgspec
from aiohttp import web

from healer.remediation.ports import Switch
from healer.web import acting, shapes
from healer.web.body import Bodies
from healer.web.orders import read_order
from healer.web.ports import Service
from healer.web.query import as_json

BODY_BYTES = 16 * 1024


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person says: which scope ("all", "rule:NAME", "cluster:NAME", "rule:NAME on NODE"), who, and why."""

    scope: Annotated[str, msgspec.Meta(pattern=r"^(all|(rule|cluster):.{1,400})$")] = "all"
    by: Annotated[str, msgspec.Meta(max_length=200)] = ""
    why: Annotated[str, msgspec.Meta(max_length=1_000)] = ""


_order_shape = msgspec.json.Decoder(Order)


def routes(service: Service) -> list[web.RouteDef]:
    bodies = Bodies(service.bounds)

    async def listed(_: web.Request) -> web.Response:
        """`paused` is about everything; single scopes are in `items`, with a `doubt` where nothing is called so. `file` says why
        a file stops everything, beside them."""
        switches = await service.effects.switches()
        file = service.halted()
        paused = bool(file) or any(each.thrown and each.scope == "all" for each in switches)
        items = [shapes.switch(each, service.doubt(each.scope)) for each in switches]
        return as_json({"paused": paused, "file": file or None, "items": items, "total": len(items), "next": None})

    async def order(request: web.Request, *, thrown: bool) -> web.Response:
        body = await bodies.read(request, BODY_BYTES)
        try:
            said = _order(body)
        finally:
            bodies.free(len(body))
        by = acting.who(request, said.by) or acting.ANONYMOUS
        # Written first, also for what nobody knows: a switch is never refused, only doubted.
        switch = await turn(service, said.scope, by, said.why, thrown=thrown)
        return as_json(shapes.switch(switch, service.doubt(said.scope)))

    async def pause(request: web.Request) -> web.Response:
        return await order(request, thrown=True)

    async def resume(request: web.Request) -> web.Response:
        return await order(request, thrown=False)

    return [
        web.get("/api/v1/pause", listed),
        web.post("/api/v1/pause", pause),
        web.post("/api/v1/resume", resume),
    ]


async def turn(service: Service, scope: str, by: str, why: str, *, thrown: bool) -> Switch:
    """Throw a kill switch, or release it: written when this returns. Raises StoreUnavailable."""
    switch = Switch(scope, thrown, by, why, service.clock.now())
    await service.effects.throw(switch)
    return switch


def _order(body: bytes) -> Order:
    return read_order(body, _order_shape) if body.strip() else Order()
