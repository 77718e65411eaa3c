"""What every limiter of channels has to do: of one process, in a store, in Redis, and over one of these."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from redis.asyncio import Redis

from healer.replicas.limits import RedisLimiter, SharedLimiter, StoredLimiter
from healer.seams import SystemClock
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.times import MINUTE, SECOND
from notifiers.limiter import Limiter, MemoryLimiter
from notifiers.sender import Rate
from tests.servers.valkey import Valkey

CHAT = Rate("chat", 3, MINUTE)
BOT = Rate("bot", 2, 10 * SECOND, shared=True)
CLOCK = SystemClock()
Make = Callable[[], Limiter]
"""Another process's limiter, over the same place."""


@pytest.fixture
def memory() -> Iterator[Memory]:
    with closing(Memory("test")) as memory:
        yield memory


@pytest.fixture(params=["store", "redis", "shared"])
def another(request: pytest.FixtureRequest, memory: Memory, client: "Redis") -> Make:
    """What makes a limiter as each process has it."""
    store = Store(InlineRun(memory, CLOCK), "test")
    kinds: dict[str, Make] = {
        "store": lambda: StoredLimiter(store, CLOCK),
        "redis": lambda: RedisLimiter(client, "test"),
        "shared": lambda: SharedLimiter(RedisLimiter(client, "test"), CLOCK),
    }
    return kinds[request.param]


@pytest.fixture(params=["own", "another"])
def pair(request: pytest.FixtureRequest, another: Make) -> tuple[Limiter, Limiter]:
    """Two callers: of one process, or of two."""
    one = another()
    return one, (one if request.param == "own" else another())


@pytest.mark.parametrize("patience", [0, 5 * MINUTE])
async def test_all_together_keep_the_rate(pair: tuple[Limiter, Limiter], patience: int) -> None:
    """So many leave at once, whoever sends them; the next ones wait until these are out of the window, or take no place."""
    one, other = pair
    assert [await each.reserve([CHAT], patience=patience) for each in (one, other, one)] == [0, 0, 0]
    waits = [await each.reserve([CHAT], patience=patience) for each in (other, one, other, one)]
    assert all(MINUTE - 10 * SECOND < wait <= MINUTE for wait in waits[:3])
    later = MINUTE if patience else 0
    assert MINUTE - 10 * SECOND + later < waits[3] <= MINUTE + later


async def test_the_slowest_rate_decides(pair: tuple[Limiter, Limiter]) -> None:
    """Of several rates the longest wait counts, and a place is taken in all of them or in none."""
    one, other = pair
    assert [await one.reserve([CHAT, BOT], patience=0) for _ in range(2)] == [0, 0]
    assert 0 < await other.reserve([CHAT, BOT], patience=0) <= 10 * SECOND
    assert await other.reserve([CHAT], patience=0) == 0, "the refused one took none"
    assert await one.reserve([Rate("elsewhere", 1, MINUTE)], patience=0) == 0


async def test_blocked_is_blocked_for_all(pair: tuple[Limiter, Limiter]) -> None:
    """What the provider said to one holds for the others; a shorter word does not shorten a longer one."""
    one, other = pair
    await one.block([CHAT], duration=MINUTE)
    await other.block([CHAT], duration=SECOND)
    assert MINUTE - 10 * SECOND < await other.reserve([CHAT, BOT], patience=0) <= MINUTE
    assert await other.reserve([BOT], patience=0) == 0


async def test_time_makes_room(another: Make) -> None:
    """When the first is out of the window, the next leaves at once."""
    limiter, quick = another(), Rate("quick", 1, SECOND // 5)
    assert await limiter.reserve([quick], patience=0) == 0
    await limiter.block([Rate("blocked", 1, SECOND)], duration=SECOND // 10)
    async with asyncio.timeout(10):
        while await limiter.reserve([quick, Rate("blocked", 1, SECOND)], patience=0):
            await asyncio.sleep(0.02)


async def test_each_keeps_the_rate_alone_while_redis_is_gone(servers: list[Valkey], client: "Redis") -> None:
    """What left from here counts here; nobody waits for a Redis that is gone, and together again means together."""
    one, other = (SharedLimiter(RedisLimiter(client, "test"), CLOCK) for _ in range(2))
    assert [await one.reserve([CHAT], patience=0) for _ in range(2)] == [0, 0]
    servers[0].kill()
    assert await one.reserve([CHAT], patience=0) == 0
    assert await one.reserve([CHAT], patience=0) > 0, "three left from here"
    assert [await other.reserve([CHAT], patience=0) for _ in range(3)] == [0, 0, 0]
    await one.block([BOT], duration=MINUTE)
    servers[0].start()
    async with asyncio.timeout(10):
        while await other.reserve([CHAT], patience=0):
            await asyncio.sleep(0.02)
    assert await other.reserve([BOT], patience=0) == 0, (
        "the block is the other's alone: it was said while Redis was gone"
    )


async def test_no_rate_is_no_wait(client: "Redis") -> None:
    """A channel without rates asks nobody."""
    limiter: Limiter = SharedLimiter(MemoryLimiter(CLOCK), CLOCK)
    assert await limiter.reserve([], patience=0) == 0
    await limiter.block([], duration=MINUTE)
