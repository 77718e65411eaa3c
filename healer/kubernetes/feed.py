"""What is there of one resource of a Kubernetes cluster, and what becomes of it: listed in pages, then watched.

Used by the topology's Kubernetes source and by whoever follows `Remediation` objects. The server ends watches, forgets old
versions (410: list again), and asks for patience (Retry-After); a listener hears nothing of the first two.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol, TypeVar

import aiohttp
import msgspec

from healer.kubernetes.access import Access, NoAccess
from healer.seams import Clock
from healer.times import SECOND, Micros

PAGE = 500
"""Objects of one page of a list, as kubectl asks for them."""
WATCH_S = 300
"""Seconds after which the server ends a watch; it goes on where it was."""
LINE = 4 << 20
"""Bytes of one event: objects have 1.5 MiB at most."""
PAGE_BYTES = 256 << 20
"""Bytes of one page."""
PAUSE_S = (1.0, 30.0)
"""Seconds between attempts when the server does not answer: the first, and the longest."""
PATIENCE_S = 120.0
"""The longest that a server's Retry-After is obeyed."""


class Gone(Exception):
    """The server no longer knows the version that was asked for: list again."""


class Unanswered(Exception):
    """The server said something else, in a sentence. `retry_s`: for so many seconds it does not want to be asked again."""

    def __init__(self, why: str, retry_s: float = 0.0) -> None:
        super().__init__(why)
        self.retry_s = retry_s


class Page(Protocol):
    """One page of a list, decoded; `metadata` is the list's own."""

    @property
    def metadata(self) -> dict[str, Any]: ...


P = TypeVar("P", bound=Page)


class Event(msgspec.Struct, frozen=True):
    """One line of a watch."""

    type: str
    object: msgspec.Raw


class Status(msgspec.Struct, frozen=True):
    """A failure as the server writes it."""

    code: int = 0
    message: str = ""


_status = msgspec.json.Decoder(Status)
_event = msgspec.json.Decoder(Event)


class Listener(Protocol[P]):
    """Who hears of it all. What it raises of Unanswered counts as the server's failure."""

    async def decode(self, body: bytes) -> P:
        """A page. Raises Unanswered for what is none."""
        ...

    def listed(self, pages: list[P]) -> None:
        """This is all that there is now."""
        ...

    def happened(self, event: Event) -> str:
        """One object changed, or a bookmark passed; the version that the watch goes on from."""
        ...

    def well(self) -> None:
        """The watch is under way."""
        ...

    def failed(self, why: str) -> None:
        """The server cannot be followed now; it is tried again."""
        ...


class Feed:
    """One path of an API server. `timeout` is for one answer."""

    def __init__(
        self, access: Access, session: aiohttp.ClientSession, path: str, timeout: Micros, clock: Clock
    ) -> None:
        self.path = path
        self._access = access
        self._session = session
        self._timeout_s = timeout / SECOND
        self._clock = clock

    async def follow(self, listener: Listener[P]) -> None:
        """List and watch, until cancelled."""
        pause, version = PAUSE_S[0], ""
        while True:
            try:
                if not version:
                    version = await self._list(listener)
                began = self._clock.monotonic()
                async for event in self._watch(version, listener):
                    version, pause = listener.happened(event), PAUSE_S[0]
                # A server, or something before it, that ends every watch at once is not to be asked without a pause.
                await asyncio.sleep(max(PAUSE_S[0] - (self._clock.monotonic() - began) / SECOND, 0))
            except Gone:
                if not version:  # not even its own list lasted until the last page
                    await asyncio.sleep(pause)
                version = ""
            except (aiohttp.ClientError, OSError, TimeoutError, Unanswered, NoAccess) as error:
                listener.failed(str(error) or f"{self._access.url}{self.path}: {type(error).__name__}")
                asked = error.retry_s if isinstance(error, Unanswered) else 0.0
                await asyncio.sleep(max(pause, min(asked, PATIENCE_S)))
                pause = min(pause * 2, PAUSE_S[1])

    async def _list(self, listener: Listener[P]) -> str:
        """All objects, page by page; the version that a watch goes on from."""
        pages: list[P] = []
        asked = {"limit": str(PAGE)}
        while True:
            async with asyncio.timeout(self._timeout_s):
                async with self._get(asked) as response:
                    body = await _body(response, PAGE_BYTES)
            page = await listener.decode(body)
            pages.append(page)
            if not page.metadata.get("continue"):
                break
            asked = {"limit": str(PAGE), "continue": str(page.metadata["continue"])}
        listener.listed(pages)
        return str(page.metadata.get("resourceVersion", ""))

    async def _watch(self, version: str, listener: Listener[P]) -> AsyncIterator[Event]:
        """What changes after a version; ends when the server ends it."""
        asked = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_S),
        }
        async with asyncio.timeout(WATCH_S + self._timeout_s):
            async with self._get(asked) as response:
                listener.well()
                async for line in _lines(response):
                    event = self._event(line)
                    if event.type == "ERROR":
                        raise refusal(self.path, _status.decode(event.object))
                    yield event

    def _get(self, query: dict[str, str]) -> "_Answer":
        return _Answer(self.path, self._session, self._access, query)

    def _event(self, line: bytes) -> Event:
        try:
            return _event.decode(line)
        except msgspec.MsgspecError as error:
            raise Unanswered(f"{self.path} gave no event: {error}") from None


class _Answer:
    """One request whose answer is good; as a context, because a watch reads on."""

    def __init__(self, path: str, session: aiohttp.ClientSession, access: Access, query: dict[str, str]) -> None:
        self._path = path
        self._asked = session.get(
            f"{access.url}{path}",
            params=query,
            headers={"Accept": "application/json"} | access.headers(),
            ssl=access.tls,
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def __aenter__(self) -> aiohttp.ClientResponse:
        response = await self._asked.__aenter__()
        if response.status == 200:
            return response
        try:
            status = _status.decode(await _body(response, LINE))
        except msgspec.MsgspecError:
            status = Status()
        finally:
            response.close()
        said = Status(response.status, status.message)
        raise refusal(self._path, said, response.headers.get("Retry-After", ""))

    async def __aexit__(self, *error: Any) -> None:
        await self._asked.__aexit__(*error)


def refusal(path: str, status: Status, retry_after: str = "") -> Gone | Unanswered:
    """What a failure means to whoever lists and watches. `retry_after` is the header's value."""
    if status.code == 410:
        return Gone()
    why = f": {status.message}" if status.message else ""
    hint = "; its role needs list and watch" if status.code == 403 else ""
    retry_s = float(retry_after) if retry_after.isdecimal() else 0.0
    return Unanswered(f"{path} answered {status.code}{why}{hint}", retry_s)


async def _body(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            raise Unanswered(f"an answer of more than {most} bytes")
    return bytes(body)


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The lines of an answer; aiohttp's own reader takes no long ones."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE:
            raise Unanswered(f"an event of more than {LINE} bytes")
        for line in lines:
            if line.strip():
                yield line
