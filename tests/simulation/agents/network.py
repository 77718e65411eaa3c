"""The network between healer and one machine's agent: lines that keep their order, hold back, break, and go silent when cut.

What an end learns is what TCP and the websockets of both sides would tell it: that the other one ended, at once where nothing
is cut in between; that it is silent, after a while.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Generic, TypeVar

from healer.agent.dialling import SILENT_S
from healer.agent.link import NoLine
from healer.executors.agent.post import SILENT
from healer.executors.agent.wire import FromAgent, Hello, Pass, ToAgent
from healer.times import SECOND
from tests.simulation.agents.options import Options
from tests.simulation.agents.trouble import Trouble
from tests.simulation.incarnation import Incarnation
from tests.simulation.loop import SimLoop

M = TypeVar("M", FromAgent, ToAgent)


class Network:
    """One machine's way to healer."""

    def __init__(self, loop: SimLoop, trouble: Trouble, options: Options, name: str) -> None:
        self.loop = loop
        self.trouble = trouble
        self.options = options
        self.name = name
        self.cut = False
        self.lines: list[Line] = []

    def sever(self) -> None:
        """Nothing gets through any more, and nobody is told."""
        self.cut = True

    def mend(self) -> None:
        """What was on its way arrives."""
        self.cut = False
        for line in self.lines:
            line.to_agent.flush()
            line.to_healer.flush()


class Pipe(Generic[M]):
    """One direction of a line. None is its end."""

    def __init__(self, network: Network) -> None:
        self.box: asyncio.Queue[M | None] = asyncio.Queue()
        self._network = network
        self._held: list[M | None] = []
        self._last = 0

    def send(self, message: M | None) -> None:
        """It arrives after what was sent before."""
        loop = self._network.loop
        under_way = self._network.trouble.way(self._network.name, "end" if message is None else type(message).__name__)
        self._last = max(self._last, loop.now + under_way)
        loop.call_at(self._last / SECOND, self._arrive, message, context=Context())

    def end(self) -> None:
        """It is over here, whatever was under way."""
        self.box.put_nowait(None)

    def flush(self) -> None:
        held, self._held = self._held, []
        for message in held:
            self.box.put_nowait(message)

    def _arrive(self, message: M | None) -> None:
        if self._network.cut:
            self._held.append(message)
        else:
            self.box.put_nowait(message)


class Line:
    """A connection, with its two ends."""

    def __init__(self, network: Network, agent: Incarnation, healer: Incarnation, fresh: Callable[[], Pass]) -> None:
        self.network = network
        self.to_agent: Pipe[ToAgent] = Pipe(network)
        self.to_healer: Pipe[FromAgent] = Pipe(network)
        self.broken = False
        self.agent = AgentsEnd(self, agent, healer, fresh)
        self.healer = HealersEnd(self, healer)
        network.lines = [*(line for line in network.lines if not line.broken), self]

    def left_by_agent(self) -> None:
        """Its process ended, or hung up: the system says so to the other end."""
        self.to_agent.end()
        self._left(self.to_healer)

    def left_by_healer(self) -> None:
        self.to_healer.end()
        self._left(self.to_agent)

    def loses(self, message: FromAgent | ToAgent) -> bool:
        """Whether it breaks under this message, which nobody hears."""
        kind = type(message).__name__
        if self.broken or not self.network.trouble.happens(
            self.network.options.lost, self.network.name, f"lost {kind}"
        ):
            return self.broken
        self.broken = True
        self.to_agent.end()
        self.to_healer.end()
        return True

    def times(self, message: FromAgent | ToAgent) -> int:
        """How often it arrives."""
        often = not isinstance(message, Hello)
        return 1 + (often and self.network.trouble.happens(self.network.options.twice, self.network.name, "twice"))

    def _left(self, pipe: "Pipe[FromAgent] | Pipe[ToAgent]") -> None:
        if not self.broken:
            self.broken = True
            pipe.send(None)


class HealersEnd:
    """`healer.executors.agent.reception.Wire`. `said` sees what is said."""

    def __init__(self, line: Line, life: Incarnation) -> None:
        self._line = line
        self._life = life
        self.said: Callable[[ToAgent], None] = lambda _: None

    async def hear(self) -> FromAgent | None:
        await self._life.alive_or_never()
        async with asyncio.timeout(SILENT / SECOND):
            return await self._line.to_healer.box.get()

    async def say(self, message: ToAgent) -> None:
        await self._life.alive_or_never()
        self.said(message)
        if self._line.loses(message):
            raise ConnectionResetError("connection reset by peer")
        for _ in range(self._line.times(message)):
            self._line.to_agent.send(message)

    async def hang_up(self) -> None:
        await self._life.alive_or_never()
        self._line.left_by_healer()


class AgentsEnd:
    """`healer.agent.link.Wire`. `heard` sees what is heard."""

    def __init__(self, line: Line, life: Incarnation, healer: Incarnation, fresh: Callable[[], Pass]) -> None:
        self._line = line
        self._life = life
        self._healer = healer
        self._fresh = fresh
        self.heard: Callable[[ToAgent], None] = lambda _: None

    async def hear(self) -> ToAgent | None:
        await self._life.alive_or_never()
        for within_s in (SILENT_S, SILENT_S / 2):
            try:
                return await self._next(within_s)
            except TimeoutError:
                continue
        return None

    async def _next(self, within_s: float) -> ToAgent | None:
        """Raises TimeoutError where healer is silent, and answers no ping either."""
        while True:
            try:
                async with asyncio.timeout(within_s):
                    message = await self._line.to_agent.box.get()
            except TimeoutError:
                if not self._answers():
                    raise
                continue
            if message is not None:
                self.heard(message)
            return message

    def _answers(self) -> bool:
        return not (self._line.network.cut or self._line.broken or self._healer.paused or self._healer.frozen)

    async def say(self, message: FromAgent) -> None:
        await self._life.alive_or_never()
        if self._line.loses(message):
            raise NoLine("connection reset by peer")
        for _ in range(self._line.times(message)):
            self._line.to_healer.send(message)

    async def fresh(self) -> Pass:
        await self._life.alive_or_never()
        await asyncio.sleep(0.01)
        if not self._answers():
            raise NoLine("no answer")
        return self._fresh()

    async def hang_up(self) -> None:
        await self._life.alive_or_never()
        self._line.left_by_agent()
