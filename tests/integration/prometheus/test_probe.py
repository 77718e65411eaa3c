"""A URL is asked for its status by a real client of a real server."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from healer.journey.records import Answer
from healer.prometheus import probe
from healer.prometheus.probe import HttpProbe
from rules import Query
from tests.contracts.store.given import NOON, HandClock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def asked(handler: Handler, path: str = "/health") -> Answer:
    """What comes of asking a server that answers so."""
    app = web.Application()
    app.router.add_get("/{any:.*}", handler)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        return await HttpProbe(session, HandClock()).ask(Query("k", str(server.make_url(path)), "http"))


async def test_the_status_is_the_answer() -> None:
    """As of when it was asked; what the body says does not matter, nor how long it is."""

    async def well(_: web.Request) -> web.Response:
        return web.Response(status=204)

    async def ill(_: web.Request) -> web.Response:
        return web.Response(status=503, text="x" * 1_000_000)

    assert await asked(well) == Answer("k", 204.0, NOON)
    assert await asked(ill) == Answer("k", 503.0, NOON)


async def test_nobody_is_followed_elsewhere() -> None:
    """A redirect is a status like any other."""

    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://169.254.169.254/latest/meta-data")

    assert (await asked(elsewhere)).value == 302.0


async def test_no_answer_is_unknown() -> None:
    """A server that is away, and one that is silent: why is said."""
    async with aiohttp.ClientSession() as session:
        away = await HttpProbe(session, HandClock()).ask(Query("k", "http://127.0.0.1:1/health", "http"))
    assert (away.value, away.why) == (None, "http://127.0.0.1:1/health did not answer: ClientConnectorError")


async def test_a_silent_server_is_given_up() -> None:
    """In bounded time."""
    silent = asyncio.Event()

    async def mute(_: web.Request) -> web.Response:
        await silent.wait()
        return web.Response()

    before, probe.TIMEOUT_S = probe.TIMEOUT_S, 0.05
    try:
        answer = await asked(mute)
    finally:
        probe.TIMEOUT_S = before
        silent.set()
    assert answer.value is None
    assert answer.why.endswith("did not answer within 0.05 s")
