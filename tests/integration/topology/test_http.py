"""A CMDB over HTTP: what it says, what it does not say again, and everything that may be wrong with it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
import pytest
from aiohttp import web

from healer.documents.fields import Secret
from healer.survey.apart import Apart
from healer.times import SECOND
from healer.topology.graph import decode
from healer.topology.settings import HttpGraph
from healer.topology.source import Unreadable
from healer.topology.sources.http import HttpSource

T = TypeVar("T")
GRAPH = b'{"directed": true, "nodes": [{"id": "rack/r"}, {"id": "host/a"}], "links": [{"source": "rack/r", "target": "host/a"}]}'


class Cmdb:
    """`body` with `tag` as its ETag; `status` and `slow` (seconds) as a test wants them."""

    def __init__(self) -> None:
        self.url = ""
        self.body, self.tag, self.status, self.slow = GRAPH, '"1"', 200, 0.0
        self.asked: list[dict[str, str]] = []

    async def give(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.headers))
        await asyncio.sleep(self.slow)
        if self.tag and request.headers.get("If-None-Match") == self.tag:
            return web.Response(status=304, headers={"ETag": self.tag})
        headers = {"ETag": self.tag} if self.tag else {}
        return web.Response(status=self.status, body=self.body, content_type="application/json", headers=headers)


async def aside(work: Callable[[], T]) -> T:
    return work()


@asynccontextmanager
async def polling(**settings: Any) -> AsyncIterator[tuple[Cmdb, HttpSource]]:
    cmdb, app = Cmdb(), web.Application()
    app.router.add_get("/graph", cmdb.give)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/graph"
    try:
        async with aiohttp.ClientSession() as session:
            yield cmdb, HttpSource("cmdb", HttpGraph(url=url, **settings), session, Apart(aside).read)
    finally:
        await runner.cleanup()


async def test_what_did_not_change_is_not_sent_again() -> None:
    """The ETag goes back; 304 means that the graph is as it was; a new one is a new graph."""
    async with polling() as (cmdb, source):
        found = await source.look()
        assert found is not None
        assert decode(found).edges == (("rack/r", "host/a"),)
        assert await source.look() is None
        assert cmdb.asked[-1]["If-None-Match"] == '"1"'
        cmdb.body, cmdb.tag = b'{"nodes": ["host/b"]}', '"2"'
        changed = await source.look()
        assert changed is not None
        assert [node.id for node in decode(changed).nodes] == ["host/b"]


async def test_secrets_go_into_headers() -> None:
    """As the settings say them, with every request."""
    async with polling(headers={"Authorization": Secret("Bearer abc", "env:TOKEN")}) as (cmdb, source):
        await source.look()
        assert cmdb.asked[0]["Authorization"] == "Bearer abc"


@pytest.mark.parametrize(
    ("change", "settings", "why"),
    [
        ({"status": 500}, {}, "answered 500"),
        ({"body": b"<html>"}, {}, "gave no topology: .*not JSON"),
        ({"body": b'{"nodes": [{"id": 1.5}]}'}, {}, "expected the id of a node"),
        ({"body": b" " * 2000}, {"max_size": 1000}, r"more than 1000 bytes \(max_size\)"),
        ({"slow": 5.0}, {"timeout": SECOND // 10}, "did not answer within 100ms"),
    ],
)
async def test_what_is_wrong_is_named_and_believed_to_be_nothing(
    change: dict[str, Any], settings: dict[str, Any], why: str
) -> None:
    """Each failure has a sentence; what was said before is asked for again by the tag of the last good answer."""
    async with polling(**settings) as (cmdb, source):
        for name, value in change.items():
            setattr(cmdb, name, value)
        with pytest.raises(Unreadable, match=why):
            await source.look()
        assert "If-None-Match" not in cmdb.asked[-1]


async def test_a_bad_answer_does_not_become_the_known_one() -> None:
    """After a page that is no graph, its tag is not sent: the next look reads it all."""
    async with polling() as (cmdb, source):
        cmdb.body = b"{"
        with pytest.raises(Unreadable):
            await source.look()
        cmdb.body = GRAPH
        assert await source.look() is not None


async def test_a_server_that_is_gone_is_unreadable() -> None:
    """Nobody there is a failure like others."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(Unreadable, match=r"127\.0\.0\.1:9"):
            await HttpSource("cmdb", HttpGraph(url="http://127.0.0.1:9/x"), session, Apart(aside).read).look()
