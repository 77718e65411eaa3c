"""Pinging over HTTP: what counts as reached, and that the URL stays a secret."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from healer.documents.fields import Secret
from healer.heartbeat.http import HttpPing
from healer.heartbeat.watch import PingFailed
from tests.servers.process import free_port


class Switch:
    """A dead man's switch."""

    def __init__(self) -> None:
        self.status = 200
        self.pinged = 0
        self.url = ""

    async def ping(self, _request: web.Request) -> web.Response:
        self.pinged += 1
        return web.Response(status=self.status)


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    switch, app = Switch(), web.Application()
    app.router.add_get("/s3cret-uuid", switch.ping)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    switch.url = f"http://127.0.0.1:{runner.addresses[0][1]}/s3cret-uuid"
    yield switch
    await runner.cleanup()


async def test_a_ping_reaches_the_switch(switch: Switch) -> None:
    """One GET each."""
    async with aiohttp.ClientSession() as session:
        await HttpPing(Secret(switch.url), session)()
    assert switch.pinged == 1


async def test_a_refusal_is_a_failure_without_the_url(switch: Switch) -> None:
    """What it answered is told; where it lives is not."""
    switch.status = 404
    async with aiohttp.ClientSession() as session:
        with pytest.raises(PingFailed, match=r"^it answered 404$"):
            await HttpPing(Secret(switch.url), session)()
        gone = f"http://127.0.0.1:{free_port()}/s3cret-uuid"
        with pytest.raises(PingFailed, match=r"^ClientConnectorError$") as failed:
            await HttpPing(Secret(gone), session)()
        assert failed.value.__cause__ is None
