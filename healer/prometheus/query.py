"""Ask Prometheus what rules want to know: one instant query, one fresh sample, or why there is none.

Used by verification and by the asker that answers rules; a stand-in with the same methods serves the simulation.
"""

import asyncio
from collections.abc import Sequence

import aiohttp
import msgspec

from healer.alerts.identity import labels_of
from healer.journey.records import Answer
from healer.seams import Clock
from healer.settings.outside import Credentials, Prometheus
from healer.times import MINUTE, SECOND, Micros
from rules import Query

FRESH: Micros = 5 * MINUTE
"""Prometheus' own look-back: an older sample is none. What is asked is the sample's own time, not the query's."""
MAX_BODY = 4 << 20
"""Bytes of an answer."""
MAX_WORDS = 200
"""Characters of a server's complaint that are kept."""


class _Sample(msgspec.Struct):
    value: tuple[float, str]


class _Data(msgspec.Struct):
    resultType: str  # noqa: N815 - Prometheus' own name
    result: msgspec.Raw


class _Reply(msgspec.Struct):
    status: str
    data: _Data | None = None
    error: str = ""


class PrometheusQueries:
    """Queries against the configured servers, the first whose matchers hold for the incident's root."""

    def __init__(self, servers: Sequence[Prometheus], session: aiohttp.ClientSession, clock: Clock) -> None:
        self._servers = servers
        self._session = session
        self._clock = clock

    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Answer]:
        """One answer per query. Never raises for what the outside does."""
        server = self._choose(labels)
        if server is None:
            return [Answer(query.key, None, 0, "no Prometheus is configured for this incident") for query in queries]
        return list(await asyncio.gather(*(self._ask(server, query) for query in queries)))

    def _choose(self, labels: bytes) -> Prometheus | None:
        known = labels_of(labels)
        return next((server for server in self._servers if server.match.matches(known)), None)

    async def _ask(self, server: Prometheus, query: Query) -> Answer:
        try:
            value, sampled_at = await self._fetch(server, query.text)
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError, ValueError) as error:
            return Answer(query.key, None, 0, (str(error) or type(error).__name__)[:MAX_WORDS])
        return Answer(query.key, value, sampled_at)

    async def _fetch(self, server: Prometheus, text: str) -> tuple[float, Micros]:
        """The value, and the time of the sample itself: an instant query stamps its result with the time of asking."""
        value, _ = await self._one(server, text)
        try:
            sampled_at, _ = await self._one(server, f"max(timestamp({text}))")
        except ValueError:
            # `timestamp` wants a plain selector; of a computed value the evaluation time is all there is.
            return value, self._clock.now()
        at = round(sampled_at * SECOND)
        if self._clock.now() - at > FRESH:
            raise ValueError("the newest sample is older than 5m")
        return value, at

    async def _one(self, server: Prometheus, text: str) -> tuple[float, float]:
        async with asyncio.timeout(server.timeout / SECOND):
            async with self._session.post(
                f"{server.url}/api/v1/query", data={"query": text}, headers=authorization(server.auth)
            ) as response:
                body = await response.content.read(MAX_BODY)
        reply = msgspec.json.decode(body, type=_Reply)
        if reply.status != "success" or reply.data is None:
            raise ValueError(reply.error or "Prometheus could not answer")
        if reply.data.resultType == "scalar":
            at, value = msgspec.json.decode(reply.data.result, type=tuple[float, str])
            return float(value), at
        series = msgspec.json.decode(reply.data.result, type=list[_Sample])
        if len(series) != 1:
            raise ValueError("no data" if not series else f"{len(series)} series: use max() or min()")
        at, value = series[0].value
        return float(value), at


def authorization(credentials: Credentials | None) -> dict[str, str]:
    """The header by which healer shows who it is."""
    if credentials is None:
        return {}
    if credentials.bearer is not None:
        return {"Authorization": f"Bearer {credentials.bearer.reveal()}"}
    assert credentials.password is not None
    return {"Authorization": aiohttp.BasicAuth(credentials.user, credentials.password.reveal()).encode()}
