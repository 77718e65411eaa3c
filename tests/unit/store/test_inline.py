import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from healer.journey.ports import StoreUnavailable
from healer.journey.records import Entry
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from tests.contracts.store.given import NOON, HandClock, record, step


class Fate:
    """A hook that does what it is told at the next transaction of a name, once."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._at: dict[str, Exception | asyncio.Event] = {}

    def meet(self, when: str, fate: Exception | asyncio.Event) -> None:
        self._at[when] = fate

    async def before(self, name: str) -> None:
        await self._come(f"before {name}")

    async def after(self, name: str) -> None:
        await self._come(f"after {name}")

    async def _come(self, when: str) -> None:
        self.seen.append(when)
        fate = self._at.pop(when, None)
        if isinstance(fate, Exception):
            raise fate
        if fate is not None:
            await fate.wait()


@pytest.fixture
async def memory() -> AsyncIterator[Memory]:
    memory = Memory()
    yield memory
    memory.close()


def living(memory: Memory, fate: Fate | None = None) -> Store:
    return Store(InlineRun(memory, HandClock(), fate), memory.installation)


async def test_memory_outlives_its_processes(memory: Memory) -> None:
    """What one incarnation wrote the next one reads, and positions go on."""
    await living(memory).append([record()])
    after = living(memory)
    assert len(await after.read(0, 10)) == 1
    assert await after.append([record()]) == [(2, NOON)]


async def test_a_fault_before_means_that_nothing_happened(memory: Memory) -> None:
    """A transaction that met its fate before it began left nothing, and nobody heard of it."""
    fate = Fate()
    store = living(memory, fate)
    heard: list[Entry] = []
    store.on_append(heard.extend)
    fate.meet("before append", StoreUnavailable("disk full"))
    with pytest.raises(StoreUnavailable):
        await store.append([record()])
    assert await store.read(0, 10) == [] == heard


async def test_a_lost_answer_is_of_something_durable(memory: Memory) -> None:
    """When the answer is lost the record is there, its listener knows it, and the same step may be given again."""
    fate = Fate()
    store = living(memory, fate)
    heard: list[Sequence[Entry]] = []
    store.on_append(heard.append)
    fate.meet("after append", StoreUnavailable("connection lost", ambiguous=True))
    with pytest.raises(StoreUnavailable):
        await store.append([record()])
    assert [entry.position for entries in heard for entry in entries] == [1]
    await store.take_over("one")
    fate.meet("after commit", StoreUnavailable("connection lost", ambiguous=True))
    with pytest.raises(StoreUnavailable):
        await store.commit(step(1, 1, 1))
    await store.commit(step(1, 1, 1))
    assert [mark.number for mark in await store.steps(0, 10)] == [1]


async def test_an_incarnation_that_waits_for_ever_holds_nobody_up(memory: Memory) -> None:
    """A process that crashed inside a hook, before or after its transaction, leaves the database free for the next."""
    fate = Fate()
    dead = living(memory, fate)
    never = asyncio.Event()
    fate.meet("before append", never)
    fate.meet("after take_over", never)
    frozen = [asyncio.ensure_future(dead.append([record()])), asyncio.ensure_future(dead.take_over("dead"))]
    await asyncio.sleep(0)
    store = living(memory)
    assert (await store.take_over("next")).epoch == 2
    assert await store.append([record()]) == [(1, NOON)]
    for task in frozen:
        task.cancel()


async def test_a_hook_sees_reads_and_writes_by_the_name_of_the_method(memory: Memory) -> None:
    """Whoever injects faults tells transactions apart by the store's own words."""
    fate = Fate()
    store = living(memory, fate)
    await store.append([record()])
    await store.read(0, 1)
    assert fate.seen == ["before append", "after append", "before read", "after read"]
