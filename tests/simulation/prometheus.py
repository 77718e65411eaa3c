"""Prometheus as healer asks it: `up` of each host, sampled every few seconds from the simulated truth."""

import asyncio
import re
from collections.abc import Sequence

from healer.journey.records import Answer
from healer.times import SECOND
from rules import Query
from tests.simulation.datacentre import Datacentre
from tests.simulation.faults import Faults
from tests.simulation.incarnation import Incarnation
from tests.simulation.world import SimClock

SCRAPE = 5 * SECOND
_UP = re.compile(r"(?:min\()?up\{instance='([a-z0-9]+)'\}\)?")


class Prometheus:
    """`Asker` for one incarnation."""

    def __init__(self, datacentre: Datacentre, clock: SimClock, faults: Faults, life: Incarnation) -> None:
        self._datacentre = datacentre
        self._clock = clock
        self._faults = faults
        self._life = life

    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Answer]:
        kind = await self._faults.before(self._life, "prometheus.ask")
        await asyncio.sleep(self._faults.delay() / SECOND if kind == "delay" else 0.02)
        answers = [self._answer(query) for query in queries]
        await self._faults.after(self._life, kind)
        if kind in ("lost call", "lost answer"):
            return [Answer(query.key, None, 0, self._faults.secrets.of_prometheus()) for query in queries]
        return answers

    def _answer(self, query: Query) -> Answer:
        """The newest sample: what was true when it was scraped is not known any more, so it is as of now."""
        found = _UP.fullmatch(query.text)
        assert found, f"no such series here: {query.text}"
        return Answer(query.key, float(self._datacentre.healthy(f"host/{found[1]}")), self._clock.now())
