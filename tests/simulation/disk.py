"""The store's fate: what a seed makes of each transaction. A `Hook` for `healer.store.inline.InlineRun`.

A lost call did nothing and says so (StoreUnavailable); a lost answer did it, and the caller cannot know (ambiguous); a delay
comes before the work or after it; a crash freezes the incarnation on either side of the commit.
"""

import asyncio

from healer.journey.ports import StoreUnavailable
from healer.times import SECOND
from tests.simulation.faults import Faults, Kind
from tests.simulation.incarnation import Incarnation

POLLS = frozenset({"under_way", "unsettled", "next_due", "switches", "rows", "claim"})
"""What is read all the time: hurt ten times less often, so that faults fall on what matters."""


class Fate:
    """Of one incarnation."""

    def __init__(self, faults: Faults, life: Incarnation) -> None:
        self._faults = faults
        self._life = life
        self._kind: Kind = "none"
        self._late = False

    async def before(self, name: str) -> None:
        await self._life.alive_or_never()
        kind = self._faults.decide(f"store.{name}", rarely=name in POLLS)
        late = kind == "delay" and self._faults.toss()
        if kind == "crash before":
            await self._life.die()
        if kind == "lost call":
            raise StoreUnavailable(f"{name}: the disk did not take it")
        if kind == "delay" and not late:
            await asyncio.sleep(self._faults.delay() / SECOND)
            await self._life.alive_or_never()
        # The work and `after` follow at once, without anybody else in between.
        self._kind, self._late = kind, late

    async def after(self, name: str) -> None:
        kind, late = self._kind, self._late
        if kind == "crash after":
            await self._life.die()
        if kind == "lost answer":
            raise StoreUnavailable(f"{name}: no answer", ambiguous=True)
        if late:
            await asyncio.sleep(self._faults.delay() / SECOND)
        await self._life.alive_or_never()
