"""Access tokens of applications that replicas share, in Redis: what one fetched the others use, until it ends or is refused.

Made by `healer.bootstrap.sharing`. Without Redis each replica has its own: the store keeps no secrets.
"""

import asyncio
import logging

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from healer.locks.redis import NODE_S
from healer.times import MILLISECOND, Micros
from notifiers.secret import Secret
from notifiers.tokens import MemoryTokenCache, Token

log = logging.getLogger(__name__)

_UNANSWERED = (RedisError, OSError, TimeoutError)
_DROP = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"


class _Written(msgspec.Struct, frozen=True):
    value: str
    until: Micros


_decoder = msgspec.json.Decoder(_Written)


class RedisTokenCache:
    """`TokenCache` in one node, whose client stays the caller's, under the store's id `about`; and in this process, for when that
    does not answer."""

    def __init__(self, node: "Redis", about: str) -> None:
        self._node = node
        self._prefix = f"healer:token:{about}:"
        self._own = MemoryTokenCache()

    async def get(self, key: str) -> Token | None:
        try:
            async with asyncio.timeout(NODE_S):
                found = await self._node.get(self._prefix + key)
        except _UNANSWERED as error:
            log.debug("a token of this process's own is used: %r", error)
            found = None
        if found is None:
            return await self._own.get(key)
        written = _decoder.decode(found)
        return Token(Secret(written.value), written.until)

    async def put(self, key: str, token: Token) -> None:
        await self._own.put(key, token)
        try:
            async with asyncio.timeout(NODE_S):
                await self._node.set(self._prefix + key, _written(token), pxat=token.until // MILLISECOND)
        except _UNANSWERED as error:
            log.debug("others fetch a token of their own: %r", error)

    async def drop(self, key: str, token: Token) -> None:
        await self._own.drop(key, token)
        try:
            async with asyncio.timeout(NODE_S):
                await self._node.eval(_DROP, 1, self._prefix + key, _written(token))
        except _UNANSWERED as error:
            log.debug("others find out by themselves: %r", error)


def _written(token: Token) -> bytes:
    return msgspec.json.encode(_Written(token.value.reveal(), token.until))
