"""When locks that cannot be had are an incident; in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from healer.heartbeat.locks import LOCKS, LOOK_S, LockWatch
from healer.journey.ports import StoreUnavailable
from healer.journey.records import Troubled, decode
from healer.locks.local import LocalLocks
from healer.locks.ports import Hold, LocksUnreachable
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from tests.simulation.loop import SimLoop
from tests.simulation.world import SimClock


class Outside:
    """Locks kept elsewhere: they can be had, somebody else has them, or nobody answers. The store can be away, too."""

    away = False
    taken = False
    store_away = False

    def __init__(self) -> None:
        self._locks = LocalLocks()

    @asynccontextmanager
    async def hold(self, target: str, within: float) -> AsyncIterator[Hold]:
        if self.away or self.taken:
            await asyncio.sleep(within)
            raise LocksUnreachable("0 of 1 Redis nodes answer") if self.away else TimeoutError
        async with self._locks.hold(target, within) as hold:
            yield hold

    async def before(self, name: str) -> None:
        if self.store_away:
            raise StoreUnavailable("gone")

    async def after(self, name: str) -> None:
        """Answers arrive."""


def test_lost_locks_are_told_once_and_their_return_too() -> None:
    """Not when they are back within a minute, nor when another healer has the lock; told when the store takes it."""
    with closing(Memory()) as memory, SimLoop(1) as loop:
        outside = Outside()
        store = Store(InlineRun(memory, SimClock(loop), outside), "test")

        async def troubles() -> list[Troubled]:
            records = [decode(row.data) for row in await store.read(0, 100)]
            return [record for record in records if isinstance(record, Troubled)]

        async def play() -> None:
            told: list[bool] = [False]
            watch = LockWatch(outside, store, SimClock(loop), lambda code: told[-1] and code == LOCKS)
            store.on_append(
                lambda entries: told.extend(e.record.firing for e in entries if isinstance(e.record, Troubled))
            )
            loop.create_task(watch.run())
            outside.away = True
            await asyncio.sleep(30)
            outside.away, outside.taken = False, True
            await asyncio.sleep(300)
            assert await troubles() == []
            outside.away = outside.store_away = True
            await asyncio.sleep(300)
            outside.store_away = False
            await asyncio.sleep(300)
            assert await troubles() == [Troubled(LOCKS, True, "0 of 1 Redis nodes answer")]
            outside.away = outside.taken = False
            await asyncio.sleep(2 * LOOK_S)
            assert [each.firing for each in await troubles()] == [True, False]

        loop.run(play())
