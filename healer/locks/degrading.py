"""Locks that others share, and locks of this process alone while nobody can be asked (`locks.degrade: local`).

Only where the store proves that there is one process: the lock on SQLite's data folder does.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from healer.locks.local import LocalLocks
from healer.locks.ports import Hold, LockService, LocksUnreachable
from healer.seams import Clock
from healer.times import SECOND

log = logging.getLogger(__name__)


class DegradingLocks:
    """`LockService` that takes this process's own lock first, and the shared one as well where it can be had."""

    def __init__(self, shared: LockService, clock: Clock) -> None:
        self._shared = shared
        self._own = LocalLocks()
        self._clock = clock

    @asynccontextmanager
    async def hold(self, target: str, within: float) -> AsyncIterator[Hold]:
        began = self._clock.monotonic()
        async with self._own.hold(target, within) as own, AsyncExitStack() as stack:
            left = max(0.0, within - (self._clock.monotonic() - began) / SECOND)
            try:
                hold = await stack.enter_async_context(self._shared.hold(target, left))
            except LocksUnreachable as error:
                log.warning("going on with the lock of this process alone (locks.degrade): %s", error)
                hold = own
            yield hold
