"""What stand-ins of providers share: the ways in which a request goes wrong, token buckets, and the server itself."""

import asyncio
import contextlib
import math
import re
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from aiohttp import web

PNG = b"\x89PNG\r\n\x1a\n"
"""What such a picture begins with."""


class Fault(StrEnum):
    """What goes wrong with the next request. "Stored" means that people see the message all the same."""

    OK = "ok"
    SLOW = "slow"  # stored, answered after `slow` seconds
    RESET_BEFORE = "reset_before"  # the connection is reset before the body is read
    RESET_AFTER = "reset_after"  # stored, then the connection is reset
    SERVER_ERROR = "server_error"  # 500 of the Bot API
    BAD_GATEWAY = "bad_gateway"  # 502 with a proxy's page
    GATEWAY_TIMEOUT = "gateway_timeout"  # stored, 504 with a proxy's page
    PORTAL = "portal"  # 302 to a login page
    FORBIDDEN_PAGE = "forbidden_page"  # 403 with a firewall's page
    NOT_JSON = "not_json"  # stored, 200 with text
    CUT_JSON = "cut_json"  # stored, 200 with half an answer
    BROKEN_OFF = "broken_off"  # stored, 200 and the connection ends in the body
    TOO_MANY = "too_many"  # 429, whatever the buckets say
    BAD_MARKUP = "bad_markup"  # 400 if there is a parse_mode


@dataclass
class Bucket:
    """A token bucket: `size` at once, refilled at `per_second`."""

    size: float
    per_second: float
    left: float = field(init=False)
    at: float = field(default=-math.inf)

    def __post_init__(self) -> None:
        self.left = self.size

    def wait(self, now: float) -> float:
        """Seconds until a token is there."""
        if self.at > -math.inf:
            self.left = min(self.size, self.left + (now - self.at) * self.per_second)
        self.at = now
        return 0.0 if self.left >= 1 else (1 - self.left) / self.per_second


NOT_STORED: Mapping[Fault, Callable[[], web.Response]] = {
    Fault.SERVER_ERROR: lambda: page(500),
    Fault.BAD_GATEWAY: lambda: page(502),
    Fault.PORTAL: lambda: page(302),
    Fault.FORBIDDEN_PAGE: lambda: page(403),
}


@dataclass
class Heard:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes


class Provider(ABC):
    """A provider on a port of its own. `faults` break the next requests, each in its way; `clock` is in seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.time, slow: float = 30.0) -> None:
        self.url = ""
        self.faults: deque[Fault] = deque()
        self.requests: list[Heard] = []
        self.texts: list[str] = []
        self.enforce_rates = True
        self.overruns = 0
        """Requests that were more than a rate allows."""
        self.clock = clock
        self._slow = slow
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @abstractmethod
    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        """The provider's own answer; what people then see is in `texts`."""

    def app(self) -> web.Application:
        """What answers, wherever it is reached."""
        app = web.Application(client_max_size=1 << 20)
        app.router.add_route("*", "/{rest:.*}", self._handle)
        return app

    async def start(self) -> None:
        self._runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self._stopping.set()
        if self._runner:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def overrun(self, over: bool) -> bool:
        """Whether a rate that is kept here is exceeded. Noted."""
        self.overruns += over and self.enforce_rates
        return over and self.enforce_rates

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.popleft() if self.faults else Fault.OK
        if fault is Fault.RESET_BEFORE:
            return reset(request)
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Heard(request.raw_path, headers, body))
        if fault in NOT_STORED:
            return NOT_STORED[fault]()
        said = self.do(request, body, fault)
        return await broken(request, fault, said, self._slow, self._stopping)


async def broken(
    request: web.Request, fault: Fault, said: web.Response, slow: float, stopping: asyncio.Event
) -> web.StreamResponse:
    """An answer as the fault lets it arrive."""
    text = said.text or ""
    match fault:
        case Fault.SLOW:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), slow)
        case Fault.RESET_AFTER:
            return reset(request)
        case Fault.GATEWAY_TIMEOUT:
            return page(504)
        case Fault.NOT_JSON:
            return web.Response(text="all good", content_type="text/plain")
        case Fault.CUT_JSON:
            return web.Response(text=text[: len(text) // 2], content_type="application/json")
        case Fault.BROKEN_OFF:
            response = web.StreamResponse(headers={"Content-Length": str(len(text) + 2)})
            await response.prepare(request)
            await response.write(text[: len(text) // 2].encode())
            reset(request)
            return response
        case _:
            pass
    return said


def read_form(content_type: str, body: bytes) -> tuple[str, dict[str, bytes]]:
    """What kind of body it is, and its fields by name, files among them."""
    kind, _, boundary = content_type.partition("; boundary=")
    fields: dict[str, bytes] = {}
    for part in body.split(f"--{boundary}\r\n".encode())[1:]:
        head, _, data = (
            part.removesuffix(f"\r\n--{boundary}--\r\n".encode()).removesuffix(b"\r\n").partition(b"\r\n\r\n")
        )
        if name := re.search(rb'name="([^"]*)"', head):
            fields[name[1].decode()] = data
    return kind, fields


def page(status: int) -> web.Response:
    headers = {"Location": "https://portal.invalid/login"} if status == 302 else {}
    text = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
    return web.Response(status=status, headers=headers, text=text, content_type="text/html")


def reset(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()
