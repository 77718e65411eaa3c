"""Where anchors are kept outside: a file, an HTTP endpoint; a chat is `healer.notification.anchors`. Made by bootstrap."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import aiohttp

from healer.audit.anchor import Anchor
from healer.audit.settings import Webhook

TIMEOUT_S = 15.0
"""Seconds for one anchor to be taken."""


class NotTaken(Exception):
    """An anchor did not get there, or nobody knows whether; it is sent again. The text names no secret."""


class Place(Protocol):
    """Somewhere outside. The same anchor may come twice."""

    async def take(self, anchor: Anchor) -> None:
        """Keep it. Raises NotTaken."""
        ...


class FilePlace:
    """A file that grows by a line for each anchor. `aside` runs what may wait for a disk."""

    def __init__(self, file: Path, aside: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
        self._file = file
        self._aside = aside

    async def take(self, anchor: Anchor) -> None:
        await self._aside(lambda: self._append(anchor.line() + "\n"))

    def _append(self, line: str) -> None:
        try:
            opened = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.write(opened, line.encode())
                os.fsync(opened)
            finally:
                os.close(opened)
        except OSError as error:
            raise NotTaken(f"{self._file} cannot be written: {error.strerror}") from None


class WebhookPlace:
    """An HTTP endpoint."""

    def __init__(self, webhook: Webhook, session: aiohttp.ClientSession) -> None:
        self._webhook = webhook
        self._session = session

    async def take(self, anchor: Anchor) -> None:
        headers = {"Content-Type": "application/json"}
        if self._webhook.bearer is not None:
            headers["Authorization"] = f"Bearer {self._webhook.bearer.reveal()}"
        url, body = self._webhook.url.reveal(), anchor.line().encode()
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._session.post(url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                if not 200 <= response.status < 300:
                    raise NotTaken(f"it answered {response.status}")
        except TimeoutError:
            raise NotTaken(f"no answer within {TIMEOUT_S:g} s") from None
        except aiohttp.ClientError as error:
            # What the client says would name the URL.
            raise NotTaken(type(error).__name__) from None
