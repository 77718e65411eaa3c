"""HTTP and mail in virtual time: clients and servers, as they are, joined by wires in memory.

Hosts are stand-ins of providers; `Network.session` is one incarnation's way to them. A host can be down, and a process may die
with a request on its way, or with an answer.
"""

import asyncio
import errno
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Literal

import aiohttp
from aiohttp import web
from aiohttp.client_proto import ResponseHandler

LATENCY_S = 0.02
"""Seconds that a connection, a request and an answer are on their way."""
KEPT_S = 7 * 86_400.0
"""Seconds that a host keeps a connection on which nothing happens: aiohttp looks at whether it is time by a clock that never
stands still, and here would look for ever."""
Outage = Literal["", "refuses", "unreachable"]
"""Nobody takes the connection, or nothing comes back at all."""
Passing = Literal["request", "answer"]


class Wire(asyncio.Transport):
    """One end of a connection. What is written here arrives at the other end, in order; `context` is whose end it is."""

    def __init__(self, protocol: asyncio.Protocol, context: Context, passes: Callable[[], None]) -> None:
        super().__init__()
        self.protocol = protocol
        self.other: Wire | None = None
        self._context = context
        self._passes = passes
        self._loop = asyncio.get_running_loop()
        self._coming: deque[bytes | None] = deque()
        self._closing = False

    def begin(self, other: "Wire") -> None:
        self.other = other
        self._context.run(self.protocol.connection_made, self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing:
            self._passes()
            self._send(bytes(data))

    def close(self) -> None:
        if not self._closing:
            self._send(None)
            self._end(None)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        """Bodies are small: what was sent is taken."""

    def resume_reading(self) -> None:
        """Nothing was held back."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("192.0.2.1", 443) if name in ("peername", "sockname") else default

    def _send(self, data: bytes | None) -> None:
        assert self.other is not None, "a wire has two ends"
        self.other.take(data)

    def take(self, data: bytes | None) -> None:
        """Something is on its way to this end, behind what was sent before; None is the end of the connection."""
        self._coming.append(data)
        self._loop.call_later(LATENCY_S, self._arrive, context=self._context)

    def _arrive(self) -> None:
        data = self._coming.popleft()
        if self._closing:
            return
        if data is None:
            self._end(ConnectionResetError("the other end closed it"))
        else:
            self.protocol.data_received(data)

    def _end(self, error: Exception | None) -> None:
        self._closing = True
        self._loop.call_soon(self.protocol.connection_lost, error, context=self._context)


class Host:
    """Whoever answers under a name; `make` makes its end of a connection. `down`: nobody does."""

    def __init__(self, make: Callable[[], asyncio.Protocol]) -> None:
        self.down: Outage = ""
        self._make = make
        self._wires: list[Wire] = []

    async def start(self) -> None:
        """Before the first connection."""

    async def stop(self) -> None:
        """After the last."""

    def fail(self, outage: Outage) -> None:
        """From now on it is down, and so is each connection to it."""
        self.down = outage
        for wire in self._wires:
            wire.abort()
        self._wires.clear()

    def accept(self, passes: Callable[[], None]) -> Wire:
        """Its end of a new connection, which belongs to nobody who could die."""
        context = Context()
        self._wires = [wire for wire in self._wires if not wire.is_closing()]
        self._wires.append(Wire(context.run(self._make), context, passes))
        return self._wires[-1]


class Site(Host):
    """One that speaks HTTP."""

    def __init__(self, app: web.Application) -> None:
        super().__init__(self._handler)
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEPT_S)

    async def start(self) -> None:
        await self._runner.setup()

    async def stop(self) -> None:
        await self._runner.cleanup()

    def _handler(self) -> asyncio.Protocol:
        assert self._runner.server is not None, "it was started"
        return self._runner.server()


class Network:
    """All hosts by name. `on_passing` hears of everything that sets out to a host, and back."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self.on_passing: Callable[[str, Passing], None] = lambda _host, _what: None
        self._connectors: list[_Connector] = []
        self._sessions: list[aiohttp.ClientSession] = []

    def session(self) -> aiohttp.ClientSession:
        """For the incarnation that asks for it."""
        self._connectors.append(_Connector(self))
        self._sessions.append(aiohttp.ClientSession(connector=self._connectors[-1]))
        return self._sessions[-1]

    async def open(self, name: str, protocol: asyncio.Protocol) -> Wire:
        """A connection of the incarnation that asks for it. Raises OSError where nobody takes it."""
        await asyncio.sleep(LATENCY_S)
        host = self.hosts[name]
        if host.down == "unreachable":
            await asyncio.get_running_loop().create_future()  # until whoever connects gives up
        if host.down:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        near = Wire(protocol, copy_context(), lambda: self.on_passing(name, "request"))
        far = host.accept(lambda: self.on_passing(name, "answer"))
        near.begin(far)
        far.begin(near)
        return near

    async def create_connection(
        self, make: Callable[[], asyncio.Protocol], host: str, port: int, **_: Any
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """In the place of the loop's, for clients that know no other way: a host has one port."""
        protocol = make()
        return await self.open(host, protocol), protocol

    async def close(self) -> None:
        """Sessions of the dead cannot close themselves."""
        for session, connector in zip(self._sessions, self._connectors, strict=True):
            session.detach()
            connector._close()
        for host in self.hosts.values():
            await host.stop()


class _Connector(aiohttp.BaseConnector):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network

    async def _create_connection(self, req: aiohttp.ClientRequest, traces: Any, timeout: Any) -> ResponseHandler:
        protocol: ResponseHandler = self._factory()
        try:
            await self._network.open(req.url.host or "", protocol)
        except OSError as error:
            raise aiohttp.ClientConnectorError(req.connection_key, error) from error
        return protocol
