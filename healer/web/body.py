"""A request's body, within its limits of size and time. Used by the handlers that read one."""

import asyncio
import zlib

import aiohttp
from aiohttp import web

from healer.times import SECOND
from healer.web.guard import refuse_large
from healer.web.ports import Bounds
from healer.web.problems import Problem


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
        content = request.content
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._bounds.read / SECOND):
                while chunk := await content.readany():
                    size += len(chunk)
                    self._in_hand += len(chunk)
                    self._refuse_more(size, limit)
                    chunks.append(chunk)
        except BaseException as error:
            self.free(size)
            match error:
                case TimeoutError():
                    slow = f"the body did not arrive within {self._bounds.read // SECOND} s"
                    raise Problem(503, slow, retry_after=1) from None
                case (
                    aiohttp.ClientPayloadError()
                    | web.RequestPayloadError()
                    | aiohttp.http.HttpProcessingError()
                    | zlib.error()
                ):
                    raise Problem(400, f"the body broke off or is not compressed as it says: {error}") from None
            raise
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def free(self, size: int) -> None:
        """A body of this size is no longer in hand."""
        self._in_hand -= size

    def _refuse_more(self, size: int, limit: int) -> None:
        refuse_large(size, limit)
        # One large body alone is always let through, or a low limit would shut out a sender for ever.
        if self._in_hand > self._bounds.bodies and self._in_hand > size:
            raise Problem(503, "too many large requests at once", retry_after=1)
