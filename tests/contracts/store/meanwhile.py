"""A store that goes on while somebody copies it."""

import asyncio
from collections.abc import Callable

from healer.store.store import Store
from tests.contracts.store.given import NOON, record


def meanwhile(store: Store) -> Callable[[str, int], None]:
    """Writes something between any two pages of a copy, which is made on another thread than the loop's."""
    loop = asyncio.get_running_loop()

    async def write() -> None:
        await store.append([record("late")])
        await store.act("probe", {}, now=NOON)

    return lambda table, rows: asyncio.run_coroutine_threadsafe(write(), loop).result(60)
