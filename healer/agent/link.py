"""How does an agent stay reached? It dials, one server after the other, and speaks until the line is cut; then it dials again.

With pauses that grow and differ; what goes on here (`healer.agent.work`) does not wait for it. How a line comes to be is the
dialler's (`healer.agent.dialling`).
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from healer.agent.work import Worker
from healer.executors.agent.wire import BEAT, Fresh, FromAgent, Hello, Pass, ToAgent
from healer.seams import Clock, Random, Spawn
from healer.times import SECOND

log = logging.getLogger(__name__)

PAUSE_S = (0.5, 10.0)
"""Seconds between two attempts at least, and after many at most."""
SAID = 10_000
"""Messages that wait to go out; a line that takes none is cut."""


class NoLine(Exception):
    """There is none, or it is over, and why."""


class Wire(Protocol):
    """A line that stands."""

    async def hear(self) -> ToAgent | None:
        """What healer says next; None when it is cut. Raises NoLine for what nobody can read."""
        ...

    async def say(self, message: FromAgent) -> None:
        """Raises NoLine."""
        ...

    async def fresh(self) -> Pass:
        """Another token. Raises NoLine."""
        ...

    async def hang_up(self) -> None: ...


class Dialler(Protocol):
    """Who this agent is, and how it proves it."""

    def is_due(self) -> bool:
        """Whether it has to dial anew, for another certificate."""
        ...

    def dial(self, server: str) -> AbstractAsyncContextManager[tuple[Wire, Pass] | None]:
        """A line and the token that opened it; None where another certificate was to be had first. Raises NoLine."""
        ...


class Link:
    """The line to whichever healer leads."""

    def __init__(
        self,
        dialler: Dialler,
        servers: tuple[str, ...],
        worker: Worker,
        clock: Clock,
        random: Random,
        spawn: Spawn,
        hello: Hello,
    ) -> None:
        self._dialler = dialler
        self._servers = servers
        self._worker = worker
        self._clock = clock
        self._random = random
        self._spawn = spawn
        self._hello = hello

    async def keep(self) -> None:
        """Dial for as long as the process lives."""
        pause, trouble = PAUSE_S[0], ""
        while True:
            for server in self._servers:
                try:
                    await self._talk(server)
                    pause, trouble = PAUSE_S[0], ""
                except NoLine as error:
                    why = f"{server}: {error}"
                    if why != trouble:
                        log.warning("healer is not reached at %s", why)
                    trouble = why
                await asyncio.sleep(pause * self._random.uniform(0.5, 1.0))
            pause = min(pause * 2, PAUSE_S[1])

    async def _talk(self, server: str) -> None:
        """One line, until it is cut. Raises NoLine."""
        async with self._dialler.dial(server) as dialled:
            if dialled is not None:
                log.info("%s is reached", server)
                await self._serve(server, *dialled)

    async def _serve(self, server: str, wire: Wire, shown: Pass) -> None:
        """Say and hear until it is cut."""
        outgoing: asyncio.Queue[FromAgent] = asyncio.Queue(SAID)

        def say(message: FromAgent) -> None:
            if outgoing.full():
                telling.cancel()
            else:
                outgoing.put_nowait(message)

        telling = self._spawn.start("telling", _tell(wire, outgoing))
        beating = self._spawn.start("beating", self._beat(say, wire, shown))
        for task in (telling, beating):
            # Whichever ends, the line is of no use any more.
            task.add_done_callback(lambda _: self._spawn.start("hanging up", wire.hang_up()))
        say(self._hello)
        self._worker.connected(say)
        try:
            while (said := await wire.hear()) is not None:
                self._worker.hear(said)
        finally:
            self._worker.cut()
            telling.cancel()
            beating.cancel()
            log.info("the line to %s is cut", server)

    async def _beat(self, say: Callable[[FromAgent], None], wire: Wire, shown: Pass) -> None:
        """Be heard, show a fresh token before the old one ends, and dial anew where the certificate wants it."""
        fetched = self._clock.monotonic()
        while not self._dialler.is_due():
            await asyncio.sleep(BEAT / SECOND)
            if self._clock.monotonic() - fetched > shown.life // 2:
                try:
                    shown, fetched = await wire.fresh(), self._clock.monotonic()
                except NoLine as error:
                    log.warning("there is no fresh token, so it dials anew: %s", error)
                    return
                say(Fresh(shown.token))
            say(self._worker.beat())


async def _tell(wire: Wire, outgoing: "asyncio.Queue[FromAgent]") -> None:
    try:
        while True:
            await wire.say(await outgoing.get())
    except NoLine as error:
        log.debug("the line takes nothing more: %s", error)
