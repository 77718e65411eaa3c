"""Access tokens of applications: fetched once for all who need one, used until shortly before they end, dropped when refused.

`Tokens` is handed to the channels of applications, so that those of one application share one. Where several processes share a
cache they share the token, too; without one each has its own, which WeCom and Feishu put up with.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from notifiers.clock import SECOND, Micros
from notifiers.message import Answer
from notifiers.robot import Wall
from notifiers.secret import Secret

EARLY: Micros = 300 * SECOND
"""So long before its end a token is not used any more: a request with it may take a while."""
MOST = 1_000
"""Applications whose tokens are kept."""


class Token(msgspec.Struct, frozen=True):
    """`until`: wall time."""

    value: Secret
    until: Micros


class TokenCache(Protocol):
    """Where tokens are kept, by application; `key` is no secret. It may forget any of them at any time."""

    async def get(self, key: str) -> Token | None: ...

    async def put(self, key: str, token: Token) -> None: ...

    async def drop(self, key: str, token: Token) -> None:
        """Forget this token, unless another one stands in its place by now."""
        ...


class MemoryTokenCache:
    """`TokenCache` for one process."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    async def get(self, key: str) -> Token | None:
        return self._tokens.get(key)

    async def put(self, key: str, token: Token) -> None:
        self._tokens.pop(key, None)
        self._tokens[key] = token
        while len(self._tokens) > MOST:
            del self._tokens[next(iter(self._tokens))]

    async def drop(self, key: str, token: Token) -> None:
        if self._tokens.get(key) == token:
            del self._tokens[key]


Fetch = Callable[[], Awaitable[Token | Answer]]
"""Asks the provider for a token: one, or the answer that says why there is none."""


class Tokens:
    """One flight at a time for each application: who comes while somebody asks waits, and takes what was brought."""

    def __init__(self, cache: TokenCache, wall: Wall) -> None:
        self._cache = cache
        self._wall = wall
        self._flights: dict[str, asyncio.Lock] = {}

    async def of(self, key: str, fetch: Fetch) -> Token | Answer:
        """A token that is good for a while, or why there is none."""
        async with self._flights.setdefault(key, asyncio.Lock()):
            known = await self._cache.get(key)
            if known is not None and known.until - EARLY > self._wall():
                return known
            fetched = await fetch()
            if isinstance(fetched, Token):
                await self._cache.put(key, fetched)
            return fetched

    async def refused(self, key: str, token: Token) -> None:
        """The provider does not know this one any more."""
        await self._cache.drop(key, token)
