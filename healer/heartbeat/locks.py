"""Can the locks be had that healers share? While they cannot, healer repairs nothing, and says so by an alert of its own.

Started by `healer.assembly` at whoever converges, where locks are kept outside of it. Each look takes a lock that nobody wants.
"""

import asyncio
import logging
from collections.abc import Callable

from healer.journey.ports import Arrival, Journal, StoreUnavailable
from healer.journey.records import Troubled
from healer.locks.ports import LockService, LocksUnreachable
from healer.seams import Clock
from healer.times import MINUTE, Micros

log = logging.getLogger(__name__)

LOCKS = "locks"
"""The code of the trouble."""
LOOK_S = 15.0
"""Seconds between looks."""
WITHIN_S = 5.0
"""Seconds for the lock to be had."""
LOST_AFTER: Micros = MINUTE
"""Who answers again sooner was restarted, or has another leader: nobody needs to know."""
NOBODYS = "healer/watch"
"""A target of nobody's: targets are nodes of the topology, or begin with their kind."""


class LockWatch:
    """Looks, and tells. `troubled` says whether people are told already."""

    def __init__(self, locks: LockService, journal: Journal, clock: Clock, troubled: Callable[[str], bool]) -> None:
        self._locks = locks
        self._journal = journal
        self._clock = clock
        self._troubled = troubled
        self._lost_at: Micros | None = None

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("that locks are lost, or are back, is not recorded yet: %s", error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look once; people are told when locks have been lost for a while, and when they are back."""
        began, why = self._clock.monotonic(), await self._unreachable()
        if not why:
            self._lost_at = None
        elif self._lost_at is None:
            self._lost_at = began
        lost = self._lost_at is not None and self._clock.monotonic() - self._lost_at >= LOST_AFTER
        if lost != bool(why) or lost == self._troubled(LOCKS):
            return
        log.warning("locks: %s", f"nothing is repaired: {why}" if lost else "they can be had again")
        await self._journal.append([Arrival(Troubled(LOCKS, lost, why))])

    async def _unreachable(self) -> str:
        """Why no lock can be had, "" where one can; one that another healer has is as good."""
        try:
            async with self._locks.hold(NOBODYS, WITHIN_S):
                return ""
        except LocksUnreachable as error:
            return str(error)
        except TimeoutError:
            return ""
