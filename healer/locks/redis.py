"""Locks that replicas share, in one Redis or in the majority of 3 or 5 that know nothing of one another (Redlock).

Each acquisition has a token of its own. A lock lasts `TTL` from before it was asked for, less what clocks may drift, and is
renewed at a third of that; who cannot renew it in a majority has lost it. Source: redis.io, "Distributed locks with Redis".
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

from healer.locks.loss import Loss
from healer.locks.ports import Hold, LocksUnreachable
from healer.seams import Clock, Random, Spawn
from healer.times import HOUR, MILLISECOND, SECOND, Micros

log = logging.getLogger(__name__)

TTL: Micros = 15 * SECOND
"""A lock whose holder died is free again after so long."""
NODE_S = 0.2
"""Seconds that one node may take to answer: far less than `TTL`, so that a dead one costs little."""
PAUSE_S = (0.05, 0.25)
"""Between two attempts; drawn, so that those who got a node each do not meet again."""
MOST: Micros = HOUR
"""A lock is not renewed for longer than this: no step takes so long, and one that hangs must not keep it for ever."""

_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"
_RENEW = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) else return 0 end"
)


def connect(url: str, username: str | None = None, password: str | None = None) -> "Redis":
    """A node's client. It repeats nothing: a repeated SET NX would fail against its own first one."""
    return Redis.from_url(
        url,
        username=username,
        password=password,
        retry=None,
        socket_timeout=NODE_S,
        socket_connect_timeout=NODE_S,
        decode_responses=True,
    )


class RedisLocks:
    """`LockService` over one node, or a quorum of several."""

    def __init__(self, nodes: Sequence["Redis"], clock: Clock, random: Random, spawn: Spawn) -> None:
        self._nodes = tuple(nodes)
        self._quorum = len(self._nodes) // 2 + 1
        self._clock = clock
        self._random = random
        self._spawn = spawn

    @asynccontextmanager
    async def hold(self, target: str, within: float) -> AsyncIterator[Hold]:
        lease = _Lease(f"healer:lock:{target}", self._random.token(), self._clock)
        try:
            try:
                async with asyncio.timeout(within):
                    while not await self._acquire(lease):
                        await self._release(lease)
                        await asyncio.sleep(self._random.uniform(*PAUSE_S))
            except TimeoutError:
                if lease.answers >= self._quorum:
                    raise
                nodes = f"{lease.answers} of {len(self._nodes)} Redis nodes answer"
                raise LocksUnreachable(f"no lock of {target} can be had: {nodes}") from None
            renewing = self._spawn.start(f"renew {lease.key}", self._renew(lease))
            try:
                yield lease
            finally:
                renewing.cancel()
        finally:
            # Also what a node took and whose answer was lost. Where this fails, the time to live ends it.
            await self._release(lease)

    async def close(self) -> None:
        """Let go of all connections."""
        for node in self._nodes:
            await node.aclose()

    async def _acquire(self, lease: "_Lease") -> bool:
        async def take(node: "Redis") -> bool:
            return bool(await node.set(lease.key, lease.token, nx=True, px=TTL // MILLISECOND))

        return await self._vote(lease, take)

    async def _renew(self, lease: "_Lease") -> None:
        """Until it is lost, or has been held for as long as anything may."""

        async def renew(node: "Redis") -> bool:
            return bool(await node.eval(_RENEW, 1, lease.key, lease.token, str(TTL // MILLISECOND)))

        until = self._clock.monotonic() + MOST
        while self._clock.monotonic() < until:
            await asyncio.sleep(TTL / 3 / SECOND)
            if not await self._vote(lease, renew) and lease.lost:
                log.warning("the lock %s is lost: too few of its nodes answer", lease.key)
                lease.tell()
                return

    async def _release(self, lease: "_Lease") -> None:
        async def release(node: "Redis") -> bool:
            return bool(await node.eval(_RELEASE, 1, lease.key, lease.token))

        lease.valid_until = 0
        await asyncio.gather(*(self._ask(node, release) for node in self._nodes))

    async def _vote(self, lease: "_Lease", question: Callable[["Redis"], Awaitable[bool]]) -> bool:
        """Ask all nodes at once; a majority makes the lease valid for what is left of `TTL`."""
        asked = self._clock.monotonic()
        answers = await asyncio.gather(*(self._ask(node, question) for node in self._nodes))
        until = asked + TTL - drift(TTL)
        lease.answers = sum(answer is not None for answer in answers)
        if sum(answer is True for answer in answers) < self._quorum or self._clock.monotonic() >= until:
            return False
        lease.valid_until = until
        return True

    @staticmethod
    async def _ask(node: "Redis", question: Callable[["Redis"], Awaitable[bool]]) -> bool | None:
        """One node's answer, None when it does not come in time."""
        try:
            async with asyncio.timeout(NODE_S):
                return await question(node)
        except (RedisError, OSError, TimeoutError):
            return None


class _Lease(Loss):
    """One acquisition. `valid_until` is on this process's monotonic clock, 0 while it is not held; `answers` is how many
    nodes answered the last question."""

    def __init__(self, key: str, token: str, clock: Clock) -> None:
        super().__init__()
        self.key = key
        self.token = token
        self.valid_until: Micros = 0
        self.answers = 0
        self._clock = clock

    @property
    def lost(self) -> bool:
        return self._clock.monotonic() >= self.valid_until


def drift(ttl: Micros) -> Micros:
    """What a node's clock and ours may differ in while a lock lasts: a hundredth, and two milliseconds."""
    return ttl // 100 + 2 * MILLISECOND
