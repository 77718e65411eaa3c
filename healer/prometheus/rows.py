"""The labels of every row of a query: what the topology's Prometheus source asks for."""

import asyncio
from collections.abc import Mapping, Sequence

import aiohttp
import msgspec

from healer.prometheus.answer import TooLong, authorization, whole
from healer.settings.outside import Prometheus
from healer.times import SECOND
from healer.topology.source import Aside, Unreadable

ROW_BYTES = 2_048
"""Bytes of one row, on average, that an answer may have."""
MAX_WORDS = 200
"""Characters of a server's complaint that are kept."""


class _Row(msgspec.Struct):
    metric: dict[str, str]


class _Data(msgspec.Struct):
    result: list[_Row] = []


class _Reply(msgspec.Struct):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""


_data = msgspec.json.Decoder(_Data)
_reply = msgspec.json.Decoder(_Reply)


class PrometheusTables:
    """Asks one server for tables."""

    def __init__(self, server: Prometheus, session: aiohttp.ClientSession, aside: Aside) -> None:
        self._server = server
        self._session = session
        self._aside = aside

    async def ask(self, query: str, most: int) -> Sequence[Mapping[str, str]]:
        """The labels of every row. Raises Unreadable, also for more than `most` rows."""
        server = self._server
        try:
            async with asyncio.timeout(server.timeout / SECOND):
                status, body = await self._fetch(query, most * ROW_BYTES)
        except TimeoutError:
            raise Unreadable(f"{server.url} gave no answer within {server.timeout / SECOND:g}s") from None
        except (aiohttp.ClientError, OSError, TooLong) as error:
            raise Unreadable(f"{server.url}: {str(error) or type(error).__name__}") from None
        rows = await self._aside(lambda: self._rows(status, body))
        if len(rows) > most:
            raise Unreadable(f"{query!r} has {len(rows)} rows, at most {most} are read (max_rows)")
        return rows

    async def _fetch(self, query: str, most: int) -> tuple[int, bytes]:
        url, headers = f"{self._server.url}/api/v1/query", authorization(self._server.auth)
        async with self._session.post(url, data={"query": query}, headers=headers) as response:
            return response.status, await whole(response, most)

    def _rows(self, status: int, body: bytes) -> list[dict[str, str]]:
        try:
            reply = _reply.decode(body)
            if reply.status != "success":
                raise Unreadable(f"{self._server.url}: {(reply.error or 'could not answer')[:MAX_WORDS]}")
            return [row.metric for row in _data.decode(reply.data).result]
        except msgspec.MsgspecError:
            what = "and not with the rows of an instant query"
            raise Unreadable(f"{self._server.url} answered {status}, {what}") from None
