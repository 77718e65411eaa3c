"""Gets a published calendar over HTTP: `healer.journey.rosters.Feed.read`. Made by bootstrap; its URL is never shown."""

import asyncio

import aiohttp

from healer.documents.fields import Secret
from healer.journey.rosters import NotRead
from healer.notification.oncall.ical_lines import MAX_BYTES

TIMEOUT_S = 30.0
"""Seconds for one calendar."""


class HttpFeed:
    """A GET. A calendar that is too large is not read to its end."""

    def __init__(self, url: Secret, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def __call__(self) -> bytes:
        try:
            async with asyncio.timeout(TIMEOUT_S), self._session.get(self._url.reveal()) as response:
                if response.status != 200:
                    raise NotRead(f"it answered {response.status}")
                content = bytearray()
                async for part in response.content.iter_any():
                    content += part
                    if len(content) > MAX_BYTES:
                        raise NotRead(f"it has more than {MAX_BYTES} bytes")
                return bytes(content)
        except TimeoutError:
            raise NotRead(f"no answer within {TIMEOUT_S:g} s") from None
        except (aiohttp.ClientError, ValueError) as error:
            # What the client says would name the URL.
            raise NotRead(type(error).__name__) from None
