"""Wake-ups between processes, over real nodes that die, stand still and come back."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from healer.journey.ports import TIDINGS, Wakeups
from healer.journey.tenure import NoWakeups
from healer.locks.redis import connect
from healer.replicas import wakeups
from healer.replicas.wakeups import RedisWakeups
from healer.seams import Supervisor
from tests.servers.valkey import Valkey


@asynccontextmanager
async def processes(servers: Sequence[Valkey], *names: str) -> AsyncIterator[list[RedisWakeups]]:
    """One for each name, all of them listening."""
    spawn = Supervisor()
    async with AsyncExitStack() as stack:
        made = []
        for name in names:
            nodes = [connect(server.redis) for server in servers]
            for node in nodes:
                stack.push_async_callback(node.aclose)
            made.append(RedisWakeups(nodes, "test", name))
            made[-1].start(spawn)
        stack.push_async_callback(spawn.stop, 5)
        yield made


async def heard(ringing: Wakeups, listening: Wakeups, within: float = 10) -> bool:
    """Whether one hears the other, who rings until then."""
    for _ in range(round(within / 0.1)):
        ringing.ring("decided")
        if await listening.wait("decided", 0.1):
            return True
    return False


async def test_the_others_hear_it_and_nobody_else(servers: list[Valkey]) -> None:
    """What one rings for wakes whoever waits for that, and only that; never itself. Two stores do not hear one another."""
    async with processes(servers, "one", "other") as (one, other):
        assert await heard(one, other)
        assert await heard(other, one)
        while await one.wait("decided", 0.2) or await other.wait("decided", 0.2):
            pass
        for tidings in TIDINGS:
            one.ring(tidings)
        assert [await other.wait(tidings, 5) for tidings in TIDINGS] == [True, True, True]
        assert not any([await one.wait(tidings, 0.05) for tidings in TIDINGS])


async def test_one_node_that_works_is_enough(servers: list[Valkey], monkeypatch: pytest.MonkeyPatch) -> None:
    """One dead, one standing still: others are woken by any that is left, else by nobody, and again when one is back."""
    monkeypatch.setattr(wakeups, "QUIET_S", 0.3)
    monkeypatch.setattr(wakeups, "AGAIN_S", 0.1)
    async with processes(servers, "one", "other") as (one, other):
        assert await heard(one, other)
        servers[0].kill()
        assert await heard(one, other)
        servers[1].pause()
        assert not await heard(one, other, within=0.5)
        servers[0].start()
        assert await heard(one, other)
        servers[0].kill()
        servers[1].resume()
        assert await heard(one, other)
        servers[0].start()


async def test_without_redis_everybody_looks() -> None:
    """Waiting is the pause until the next look."""
    alone: Wakeups = NoWakeups()
    alone.ring("accepted")
    assert not await alone.wait("accepted", 0.001)
