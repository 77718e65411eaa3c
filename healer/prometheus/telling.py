"""Whom to ask what a rule needs to know: Prometheus for queries, a URL for its status, a node for its state, the journal for
annotations, and for `value` whoever raised it.

What an alert says beside its labels is not kept in memory, so a rule that names it asks; the answer is recorded and decides.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from healer.alerts.model import Detail
from healer.journey.ports import StoreUnavailable
from healer.journey.records import Answer
from healer.prometheus.rules import Source
from healer.prometheus.values import NoValue, value_of
from rules import Query

MAX_TEXT = 4096
"""Characters of an annotation that decide."""

Where = Callable[[bytes], tuple[int, int] | None]
Read = Callable[[int, int], Awaitable[Detail | None]]


Probe = Callable[[Query], Awaitable[Answer]]
"""Asks a URL, or a node. Never raises for what the outside does."""


class Prometheus(Protocol):
    """Who answers queries."""

    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Answer]: ...


class Telling:
    """`Asker` over all who can be asked. `where` is where an alert's newest delivery stands in the journal."""

    def __init__(
        self,
        prometheus: Prometheus,
        sources: Sequence[Source],
        where: Where,
        read: Read,
        probe: Probe | None = None,
        look: Probe | None = None,
    ) -> None:
        self._prometheus = prometheus
        self._sources = sources
        self._where = where
        self._read = read
        self._probe = probe
        self._look = look

    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Answer]:
        """One answer per query. Never raises for what the outside does."""
        answers = [await self._said(query, labels) for query in queries if query.of == "alert"]
        outside = [query for query in queries if query.of in ("http", "node")]
        answers += await asyncio.gather(*(self._outside(query) for query in outside))
        others = [query for query in queries if query.of == "prometheus"]
        return [*answers, *(await self._prometheus.ask(others, labels) if others else ())]

    async def _outside(self, query: Query) -> Answer:
        ask = self._probe if query.of == "http" else self._look
        if ask is None:
            return Answer(query.key, None, 0, f"nobody asks {'URLs' if query.of == 'http' else 'nodes'} here")
        return await ask(query)

    async def _said(self, query: Query, labels: bytes) -> Answer:
        if query.text != "value":
            return await self._annotation(query, labels)
        try:
            return Answer(query.key, await value_of(labels, self._sources), 0)
        except NoValue as error:
            return Answer(query.key, None, 0, str(error))

    async def _annotation(self, query: Query, labels: bytes) -> Answer:
        place = self._where(labels)
        try:
            detail = await self._read(*place) if place is not None else None
        except StoreUnavailable as error:
            return Answer(query.key, None, 0, str(error))
        said = detail.annotations if detail is not None else {}
        name = query.text.partition(".")[2]
        if name not in said:
            return Answer(query.key, None, 0, f"the alert has no annotation {name}")
        return Answer(query.key, None, 0, text=said[name][:MAX_TEXT])
