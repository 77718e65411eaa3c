"""Topology from a CMDB or any other HTTP server that gives node-link JSON, polled; what did not change is not sent again."""

import asyncio
from collections.abc import Mapping

import aiohttp

from healer.documents.problems import dotted
from healer.times import SECOND, Micros, format_duration
from healer.topology.settings import HttpGraph
from healer.topology.source import Read, Unreadable

CHUNK = 64 << 10
"""Bytes taken from the connection at a time."""


class TooLong(Exception):
    """The answer is longer than it may be."""


class HttpSource:
    """One URL. `ETag` and `Last-Modified` of the last good answer are sent back."""

    def __init__(self, name: str, settings: HttpGraph, session: aiohttp.ClientSession, read: Read) -> None:
        self.name = name
        self._settings = settings
        self._session = session
        self._read = read
        self._known: dict[str, str] = {}

    @property
    def every(self) -> Micros:
        return self._settings.every

    async def look(self) -> bytes | None:
        """The graph, or None when the server says that it is the same."""
        url, limit = self._settings.url, self._settings.timeout
        try:
            async with asyncio.timeout(limit / SECOND):
                status, headers, body = await self._fetch(url)
        except TimeoutError:
            raise Unreadable(f"{url} did not answer within {format_duration(limit)}") from None
        except TooLong:
            raise Unreadable(f"{url} answered with more than {self._settings.max_size} bytes (max_size)") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unreadable(f"{url}: {str(error) or type(error).__name__}") from None
        if status == 304 and self._known:
            return None
        if status != 200:
            raise Unreadable(f"{url} answered {status}")
        topology = await self._read(body)
        if not isinstance(topology, bytes):
            fault = topology[0]
            raise Unreadable(f"{url} gave no topology: {dotted(fault.way)}: {fault.message}".replace(": : ", ": "))
        known = {"If-None-Match": headers.get("ETag"), "If-Modified-Since": headers.get("Last-Modified")}
        self._known = {name: value for name, value in known.items() if value}
        return topology

    async def _fetch(self, url: str) -> tuple[int, Mapping[str, str], bytes]:
        headers = {"Accept": "application/json"} | self._known
        headers |= {name: value.reveal() for name, value in self._settings.headers.items()}
        async with self._session.get(url, headers=headers) as response:
            body = await whole(response, self._settings.max_size) if response.status == 200 else b""
            return response.status, response.headers, body


async def whole(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body to its end. Raises TooLong above `most` bytes."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK):
        body += chunk
        if len(body) > most:
            raise TooLong
    return bytes(body)
