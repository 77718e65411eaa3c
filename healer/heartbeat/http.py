"""Pings a dead man's switch over HTTP. Made by bootstrap from `watchdog.ping`."""

import asyncio

import aiohttp

from healer.documents.fields import Secret
from healer.heartbeat.watch import PingFailed

TIMEOUT_S = 10.0
"""Seconds for one ping."""


class HttpPing:
    """`healer.heartbeat.watch.Ping`: a GET, which every such service takes. The URL is a secret and never shown."""

    def __init__(self, url: Secret, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def __call__(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S), self._session.get(self._url.reveal()) as response:
                if not response.ok:
                    raise PingFailed(f"it answered {response.status}")
        except TimeoutError:
            raise PingFailed(f"no answer within {TIMEOUT_S:g} s") from None
        except aiohttp.ClientError as error:
            # What the client says would name the URL.
            raise PingFailed(type(error).__name__) from None
