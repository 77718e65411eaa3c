"""By which HTTP session is a provider reached: the one for all that go straight, or that of a channel's proxy?

Used by `outside`, `bots` and `applications`, so that presses and commands go the way of the messages.
"""

from contextlib import AsyncExitStack

import aiohttp

from healer.documents.fields import Secret


class Ways:
    """One session for each proxy, made when it is asked for first, on the event loop, and closed with the stack."""

    def __init__(self, straight: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        self.straight = straight
        self._stack = stack
        self._by_proxy: dict[str, aiohttp.ClientSession] = {}

    def by(self, proxy: Secret | None) -> aiohttp.ClientSession:
        if proxy is None:
            return self.straight
        session = self._by_proxy.get(proxy.reveal())
        if session is None:
            session = self._by_proxy[proxy.reveal()] = aiohttp.ClientSession(proxy=proxy.reveal())
            self._stack.push_async_callback(session.close)
        return session
