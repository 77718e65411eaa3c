"""A stand-in for an HTTP proxy: it hands requests on, and asks for a password where it has one (RFC 9110, 7.6 and 11.7)."""

import base64
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

_HOP_BY_HOP = {"host", "proxy-authorization", "proxy-connection", "connection", "content-length", "transfer-encoding"}


class ProxyStandin:
    """A forward proxy for plain HTTP. `seen` are the addresses that it was asked for."""

    def __init__(self, credentials: str = "") -> None:
        self.address = ""
        """Host and port."""
        self.credentials = credentials
        """Name and password, with a colon between."""
        self.seen: list[str] = []
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        self._runner = web.ServerRunner(web.Server(self._forward))
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = "{}:{}".format(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        assert self._runner is not None
        await self._session.close()
        await self._runner.cleanup()

    async def _forward(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = request.headers.get("Proxy-Authorization", "")
        wanted = f"Basic {base64.b64encode(self.credentials.encode()).decode()}" if self.credentials else ""
        if asked != wanted:
            return web.Response(status=407, headers={"Proxy-Authenticate": "Basic"})
        self.seen.append(str(request.url))
        assert self._session is not None
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        async with self._session.request(
            request.method, request.url, data=await request.read(), headers=headers
        ) as reply:
            return web.Response(status=reply.status, body=await reply.read(), content_type=reply.content_type)
