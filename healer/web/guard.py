"""What every request passes: credentials, its trace id, and the one place where failures become answers.

One middleware, since each layer costs on the way of every alert. Used by `healer.web.app`.
"""

import logging
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from healer.journey.ports import StoreUnavailable
from healer.telemetry.logs import trace_of, within_trace
from healer.telemetry.metrics import Registry
from healer.telemetry.redacting import Redactor
from healer.web import acting, rights
from healer.web.auth import Access
from healer.web.oversize import Oversize
from healer.web.problems import Problem

log = logging.getLogger(__name__)

RETRY_SECONDS = 5
"""Said to senders when the store cannot take anything now."""
_redact = Redactor()
"""A database may name itself with the user's password in its URL."""


def guarding(access: Access, registry: Registry) -> Middleware:
    """The middleware that lets in, counts, and answers what goes wrong."""
    answered = registry.counters("healer_http_requests_total", "Requests answered.", ("handler", "code"))

    async def inside(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            let_in(access, request)
            response = await handler(request)
        except Problem as problem:
            response = problem.response()
        except StoreUnavailable as unavailable:
            response = unavailable_store(unavailable).response()
        except web.HTTPException as refused:
            response = _of_aiohttp(request, refused)
        except Exception:  # the supervisor of requests: one of them failing must not end others
            log.exception("request failed", extra={"method": request.method, "path": request.path[:200]})
            response = Problem(500, "healer failed to answer; its log says more").response()
        resource = request.match_info.route.resource
        answered.of(resource.canonical if resource else "other", str(response.status)).inc()
        return response

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if "traceparent" not in request.headers:
            return await inside(request, handler)
        trace = trace_of(request.headers["traceparent"])
        with within_trace(trace):
            response = await inside(request, handler)
        if trace:
            response.headers["X-Trace-ID"] = trace
        return response

    return guard


def expecting(
    access: Access, body_limit: int, oversize: Oversize | None
) -> Callable[[web.Request], Awaitable[web.StreamResponse | None]]:
    """Answer `Expect: 100-continue`: who is not let in, or would send too much, is told before sending it.

    Without `oversize` nobody else hears of it: where strangers may come in, or no alert can be lost.
    """

    async def expected(request: web.Request) -> web.StreamResponse | None:
        try:
            let_in(access, request)
            refuse_large(request.content_length or 0, body_limit)
        except Problem as problem:
            if problem.status == 413 and oversize is not None:
                await oversize.happened(request.remote or "somebody", problem.detail)
            response = problem.response()
            response.force_close()
            return response
        if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
            return Problem(417, "only Expect: 100-continue is known").response()
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # aiohttp counts what was written to decide whether headers went out; this was none of them.
        request.writer.output_size = 0
        return None

    return expected


def let_in(access: Access, request: web.Request) -> None:
    """Find out who it is, and whether they may do such a thing at all. Raises Problem 401, 403."""
    account = access.check(request)
    if access.asks(request.path):
        rights.require(account, request)
    acting.remember(request, account)


def refuse_large(size: int, limit: int) -> None:
    """Raises Problem 413 when a body of `size` bytes is more than `limit`."""
    if size > limit:
        raise Problem(413, f"the body has {size} bytes; at most {limit} are read (server.max_body)")


def unavailable_store(unavailable: StoreUnavailable) -> Problem:
    """What senders are told while the store cannot answer: 503, the one status that Alertmanager retries."""
    return Problem(503, f"the store cannot answer now: {_redact(str(unavailable))}", retry_after=RETRY_SECONDS)


def _of_aiohttp(request: web.Request, refused: web.HTTPException) -> web.Response:
    match refused.status:
        case 404:
            detail = f"there is nothing at {request.path[:200]}"
        case 405:
            detail = f"{request.method} is not known here; try {refused.headers.get(hdrs.ALLOW, '')}"
        case _:
            detail = refused.reason
    response = Problem(refused.status, detail).response()
    if hdrs.ALLOW in refused.headers:
        response.headers[hdrs.ALLOW] = refused.headers[hdrs.ALLOW]
    return response
