"""Who may touch a target now, within one process: the embedded default.

The store decides (T3); the lock only saves work. `LockService` is the port that Redis and etcd will have too.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol


class LockService(Protocol):
    """Locks by target."""

    def hold(self, target: str, within: float) -> AbstractAsyncContextManager[None]:
        """A context in which the lock is held; raises TimeoutError when it was not free `within` seconds."""
        ...


class LocalLocks:
    """Locks in memory: they end with the process, and so do those who held them."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._wanted: dict[str, int] = {}

    @asynccontextmanager
    async def hold(self, target: str, within: float) -> AsyncIterator[None]:
        lock = self._locks.setdefault(target, asyncio.Lock())
        self._wanted[target] = self._wanted.get(target, 0) + 1
        try:
            async with asyncio.timeout(within):
                await lock.acquire()
            try:
                yield
            finally:
                lock.release()
        finally:
            self._wanted[target] -= 1
            if not self._wanted[target]:
                del self._wanted[target], self._locks[target]
