"""What every host of pipelines answers, and how it is asked. Implemented by the modules beside this one."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from healer.documents.fields import Secret
from healer.executors.http.exchange import Reply, Request, exchange
from healer.executors.http.reach import Reach
from healer.executors.once import Lost
from healer.executors.target import Order

INTENT, NODE = "HEALER_INTENT", "HEALER_NODE"
"""Under these names a pipeline learns by which intent it runs, and about which node."""
ANSWER_BYTES = 4 << 20
"""Of one answer: a hundred runs with their parameters."""
TIMEOUT_S = 10.0
"""Seconds for one answer."""
LISTED = 100
"""Runs that are looked through at most for the one of an intent."""

T = TypeVar("T")


class Run(msgspec.Struct, frozen=True):
    """A pipeline that was started: what its host calls it, and where people see it."""

    id: str
    url: str = ""


class State(msgspec.Struct, frozen=True):
    """How far it is: whether it ended well, None while it has not ended; in words; and by what to ask again."""

    well: bool | None
    words: str
    run: Run


class Denied(Exception):
    """The host said no, or something that cannot be read: ask again, or look there."""


class TooMany(Exception):
    """More runs than are looked through: whether one of them is the intent's cannot be told."""


Ask = Callable[[Request], Awaitable[Reply]]
"""One look at a host. Raises Unsent, Lost and Denied."""


class Host(Protocol):
    """One pipeline at its host."""

    @property
    def secrets(self) -> tuple[Secret, ...]: ...

    @property
    def words(self) -> str:
        """What would be started, for people."""
        ...

    @property
    def unless(self) -> str:
        """Why a pipeline might not be found by the intent that started it; "" where it always is."""
        ...

    def start(self, order: Order) -> Request:
        """What starts it, once."""
        ...

    def started(self, reply: Reply) -> Run | None:
        """What was started, as the answer to `start` says; None where it does not say. Raises Denied."""
        ...

    async def find(self, ask: Ask, order: Order) -> Run | None:
        """What was started by an intent, whoever did it. Raises what `ask` raises, and TooMany."""
        ...

    async def look(self, ask: Ask, run: Run) -> State:
        """How far it is. Raises what `ask` raises."""
        ...


def asking(reach: Reach) -> Ask:
    """A way to look at hosts."""

    async def ask(request: Request) -> Reply:
        reply = await exchange(request, reach)
        if reply.cut:
            raise Denied(f"{request.host} said more than {ANSWER_BYTES} bytes")
        if reply.status >= 500:
            raise Lost(f"{request.host} answered HTTP {reply.status}")
        if not 200 <= reply.status < 300:
            raise Denied(f"{request.host} answered HTTP {reply.status}")
        return reply

    return ask


def get(url: str, headers: Mapping[str, str]) -> Request:
    """A look."""
    return Request("GET", url, headers, b"", TIMEOUT_S, ANSWER_BYTES)


def post(url: str, headers: Mapping[str, str], body: bytes) -> Request:
    """What starts a pipeline: that is answered soon, the rest is followed."""
    return Request("POST", url, headers, body, TIMEOUT_S, ANSWER_BYTES)


def decoded(reply: Reply, shape: msgspec.json.Decoder[T]) -> T:
    """The answer as this shape. Raises Denied."""
    try:
        return shape.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Denied(f"an answer that cannot be read: {error}") from None


def basic(user: str, token: Secret) -> str:
    """The header `Authorization` of a user."""
    return "Basic " + base64.b64encode(f"{user}:{token.reveal()}".encode()).decode()


Json = dict[str, Any]
