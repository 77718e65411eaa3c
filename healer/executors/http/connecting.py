"""One connection for one request: only to an address that may be called, and only used if the last word is go.

The name is looked up once, and what is checked is the address that the socket goes to. Go is asked for when the
connection stands, TLS included: from then on only the request's bytes are missing. Called by `exchange`.
"""

import errno
import socket
from collections.abc import Sequence
from typing import Any

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import AddrInfoType, Connection
from aiohttp.tracing import Trace

from healer.executors.http.addresses import Network, refusal
from healer.executors.once import Stopped
from healer.executors.target import Go


class Connector(aiohttp.TCPConnector):
    """Connects for one request. `forbidden` says which addresses were not tried, and why."""

    def __init__(self, allowed: Sequence[Network], go: Go) -> None:
        super().__init__(force_close=True, use_dns_cache=False, socket_factory=self._socket)
        self._allowed = allowed
        self._go = go
        self.forbidden: list[str] = []
        self.opened = False
        """Whether the request may have been sent: until then nothing can have happened."""
        self.error: BaseException | None = None
        """What `go` raised: the client would take some of it for its own."""

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        """A connection that may be used. Raises Stopped, and what `go` raises."""
        connection = await super().connect(req, traces, timeout)
        try:
            if not await self._go():
                raise Stopped
        except BaseException as error:
            self.error = error
            connection.close()
            raise
        self.opened = True
        return connection

    def _socket(self, found: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = found
        why = refusal(str(_host(address)), self._allowed)
        if why:
            self.forbidden.append(why)
            raise OSError(errno.EACCES, why)
        return socket.socket(family, kind, protocol)


def _host(address: tuple[Any, ...]) -> object:
    """Of a socket's address, which begins with it in both families."""
    return address[0]
