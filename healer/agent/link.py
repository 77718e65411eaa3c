"""How does an agent reach healer, and stay reached? It dials, shows its certificate and a fresh token, and speaks until cut.

One server after the other, with pauses that grow and differ; what goes on here (`healer.agent.work`) does not wait for it.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec

from healer.agent.identity import Identity, NotEnrolled, is_due, proving, renew
from healer.agent.work import Worker
from healer.executors.agent.wire import (
    BEAT,
    MESSAGE_BYTES,
    MISSED,
    TOKEN,
    WORK,
    Fresh,
    FromAgent,
    Hello,
    Pass,
    read_by_agent,
    write,
)
from healer.seams import Clock, Random, Spawn
from healer.times import SECOND

log = logging.getLogger(__name__)

PAUSE_S = (0.5, 10.0)
"""Seconds between two attempts at least, and after many at most."""
SAID = 10_000
"""Messages that wait to go out; a line that takes none is cut."""
WITHIN = aiohttp.ClientTimeout(total=None, sock_connect=10.0)
ANSWER_S = 15.0
"""Seconds for an answer that is no line."""
SILENT_S = BEAT * MISSED / SECOND
"""Seconds after which a healer that says nothing is asked whether it is there; half of that later the line counts as cut."""

TROUBLES = (OSError, aiohttp.ClientError, TimeoutError, NotEnrolled, msgspec.MsgspecError)
"""What a line may end by, and is dialled again after."""

_pass = msgspec.json.Decoder(Pass)


class Link:
    """The line to whichever healer leads. `machine` is the machine-id."""

    def __init__(
        self,
        identity: Identity,
        servers: tuple[str, ...],
        state: Path,
        worker: Worker,
        clock: Clock,
        random: Random,
        spawn: Spawn,
        *,
        machine: str,
        version: str,
    ) -> None:
        self._identity = identity
        self._servers = servers or identity.servers
        self._state = state
        self._worker = worker
        self._clock = clock
        self._random = random
        self._spawn = spawn
        self._hello = Hello(machine, version)

    async def keep(self) -> None:
        """Dial for as long as the process lives."""
        pause, trouble = PAUSE_S[0], ""
        while True:
            for server in self._servers:
                try:
                    await self._talk(server)
                    pause, trouble = PAUSE_S[0], ""
                except TROUBLES as error:
                    why = f"{server}: {str(error) or type(error).__name__}"
                    if why != trouble:
                        log.warning("healer is not reached at %s", why)
                    trouble = why
                await asyncio.sleep(pause * self._random.uniform(0.5, 1.0))
            pause = min(pause * 2, PAUSE_S[1])

    async def _talk(self, server: str) -> None:
        """One line, until it is cut. Raises what goes wrong before it stands."""
        connector = aiohttp.TCPConnector(ssl=proving(self._identity, self._state))
        async with aiohttp.ClientSession(connector=connector, timeout=WITHIN) as session:
            shown = await _token(session, server)
            if is_due(self._identity, self._clock.now()):
                self._identity = await renew(self._identity, server, shown.token, self._state, self._clock)
                log.info("%s has a new certificate", self._identity.name)
                return
            headers = {"Authorization": f"Bearer {shown.token}"}
            # A network that is cut in between would have it wait for as long as TCP does: a quarter of an hour.
            async with asyncio.timeout(ANSWER_S):
                socket = await session.ws_connect(
                    f"{server}{WORK}", headers=headers, max_msg_size=MESSAGE_BYTES, heartbeat=SILENT_S
                )
            async with socket:
                log.info("%s is reached as %s", server, self._identity.name)
                await self._serve(session, server, socket, shown)

    async def _serve(
        self, session: aiohttp.ClientSession, server: str, socket: aiohttp.ClientWebSocketResponse, shown: Pass
    ) -> None:
        """Say and hear until it is cut."""
        outgoing: asyncio.Queue[FromAgent] = asyncio.Queue(SAID)

        def say(message: FromAgent) -> None:
            if outgoing.full():
                telling.cancel()
            else:
                outgoing.put_nowait(message)

        telling = self._spawn.start("telling", _tell(socket, outgoing))
        beating = self._spawn.start("beating", self._beat(say, session, server, shown))
        for task in (telling, beating):
            # Whichever ends, the line is of no use any more.
            task.add_done_callback(lambda _: self._spawn.start("hanging up", _hang_up(socket)))
        say(self._hello)
        self._worker.connected(say)
        try:
            async for message in socket:
                self._worker.hear(read_by_agent(message.data))
        finally:
            self._worker.cut()
            telling.cancel()
            beating.cancel()
            log.info("the line to %s is cut", server)

    async def _beat(
        self, say: Callable[[FromAgent], None], session: aiohttp.ClientSession, server: str, shown: Pass
    ) -> None:
        """Be heard, show a fresh token before the old one ends, and dial anew where the certificate wants it."""
        fetched = self._clock.monotonic()
        while not is_due(self._identity, self._clock.now()):
            await asyncio.sleep(BEAT / SECOND)
            if self._clock.monotonic() - fetched > shown.life // 2:
                try:
                    shown, fetched = await _token(session, server), self._clock.monotonic()
                except TROUBLES as error:
                    log.warning("there is no fresh token, so it dials anew: %s", error)
                    return
                say(Fresh(shown.token))
            say(self._worker.beat())


async def _token(session: aiohttp.ClientSession, server: str) -> Pass:
    """Raises OSError, ClientError, TimeoutError, NotEnrolled, MsgspecError."""
    async with asyncio.timeout(ANSWER_S), session.post(f"{server}{TOKEN}") as answer:
        said = await answer.read()
        if answer.status != 200:
            raise NotEnrolled(f"it is refused: {said.decode(errors='replace')[:200]}")
        return _pass.decode(said)


async def _tell(socket: aiohttp.ClientWebSocketResponse, outgoing: "asyncio.Queue[FromAgent]") -> None:
    try:
        while True:
            await socket.send_bytes(write(await outgoing.get()))
    except (ConnectionError, aiohttp.ClientError) as error:
        log.debug("the line takes nothing more: %s", error)


async def _hang_up(socket: aiohttp.ClientWebSocketResponse) -> None:
    await socket.close()
