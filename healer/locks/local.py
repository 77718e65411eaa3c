"""Locks within one process: the embedded default. They end with the process, and so do those who held them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Final

from healer.locks.ports import Hold


class Held:
    """A lock in memory is not lost."""

    lost: Final = False

    def telling(self, then: Callable[[], None]) -> AbstractContextManager[None]:  # noqa: ARG002 - part of the port
        """Nobody is ever told."""
        return nullcontext()


class LocalLocks:
    """`LockService` in memory."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._wanted: dict[str, int] = {}

    @asynccontextmanager
    async def hold(self, target: str, within: float) -> AsyncIterator[Hold]:
        lock = self._locks.setdefault(target, asyncio.Lock())
        self._wanted[target] = self._wanted.get(target, 0) + 1
        try:
            async with asyncio.timeout(within):
                await lock.acquire()
            try:
                yield Held()
            finally:
                lock.release()
        finally:
            self._wanted[target] -= 1
            if not self._wanted[target]:
                del self._wanted[target], self._locks[target]
