"""How long a message has to wait so that all replicas together keep a provider's rates: in Redis, or in the store.

`SharedLimiter` is the `notifiers.limiter.Limiter` that channels get; while what is shared does not answer, each process keeps
the rates by itself, and the provider says when that is too much. Made by `healer.bootstrap.sharing`.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from healer.journey.ports import StoreUnavailable, T
from healer.notification.ports import Left, Use
from healer.seams import Clock
from healer.times import MILLISECOND, Micros
from notifiers.limiter import Limiter, MemoryLimiter, wait_for
from notifiers.sender import Rate

log = logging.getLogger(__name__)

ANSWER_S = 1.0
"""Seconds that what is shared may take to answer: who is told while a store is lost must not wait for it."""
UNANSWERED = (StoreUnavailable, RedisError, OSError, TimeoutError)

_RESERVE = """
local time = redis.call('TIME')
local now, wait = time[1] * 1000000 + time[2], 0
for place = 1, #KEYS, 2 do
  local oldest = redis.call('LINDEX', KEYS[place], -ARGV[place + 1])
  if oldest then wait = math.max(wait, oldest + ARGV[place + 2] - now) end
  wait = math.max(wait, redis.call('PTTL', KEYS[place + 1]) * 1000)
end
if wait <= tonumber(ARGV[1]) then
  for place = 1, #KEYS, 2 do
    redis.call('RPUSH', KEYS[place], string.format('%.0f', now + wait))
    redis.call('LTRIM', KEYS[place], -ARGV[place + 1], -1)
    redis.call('PEXPIRE', KEYS[place], math.ceil((wait + ARGV[place + 2]) / 1000))
  end
end
return string.format('%.0f', wait)
"""
"""KEYS: for each rate when messages left, and a key that is there while it is blocked. ARGV: the patience, then for each rate
how many in how many microseconds. By the node's own clock, in one step, so that no two processes get the same place."""
_BLOCK = """
for place = 1, #KEYS do
  if redis.call('PTTL', KEYS[place]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[place], 1, 'PX', ARGV[1]) end
end
"""


class RedisLimiter:
    """`Limiter` in one Redis node, whose client stays the caller's, under the store's id `about`. Raises what the client does."""

    def __init__(self, node: "Redis", about: str) -> None:
        self._node = node
        self._prefix = f"healer:rate:{about}:"

    async def reserve(self, rates: Sequence[Rate], *, patience: Micros) -> Micros:
        keys = [key for rate in rates for key in (self._prefix + rate.key, self._blocked(rate))]
        asked = [str(number) for rate in rates for number in (rate.most, rate.within)]
        return int(await self._node.eval(_RESERVE, len(keys), *keys, str(patience), *asked))

    async def block(self, rates: Sequence[Rate], *, duration: Micros) -> None:
        keys = [self._blocked(rate) for rate in rates]
        await self._node.eval(_BLOCK, len(keys), *keys, str(max(duration // MILLISECOND, 1)))

    def _blocked(self, rate: Rate) -> str:
        return f"{self._prefix}{rate.key}:blocked"


class Kept(Protocol):
    """What a store keeps of rates."""

    async def use_rates(self, keys: Sequence[str], use: Use[T], *, now: Micros) -> T:
        """What `use` makes of what left by these rates, and of the time; what it gives back is kept, in one transaction."""
        ...


class StoredLimiter:
    """`Limiter` in the store. Raises StoreUnavailable."""

    def __init__(self, store: Kept, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def reserve(self, rates: Sequence[Rate], *, patience: Micros) -> Micros:
        def use(left: Mapping[str, Left], now: Micros) -> tuple[Micros, Mapping[str, Left]]:
            wait = wait_for(rates, {key: one.at for key, one in left.items()}, now)
            wait = max(wait, *(one.blocked_until - now for one in left.values()))
            if wait > patience:
                return wait, {}
            return wait, {rate.key: _took(rate, left[rate.key], now + wait) for rate in rates}

        return await self._store.use_rates([rate.key for rate in rates], use, now=self._clock.now())

    async def block(self, rates: Sequence[Rate], *, duration: Micros) -> None:
        def use(left: Mapping[str, Left], now: Micros) -> tuple[None, Mapping[str, Left]]:
            return None, {key: _blocked(one, now + duration) for key, one in left.items()}

        await self._store.use_rates([rate.key for rate in rates], use, now=self._clock.now())


def _took(rate: Rate, left: Left, at: Micros) -> Left:
    return Left((*left.at, at)[-rate.most :], left.blocked_until, max(left.until, at + rate.within))


def _blocked(left: Left, until: Micros) -> Left:
    return Left(left.at, max(left.blocked_until, until), max(left.until, until))


class SharedLimiter:
    """`Limiter` over one that others use too, and one of this process alone for when that does not answer."""

    def __init__(self, shared: Limiter, clock: Clock) -> None:
        self._shared = shared
        self._own = MemoryLimiter(clock)
        self._alone = False

    async def reserve(self, rates: Sequence[Rate], *, patience: Micros) -> Micros:
        if not rates:
            return 0
        try:
            async with asyncio.timeout(ANSWER_S):
                wait = await self._shared.reserve(rates, patience=patience)
        except UNANSWERED as error:
            self._goes(alone=True, why=error)
            return await self._own.reserve(rates, patience=patience)
        self._goes(alone=False)
        if wait <= patience:
            # What leaves from here is known here, too: it counts when nobody else can be asked.
            await self._own.reserve(rates, patience=patience)
        return wait

    async def block(self, rates: Sequence[Rate], *, duration: Micros) -> None:
        await self._own.block(rates, duration=duration)
        if not rates:
            return
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._shared.block(rates, duration=duration)
        except UNANSWERED as error:
            self._goes(alone=True, why=error)

    def _goes(self, *, alone: bool, why: Exception | None = None) -> None:
        """Log what changed, once."""
        if alone and not self._alone:
            log.warning("each replica keeps the rates of channels by itself for now: %s", why or "no answer in time")
        elif self._alone and not alone:
            log.info("the rates of channels are kept together again")
        self._alone = alone
