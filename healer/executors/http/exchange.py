"""One request, sent at most once, and what is known of it afterwards. Used by the calls beside it.

Everything is in `Request`; no redirect is followed, no proxy of the environment is used, and no text of the client's gets
out, since it would name the URL, which may hold a secret.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp
import msgspec
from yarl import URL

from healer.executors.http.connecting import Connector
from healer.executors.http.reach import Reach
from healer.executors.once import Lost, Unsent
from healer.executors.target import Go
from healer.telemetry.outgoing import trace_headers

CONNECT_S = 10.0
"""Seconds at most until the connection stands."""


class Request(msgspec.Struct, frozen=True):
    """What goes out, within `timeout_s` seconds; of the answer's body at most `limit` bytes are read."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout_s: float
    limit: int

    @property
    def host(self) -> str:
        """As much of the address as may be shown."""
        return urlsplit(self.url).hostname or ""


class Reply(msgspec.Struct, frozen=True):
    """An answer: its status, and what was read of its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool


async def always() -> bool:
    """For what changes nothing, nobody needs to be asked."""
    return True


async def exchange(request: Request, reach: Reach, go: Go = always) -> Reply:
    """The answer. Raises Unsent, Lost, Stopped (go said no, and nothing was sent), and what `go` raises."""
    connect = min(CONNECT_S, request.timeout_s)
    timeout = aiohttp.ClientTimeout(total=request.timeout_s, connect=connect)
    connector = Connector(reach.allowed, go)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, auto_decompress=False, trust_env=False) as session,
            session.request(
                request.method,
                URL(request.url, encoded=True),
                data=request.body or None,
                headers={"Accept-Encoding": "identity", "User-Agent": "healer", **request.headers, **trace_headers()},
                timeout=timeout,
                allow_redirects=False,
                ssl=reach.trust,
            ) as response,
        ):
            body = await _read(response, request.limit + 1)
            cut = len(body) > request.limit
            return Reply(response.status, dict(response.headers), body[: request.limit], cut)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        if connector.error is not None:
            raise connector.error from None
        if connector.opened:
            raise Lost(f"{request.host} gave no answer ({type(error).__name__})") from None
        if connector.forbidden:
            raise Unsent(f"{request.host}: {connector.forbidden[0]}", lasting=True) from None
        if isinstance(error, aiohttp.ServerFingerprintMismatch | aiohttp.ClientConnectorCertificateError):
            raise Unsent(f"{request.host} shows a certificate that is not trusted here", lasting=True) from None
        raise Unsent(f"{request.host} cannot be reached: {_cause(error)}") from None


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, at most `limit` bytes. What broke off is read as far as it came: the status counts all the same."""
    found = bytearray()
    try:
        async for chunk in response.content.iter_any():
            found += chunk
            if len(found) >= limit:
                break
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass
    return bytes(found[:limit])


def _cause(error: Exception) -> str:
    """What the operating system said, which knows no URL."""
    cause = getattr(error, "os_error", None)
    said = getattr(cause, "strerror", None) or (str(cause) if isinstance(cause, OSError) else "")
    return said or type(error).__name__
