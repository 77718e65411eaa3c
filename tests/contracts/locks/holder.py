"""A process that holds a lock with a short life, and says whether it still does when it is asked. Run by test_pauses."""

import asyncio
import sys

from healer.locks import etcd as etcd_locks
from healer.locks import redis as redis_locks
from healer.locks.ports import LockService
from healer.locks.redis import RedisLocks, connect
from healer.seams import Supervisor, SystemClock, SystemRandom
from healer.times import SECOND
from tests.contracts.locks.conftest import leased


class Url:
    """As much of a server as a client needs."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def url(self) -> str:
        return self._url


async def main(kind: str, *urls: str) -> None:
    redis_locks.TTL = SECOND
    etcd_locks.TTL = 2 * SECOND
    etcd_locks.KEEP_ALIVE = SECOND // 2
    if kind == "etcd":
        async with leased(Url(urls[0])) as locks:
            await hold(locks)
        return
    await hold(RedisLocks([connect(url) for url in urls], SystemClock(), SystemRandom(), Supervisor()))


async def hold(locks: LockService) -> None:
    async with locks.hold("host/web-1", 5) as held:
        print("held", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        print("lost" if held.lost else "still held", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
