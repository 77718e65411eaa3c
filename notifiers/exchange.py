"""One HTTP request and its answer, or why there is none: the same for every channel that goes over the network.

Errors of aiohttp carry the URL, and a channel's URL often is its secret: no text of theirs gets out, only where it was
going (`where`) and what kind of error it was.
"""

import aiohttp
import msgspec
from yarl import URL

from notifiers import tracing
from notifiers.clock import SECOND, Micros
from notifiers.message import Ambiguous, Answer, RateLimited, Reason, Transient

ANSWER_BYTES = 64 * 1024
CONNECT: Micros = 5 * SECOND
DEFAULT_RETRY_AFTER: Micros = 5 * SECOND
MOST_RETRY_AFTER: Micros = 24 * 3600 * SECOND

FEISHU_RETRY_AFTER = "x-ogw-ratelimit-reset"
_GATEWAY_GAVE_UP = (504, 524)

JSON = {"Content-Type": "application/json; charset=utf-8"}


class Reply(msgspec.Struct, frozen=True):
    """What came back: a status, the Retry-After header ("" if there was none; Feishu has a name of its own for it), and the
    body, `Request.most` bytes at most."""

    status: int
    retry_after: str
    body: bytes


class Request(msgspec.Struct, frozen=True):
    """What goes out. `where` is the address as it may be shown; `what` names the request in a word; `most` bytes of the answer
    are read."""

    url: str
    where: str
    what: str
    data: bytes
    headers: dict[str, str] = msgspec.field(default_factory=lambda: dict(JSON))
    method: str = "POST"
    most: int = ANSWER_BYTES


async def exchange(
    session: aiohttp.ClientSession, request: Request, *, timeout: Micros, trace_id: str
) -> Reply | Transient | Ambiguous:
    """Send once. `Transient` when certainly nothing was sent, `Ambiguous` when it may have been; redirects are answers."""
    if session.closed:
        return Transient(why="the HTTP session is closed: healer is stopping", reason=Reason.CONNECT)
    try:
        async with session.request(
            request.method,
            URL(request.url, encoded=True),
            data=request.data,
            headers={**request.headers, **tracing.headers(trace_id)},
            timeout=_timeout(timeout),
            allow_redirects=False,
        ) as response:
            asked = response.headers.get("Retry-After", "") or response.headers.get(FEISHU_RETRY_AFTER, "")
            return Reply(response.status, asked, await _read(response, request.most))
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError) as error:
        return Transient(why=f"cannot connect to {request.where}: {_cause(error)}", reason=Reason.CONNECT)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # The connection stood, so the request may have been read: only the answer is known to be missing.
        return Ambiguous(why=f"no answer to {request.what}: {type(error).__name__}")


def strange(reply: Reply, provider: str) -> Answer:
    """An answer that is not the provider's comes from something on the way (a proxy, a portal) and condemns nothing."""
    if 200 <= reply.status < 300:
        return Ambiguous(why="a 2xx that cannot be read", reason=Reason.STRANGE_ANSWER)
    if reply.status == 429:
        return RateLimited(wait(seconds(reply.retry_after)), why=f"HTTP 429 without an answer of {provider}")
    if reply.status in _GATEWAY_GAVE_UP:
        return Ambiguous(why=f"HTTP {reply.status}: a gateway gave up waiting for the answer")
    reason = Reason.SERVER_ERROR if reply.status >= 500 else Reason.STRANGE_ANSWER
    return Transient(why=f"HTTP {reply.status}, not from {provider}: is something on the way?", reason=reason)


def wait(asked_s: int) -> Micros:
    """For how long a provider that asked for so many seconds (0: it did not say) is left alone."""
    return min(asked_s * SECOND, MOST_RETRY_AFTER) if asked_s > 0 else DEFAULT_RETRY_AFTER


def seconds(header: str) -> int:
    """A Retry-After of whole seconds; 0 for anything else, a date among it."""
    return int(header) if header.isascii() and header.isdecimal() and len(header) < 10 else 0


def _timeout(answer: Micros) -> aiohttp.ClientTimeout:
    """Connecting has a limit of its own, so that the other one can only run out once the request was on its way."""
    connect = min(CONNECT, answer)
    return aiohttp.ClientTimeout(total=(connect + answer) / SECOND, connect=connect / SECOND, sock_read=answer / SECOND)


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body, at most `most` bytes. What broke off is read as far as it came: the status still counts."""
    content = bytearray()
    try:
        async for chunk in response.content.iter_chunked(ANSWER_BYTES):
            content += chunk
            if len(content) >= most:
                break
    except (aiohttp.ClientError, TimeoutError, OSError):
        return b""
    return bytes(content[:most])


def _cause(error: Exception) -> str:
    """What the operating system said, which knows hosts and ports but no URL."""
    cause = getattr(error, "os_error", None)
    return (getattr(cause, "strerror", None) or type(error).__name__) if cause else type(error).__name__
