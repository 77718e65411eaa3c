"""How does a line to healer come to be? Over mutual TLS, with a fresh token, and with another certificate where it is time.

Called by `healer.agent.link`, one server after the other.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from healer.agent.identity import Identity, NotEnrolled, is_due, proving, renew
from healer.agent.link import NoLine, Wire
from healer.executors.agent.wire import (
    BEAT,
    MESSAGE_BYTES,
    MISSED,
    TOKEN,
    WORK,
    FromAgent,
    Pass,
    ToAgent,
    read_by_agent,
    write,
)
from healer.seams import Clock
from healer.times import SECOND

log = logging.getLogger(__name__)

WITHIN = aiohttp.ClientTimeout(total=None, sock_connect=10.0)
ANSWER_S = 15.0
"""Seconds for an answer that is no line."""
SILENT_S = BEAT * MISSED / SECOND
"""Seconds after which a healer that says nothing is asked whether it is there; half of that later the line counts as cut."""

TROUBLES = (OSError, aiohttp.ClientError, TimeoutError, NotEnrolled, msgspec.MsgspecError)
"""What a line may end by, and is dialled again after."""

_pass = msgspec.json.Decoder(Pass)


class TlsDialler:
    """`Dialler` by the certificate in the state folder."""

    def __init__(self, identity: Identity, state: Path, clock: Clock) -> None:
        self._identity = identity
        self._state = state
        self._clock = clock

    def is_due(self) -> bool:
        return is_due(self._identity, self._clock.now())

    @asynccontextmanager
    async def dial(self, server: str) -> AsyncIterator[tuple[Wire, Pass] | None]:
        try:
            connector = aiohttp.TCPConnector(ssl=proving(self._identity, self._state))
            async with aiohttp.ClientSession(connector=connector, timeout=WITHIN) as session:
                shown = await _token(session, server)
                if self.is_due():
                    self._identity = await renew(self._identity, server, shown.token, self._state, self._clock)
                    log.info("%s has a new certificate", self._identity.name)
                    yield None
                    return
                headers = {"Authorization": f"Bearer {shown.token}"}
                # A network that is cut in between would have it wait for as long as TCP does: a quarter of an hour.
                async with asyncio.timeout(ANSWER_S):
                    socket = await session.ws_connect(
                        f"{server}{WORK}", headers=headers, max_msg_size=MESSAGE_BYTES, heartbeat=SILENT_S
                    )
                async with socket:
                    yield _Socket(socket, session, server), shown
        except TROUBLES as error:
            raise NoLine(str(error) or type(error).__name__) from error


class _Socket:
    """`Wire` over a websocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: aiohttp.ClientSession, server: str) -> None:
        self._socket = socket
        self._session = session
        self._server = server

    async def hear(self) -> ToAgent | None:
        message = await self._socket.receive()
        if message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
            return None
        try:
            return read_by_agent(message.data)
        except msgspec.MsgspecError as error:
            raise NoLine(f"healer said what this agent cannot read: {error}") from error

    async def say(self, message: FromAgent) -> None:
        try:
            await self._socket.send_bytes(write(message))
        except (ConnectionError, aiohttp.ClientError) as error:
            raise NoLine(str(error)) from error

    async def fresh(self) -> Pass:
        try:
            return await _token(self._session, self._server)
        except TROUBLES as error:
            raise NoLine(str(error) or type(error).__name__) from error

    async def hang_up(self) -> None:
        await self._socket.close()


async def _token(session: aiohttp.ClientSession, server: str) -> Pass:
    """Raises OSError, ClientError, TimeoutError, NotEnrolled, MsgspecError."""
    async with asyncio.timeout(ANSWER_S), session.post(f"{server}{TOKEN}") as answer:
        said = await answer.read()
        if answer.status != 200:
            raise NotEnrolled(f"it is refused: {said.decode(errors='replace')[:200]}")
        return _pass.decode(said)
