"""How the answers of monitoring servers are fetched: who we are, and the whole body within its limit. Used by both clients."""

import aiohttp

from healer.settings.outside import Credentials

CHUNK = 64 << 10
"""Bytes taken from the connection at a time."""


class TooLong(ValueError):
    """The answer is longer than it may be."""


def authorization(credentials: Credentials | None) -> dict[str, str]:
    """The header by which healer shows who it is."""
    if credentials is None:
        return {}
    if credentials.bearer is not None:
        return {"Authorization": f"Bearer {credentials.bearer.reveal()}"}
    assert credentials.password is not None
    return {"Authorization": aiohttp.BasicAuth(credentials.user, credentials.password.reveal()).encode()}


async def whole(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body to its end; one `read` gives only what has arrived. Raises TooLong above `most` bytes."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK):
        body += chunk
        if len(body) > most:
            raise TooLong(f"the answer is longer than {most} bytes")
    return bytes(body)
