"""A request's body, within its limits of size and time. Used by the handlers that read one."""

import asyncio
import zlib

import aiohttp
from aiohttp import web

from healer.times import SECOND
from healer.web.guard import refuse_large
from healer.web.ports import Bounds
from healer.web.problems import Problem

_BROKEN = (
    aiohttp.ClientPayloadError,
    web.RequestPayloadError,
    aiohttp.http.HttpProcessingError,
    zlib.error,
    ConnectionError,
)


class Bodies:
    """Reads bodies and knows how many bytes of them are in hand, so that many large ones cannot fill the memory."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._in_hand = 0

    async def read(self, request: web.Request, limit: int = 0) -> bytes:
        """The whole body, decompressed; `free` its size when it is dealt with.

        Raises Problem: 413 too large, 503 too slow or too much at once (Alertmanager retries 5xx alone), 400 broken.
        """
        limit = limit or self._bounds.body
        refuse_large(request.content_length or 0, limit)
        if request.content.is_eof():  # it came together with the headers, as most do: no clock has to watch it
            body = request.content.read_nowait()
            self._take(len(body), len(body), limit)
            return body
        return await self._gather(request.content, limit)

    def free(self, size: int) -> None:
        """A body of this size is no longer in hand."""
        self._in_hand -= size

    async def _gather(self, content: aiohttp.StreamReader, limit: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._bounds.read / SECOND):
                while chunk := await content.readany():
                    self._take(len(chunk), size + len(chunk), limit)
                    size += len(chunk)
                    chunks.append(chunk)
        except BaseException as error:
            self.free(size)
            if isinstance(error, TimeoutError):
                slow = f"the body did not arrive within {self._bounds.read // SECOND} s"
                raise Problem(503, slow, retry_after=1) from None
            if isinstance(error, _BROKEN):
                raise Problem(400, f"the body broke off or is not compressed as it says: {error}") from None
            raise
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _take(self, size: int, whole: int, limit: int) -> None:
        """Count `size` more bytes of a body that has `whole` by now."""
        refuse_large(whole, limit)
        # One large body alone is always let through, or a low limit would shut out a sender for ever.
        if self._in_hand + size > max(self._bounds.bodies, whole):
            raise Problem(503, "too many large requests at once", retry_after=1)
        self._in_hand += size
