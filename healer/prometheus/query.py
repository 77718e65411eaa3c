"""Ask Prometheus what rules want to know: one instant query, one fresh sample, or why there is none.

Used by verification and by the asker that answers rules; a stand-in with the same methods serves the simulation.
"""

import asyncio
import math
from collections.abc import Sequence

import aiohttp
import msgspec

from healer.alerts.identity import labels_of
from healer.journey.records import Answer
from healer.prometheus.answer import authorization, whole
from healer.prometheus.selectors import selectors
from healer.seams import Clock
from healer.settings.outside import Prometheus
from healer.telemetry.outgoing import trace_headers
from healer.times import MINUTE, SECOND, Micros
from rules import Query

FRESH: Micros = 5 * MINUTE
"""Prometheus' own look-back: an older sample is none. What is asked is the sample's own time, not the query's."""
MAX_BODY = 4 << 20
"""Bytes of an answer."""
MAX_WORDS = 200
"""Characters of a server's complaint that are kept."""
MAX_SELECTORS = 8
"""Selectors of one expression whose samples are looked at; with more nothing can be said about their time."""


class _Sample(msgspec.Struct):
    value: tuple[float, str]


class _Data(msgspec.Struct):
    resultType: str  # noqa: N815 - Prometheus' own name
    result: msgspec.Raw


class _Reply(msgspec.Struct):
    status: str
    data: _Data | None = None
    error: str = ""


_scalar = msgspec.json.Decoder(tuple[float, str])
_samples = msgspec.json.Decoder(list[_Sample])
_reply = msgspec.json.Decoder(_Reply)


class NoSample(Exception):
    """Why there is no value."""


class PrometheusQueries:
    """Queries against the configured servers, the first whose matchers hold for the incident's root."""

    def __init__(self, servers: Sequence[Prometheus], session: aiohttp.ClientSession, clock: Clock) -> None:
        self._servers = servers
        self._session = session
        self._clock = clock

    async def ask(self, queries: Sequence[Query], labels: bytes, at: Micros | None = None) -> list[Answer]:
        """One answer per query: now, or as it would have been at an instant. Never raises for what the outside does."""
        server = self._choose(labels)
        if server is None:
            return [Answer(query.key, None, 0, "no Prometheus is configured for this incident") for query in queries]
        return list(await asyncio.gather(*(self._ask(server, query, at) for query in queries)))

    def _choose(self, labels: bytes) -> Prometheus | None:
        known = labels_of(labels)
        return next((server for server in self._servers if server.match.matches(known)), None)

    async def _ask(self, server: Prometheus, query: Query, at: Micros | None) -> Answer:
        try:
            async with asyncio.timeout(server.timeout / SECOND):
                value, sampled_at = await self._fetch(server, query.text, at)
        except TimeoutError:
            return Answer(query.key, None, 0, f"no answer within {server.timeout / SECOND:g}s")
        except (aiohttp.ClientError, NoSample, ValueError) as error:
            return Answer(query.key, None, 0, (str(error) or type(error).__name__)[:MAX_WORDS])
        return Answer(query.key, value, sampled_at)

    async def _fetch(self, server: Prometheus, text: str, then: Micros | None) -> tuple[float, Micros]:
        """The value, and the time of the oldest sample behind it: an instant query stamps its result with the time of
        asking. A sample is looked at before the value, so that the value is never older than it is said to be."""
        sampled = await self._sampled_at(server, text, then)
        began = self._clock.now() if then is None else then
        found = await self._vector(server, text, then)
        if len(found) != 1:
            raise NoSample("no data" if not found else f"{len(found)} series: use max() or min()")
        asked_at, written = found[0]
        value = float(written)
        if math.isnan(value):
            raise NoSample("not a number")
        # Its age by Prometheus' clock, counted back by healer's: the two may differ by more than an effect takes.
        at = began - round((asked_at - (asked_at if sampled is None else sampled)) * SECOND)
        if (self._clock.now() if then is None else then) - at > FRESH:
            raise NoSample("the newest sample is older than 5m")
        return value, at

    async def _sampled_at(self, server: Prometheus, text: str, then: Micros | None) -> float | None:
        """When the oldest of the samples that the expression reads was taken, in seconds; None when it reads none."""
        reads = selectors(text)
        if len(reads) > MAX_SELECTORS:
            raise NoSample(f"reads {len(reads)} selectors, at most {MAX_SELECTORS} can be dated: use a recording rule")
        times = await asyncio.gather(*(self._vector(server, f"min(timestamp({one}))", then) for one in reads))
        return min((float(written) for found in times for _, written in found), default=None)

    async def _vector(self, server: Prometheus, text: str, then: Micros | None) -> list[tuple[float, str]]:
        """(time of asking in seconds, value) of each series; of a scalar one."""
        url = f"{server.url}/api/v1/query"
        headers = authorization(server.auth) | trace_headers()
        when = {} if then is None else {"time": f"{then / SECOND:.3f}"}
        async with self._session.post(url, data={"query": text} | when, headers=headers) as response:
            body = await whole(response, MAX_BODY)
        try:
            reply = _reply.decode(body)
        except msgspec.MsgspecError:
            raise NoSample(f"{server.url} answered {response.status}, and not as Prometheus does") from None
        if reply.status != "success" or reply.data is None:
            raise NoSample(reply.error or "Prometheus could not answer")
        if reply.data.resultType == "scalar":
            return [_scalar.decode(reply.data.result)]
        return [series.value for series in _samples.decode(reply.data.result)]
