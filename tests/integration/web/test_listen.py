"""Opening and closing the door: requests under way finish, and closing takes bounded time."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from healer.web.listen import Listener


class Slow:
    """An application whose one page answers when the gate opens."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.gate = asyncio.Event()
        self.finished = False
        self.app = web.Application()
        self.app.add_routes([web.get("/", self.page)])

    async def page(self, _: web.Request) -> web.Response:
        self.entered.set()
        await self.gate.wait()
        self.finished = True
        return web.Response(text="done")


async def get(listener: Listener) -> str:
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{listener.port}/") as response:
        return await response.text()


async def test_a_request_under_way_is_answered_before_the_server_ends() -> None:
    slow = Slow()
    listener = Listener(slow.app, "127.0.0.1", 0)
    await listener.start()
    answer = asyncio.create_task(get(listener))
    await slow.entered.wait()
    stopping = asyncio.create_task(listener.stop(within=5))
    await asyncio.sleep(0.05)
    slow.gate.set()
    assert await answer == "done"
    assert await stopping


async def test_closing_takes_bounded_time_whatever_a_request_does() -> None:
    slow = Slow()
    listener = Listener(slow.app, "127.0.0.1", 0)
    await listener.start()
    answer = asyncio.create_task(get(listener))
    await slow.entered.wait()
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert not await listener.stop(within=0.2)
    assert loop.time() - started < 2
    slow.gate.set()
    await asyncio.wait([answer], timeout=1)
    answer.cancel()


async def test_a_taken_address_is_an_error_at_once() -> None:
    first = Listener(web.Application(), "127.0.0.1", 0)
    await first.start()
    second = Listener(web.Application(), "127.0.0.1", first.port)
    with pytest.raises(OSError, match="address already in use"):
        await second.start()
    assert await first.stop(within=1)


async def test_after_closing_nobody_is_let_in() -> None:
    listener = Listener(web.Application(), "127.0.0.1", 0)
    await listener.start()
    assert await listener.stop(within=1)
    with pytest.raises(aiohttp.ClientConnectorError):
        await get(listener)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="an endless path"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", id="a negative length"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]", id="no gzip"
        ),
    ],
)
async def test_what_is_no_http_is_one_line_of_the_log(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever scans the network does not fill the log with tracebacks, nor look like a fault of healer's."""
    listener = Listener(web.Application(), "127.0.0.1", 0)
    await listener.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(sent)
    assert b" 40" in await reader.readline()
    await reader.read()
    writer.close()
    assert await listener.stop(within=5)
    assert [(line.levelname, line.exc_info) for line in caplog.records] == [("WARNING", None)]
