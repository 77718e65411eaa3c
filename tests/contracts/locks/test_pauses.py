"""A holder that is frozen (SIGSTOP) for longer than its lock lives has lost it, and knows that when it goes on."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from healer.locks import etcd as etcd_locks
from healer.locks import redis as redis_locks
from healer.times import SECOND
from tests.contracts.locks.conftest import leased, shared
from tests.servers.etcd import Etcd
from tests.servers.valkey import Valkey

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("kind", ["redis", "etcd"])
async def test_a_frozen_holder_has_lost_its_lock(kind: str, nodes: list[Valkey], etcd: Etcd) -> None:
    """While it stands still another gets the lock; awake again it says that its own is lost, before it does anything."""
    urls = [etcd.url] if kind == "etcd" else [node.redis for node in nodes[:3]]
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.contracts.locks.holder", kind, *urls),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        async with asyncio.timeout(30):
            assert await holder.stdout.readline() == b"held\n"
            os.kill(holder.pid, signal.SIGSTOP)
            async with (
                leased(etcd) as in_etcd,
                shared(nodes[:3]) as in_redis,
                (in_etcd if kind == "etcd" else in_redis).hold("host/web-1", 20) as hold,
            ):
                assert not hold.lost
                os.kill(holder.pid, signal.SIGCONT)
                holder.stdin.write(b"is it yours?\n")
                assert await holder.stdout.readline() == b"lost\n"
                assert not hold.lost
            await holder.wait()
    finally:
        if holder.returncode is None:
            holder.kill()
            await holder.wait()


def test_the_lives_that_are_promised() -> None:
    """15 s in Redis, renewed at a third; 30 s in etcd, kept alive every 10 s."""
    assert (redis_locks.TTL, etcd_locks.TTL, etcd_locks.KEEP_ALIVE) == (15 * SECOND, 30 * SECOND, 10 * SECOND)
