"""POST /api/v1/webhooks/{github,gitlab,gitee}: where Git hosts tell of pushes and deployments.

They cannot send healer's credentials, so a secret of their own decides, before anything is read out of the body; without one
set nothing is taken. What is no change, or came before, is answered 200 all the same: hosts give up a webhook that fails.
"""

import asyncio
import logging

from aiohttp import web

from healer.changes.model import SOURCES, Change, Ignored, Refused, Source
from healer.changes.receiving import receive
from healer.journey.ports import Arrival, StoreUnavailable
from healer.journey.records import Changed
from healer.times import SECOND
from healer.web import shapes
from healer.web.body import Bodies
from healer.web.ports import Bounds, Service
from healer.web.problems import Problem
from healer.web.query import as_json

log = logging.getLogger(__name__)

PATHS = frozenset(f"/api/v1/webhooks/{source}" for source in SOURCES)
"""No credentials are asked for here."""
AT_ONCE = 4
"""Bodies of the largest size that are read at the same moment: strangers may send them, and must not fill the memory."""
READ_S = 10
"""Seconds for a body to arrive: hosts wait no longer for the answer."""


def routes(service: Service) -> list[web.RouteDef]:
    """One for each host."""
    limit = service.changes.max_body
    bodies = Bodies(Bounds(body=limit, bodies=AT_ONCE * limit, read=READ_S * SECOND))
    told = service.registry.counters("healer_changes_total", "Deliveries of Git hosts.", ("source", "result"))

    def hook(source: Source) -> web.RouteDef:
        async def delivered(request: web.Request) -> web.Response:
            body = b""
            try:
                body = await _read(bodies, request, limit)
                found = receive(source, request.headers, body, service.changes, service.clock.now())
            except Refused as refused:
                told.of(source, refused.reason).inc()
                log.warning("a change was refused", extra={"source": source, "why": str(refused)})
                raise Problem(400 if refused.reason == "unreadable" else 403, str(refused)) from None
            finally:
                bodies.free(len(body))
            result, answer = await _take(service, found)
            told.of(source, result).inc()
            return as_json(answer)

        return web.post(f"/api/v1/webhooks/{source}", delivered)

    return [hook(source) for source in SOURCES]


async def _read(bodies: Bodies, request: web.Request, limit: int) -> bytes:
    try:
        return await bodies.read(request)
    except Problem as problem:
        if problem.status != 413:
            raise
        raise Problem(413, f"at most {limit} bytes of a delivery are read (changes.max_body)") from None


async def _take(service: Service, found: Change | Ignored) -> tuple[str, shapes.Json]:
    """What became of a delivery, for the metric, and as people read it at the Git host. Durable when it returns."""
    if isinstance(found, Ignored):
        return "ignored", {"result": "ignored", "why": found.why}
    if service.view.heard_of(found):
        return "repeated", {"result": "repeated", "why": "this delivery came before"}
    try:
        async with asyncio.timeout(service.bounds.store / SECOND):
            await service.journal.append([Arrival(Changed(found))])
    except TimeoutError:
        raise StoreUnavailable("it did not answer in time", ambiguous=True) from None
    nodes = service.view.touches(found)
    log.info("a change was told of", extra={"source": found.source, "repo": found.repo, "nodes": len(nodes)})
    return "recorded" if nodes else "touches nothing", {
        "result": "recorded",
        "repo": found.repo,
        "kind": found.kind,
        "state": found.state,
        "nodes": list(nodes),
    }
