"""POST /api/v1/webhooks/alertmanager and POST /api/v2/alerts: where alerts come in over HTTP.

Nothing is answered with 2xx before the journal has it. A client that goes away while its alerts are being written changes
nothing: they are stored, and it sends them again.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from healer.web.body import Bodies
from healer.web.intake import Intake
from healer.web.oversize import Oversize
from healer.web.ports import Service
from healer.web.problems import Problem


def routes(service: Service, oversize: Oversize) -> list[web.RouteDef]:
    """The two ways in."""
    intake = Intake(service)
    bodies = Bodies(service.bounds)

    async def accept(request: web.Request, take: Callable[[bytes], Awaitable[bytes]]) -> web.Response:
        body = b""
        try:
            intake.admit()
            body = await bodies.read(request)
            answer = await take(body)
        except Problem as problem:
            if problem.status == 413:
                await oversize.happened(request.remote or "somebody", str(problem))
            raise
        finally:
            bodies.free(len(body))
        if not answer:
            return web.Response()
        return web.Response(body=answer, content_type="application/json")

    async def webhook(request: web.Request) -> web.Response:
        return await accept(request, intake.webhook)

    async def posted(request: web.Request) -> web.Response:
        return await accept(request, lambda body: intake.posted(body, request.remote or ""))

    return [
        web.post("/api/v1/webhooks/alertmanager", webhook),
        web.post("/api/v2/alerts", posted),
    ]
