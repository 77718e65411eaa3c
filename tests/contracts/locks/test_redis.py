"""Locks in Redis, with nodes that die, freeze and forget; each node is a real Valkey."""

import asyncio

import pytest

from healer.locks import redis as redis_locks
from healer.locks.redis import RedisLocks, connect, drift
from healer.times import SECOND
from tests.contracts.locks.conftest import shared
from tests.servers.valkey import Valkey


async def ttl_s(node: Valkey, target: str) -> float:
    """Seconds that the key of a target lives on; below zero where there is none."""
    client = connect(node.redis)
    try:
        return float(await client.pttl(f"healer:lock:{target}")) / 1000
    finally:
        await client.aclose()


async def held(locks: RedisLocks, within: float = 0.5) -> bool:
    """Whether the lock can be had."""
    try:
        async with locks.hold("host/web-1", within=within) as hold:
            return not hold.lost
    except TimeoutError:
        return False


async def test_two_replicas_exclude_one_another(nodes: list[Valkey]) -> None:
    """What one process holds another cannot get, and gets when it is free."""
    async with shared(nodes) as one, shared(nodes) as other:
        async with one.hold("host/web-1", within=1):
            assert not await held(other)
        assert await held(other)


async def test_two_of_five_nodes_may_fail(nodes: list[Valkey]) -> None:
    """One dead and one frozen: the majority bears it. With a third one gone nobody gets a lock, and the error says why."""
    async with shared(nodes) as locks:
        nodes[0].kill()
        nodes[1].pause()
        assert await held(locks, within=2)
        nodes[2].kill()
        with pytest.raises(TimeoutError, match="2 of 5 Redis nodes answer"):
            async with locks.hold("host/web-1", within=1.5):
                pytest.fail("held without a majority")


async def test_a_lock_whose_nodes_are_gone_is_lost(nodes: list[Valkey], monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cannot renew it in a majority knows it before the time to live is over for anybody else."""
    monkeypatch.setattr(redis_locks, "TTL", 900_000)
    told = asyncio.Event()
    async with shared(nodes[:3]) as locks, locks.hold("host/web-1", within=1) as hold:
        await asyncio.sleep(1.2)
        assert not hold.lost, "it was renewed for longer than its time to live"
        nodes[0].kill()
        nodes[1].pause()
        with hold.telling(told.set):
            async with asyncio.timeout(10):
                await told.wait()
        assert hold.lost


async def test_a_dead_holder_frees_its_lock(nodes: list[Valkey], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody renews what a dead process held: after the time to live it is free."""
    monkeypatch.setattr(redis_locks, "TTL", 600_000)
    client = connect(nodes[0].redis)
    await client.set("healer:lock:host/web-1", "of somebody who died", px=600)
    await client.aclose()
    async with shared(nodes[:1]) as locks:
        assert not await held(locks, within=0.2)
        assert await held(locks, within=2)


async def test_only_the_holder_lets_go(nodes: list[Valkey]) -> None:
    """A lock that ran out and was taken by somebody else is not deleted by the one who had it before."""
    async with shared(nodes[:1]) as locks:
        async with locks.hold("host/web-1", within=1):
            client = connect(nodes[0].redis)
            await client.set("healer:lock:host/web-1", "somebody else's", px=15_000)
            await client.aclose()
        assert await ttl_s(nodes[0], "host/web-1") > 0


async def test_a_minority_is_given_back(nodes: list[Valkey]) -> None:
    """Who got too few nodes lets go of them at once, and does not keep others from a majority."""
    clients = [connect(node.redis) for node in nodes[:3]]
    for client in clients:
        await client.set("healer:lock:host/web-1", "somebody else's", px=60_000)
        await client.aclose()
    async with shared(nodes) as locks:
        assert not await held(locks, within=0.3)
    assert await ttl_s(nodes[3], "host/web-1") < 0
    assert await ttl_s(nodes[4], "host/web-1") < 0


def test_drift_is_kept_back() -> None:
    """A hundredth of the time to live, and two milliseconds."""
    assert drift(15 * SECOND) == 152_000
