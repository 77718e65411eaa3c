"""A machine with an agent: its power, and the processes of its agent, one after the other, with the wrapper that they drive."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import Context

from healer.agent.dialling import ANSWER_S
from healer.agent.journal import Journal
from healer.agent.link import Link, NoLine
from healer.agent.work import Worker
from healer.executors.agent.wire import Heard, Hello, Pass, ToAgent
from healer.executors.memory import Cut, MemoryTarget, Moment
from healer.executors.register import Ran
from healer.executors.target import Order
from healer.seams import Supervisor
from healer.times import MILLISECOND, SECOND
from tests.simulation.agents.kept import Disk, Files, SyncedRegister, Tasks
from tests.simulation.agents.network import AgentsEnd, Line, Network
from tests.simulation.incarnation import Incarnation
from tests.simulation.machines import Fleet
from tests.simulation.world import SimClock, SimRandom

RESTART_S = 2.0
"""Seconds until systemd starts an agent again that ended."""
SERVERS = ("h0", "h1")


class Process(Incarnation):
    """One life of an agent, or of healer, with all that it started."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.spawn = Supervisor()

    async def end(self) -> None:
        """All its tasks are cancelled, then it is over."""
        await asyncio.wait([self.start(self._stopped(), name="stop")], timeout=10)
        self.freeze()

    async def _stopped(self) -> None:
        await self.spawn.stop(5)


class Door(Process, ABC):
    """What an agent sees of a healer that listens."""

    @abstractmethod
    def leads(self) -> bool: ...

    @abstractmethod
    def shown(self, name: str) -> Pass:
        """A token for this agent."""

    @abstractmethod
    def receive(self, line: Line, name: str, shown: Pass) -> None:
        """Listen to it."""


class Machine:
    """One. `doors` are the healers that listen, by where they do."""

    def __init__(self, name: str, fleet: Fleet, network: Network, clock: SimClock, doors: Mapping[str, Door]) -> None:
        self.name = name
        self.fleet = fleet
        self.network = network
        self.on = True
        self.disk = disk = Disk(name, network.trouble)
        self.pause_file = False
        self.noted: set[str] = set()
        """Tasks that an agent here has noted as its own."""
        self.heard: set[str] = set()
        """Those of which it knows that healer heard how they ended."""
        self.by_agent: set[str] = set()
        """Intents that were begun by an agent, and by no other way."""
        self.process: Process | None = None
        self._clock = clock
        self._doors = doors
        self._tasks, self._reports = Tasks(disk, self.noted), Files(disk)
        self._lives = 0

    # --- its agent

    def start(self) -> None:
        """An agent, as systemd starts it."""
        if not self.on or (self.process is not None and not self.process.frozen):
            return
        self._lives += 1
        self.process = life = Process(f"{self.name} agent {self._lives}")
        target = MemoryTarget(self._clock, self._perform, self._pass_through)
        target.effects, target.registers = self.fleet.effects, self.fleet.registers
        life.start(self._work(life, target), name="main")

    async def _work(self, life: Process, target: MemoryTarget) -> None:
        """As `healer.agent.starting` has it."""
        journal, paused = Journal(self._tasks, self._reports), lambda: "the file is there" if self.pause_file else ""
        worker = Worker(target, journal, self._clock, life.spawn, paused, lambda _: "")
        worker.recover()
        chance = SimRandom(self.network.options.seed, life.name)
        link = Link(_Dialler(self, life), SERVERS, worker, self._clock, chance, life.spawn, Hello(self.name, "sim"))
        life.spawn.keep("line", link.keep)

    def kill(self) -> None:
        """Its agent is killed; what it began goes on."""
        if self.process is not None and not self.process.frozen:
            self.process.freeze()
            self._left()

    async def end(self) -> None:
        """Its agent is ended properly."""
        life = self.process
        if life is not None and not life.frozen and not life.paused:
            await life.end()
            self._left()

    def _left(self) -> None:
        for line in self.network.lines:
            line.left_by_agent()
        self.network.loop.call_later(RESTART_S, self.start, context=Context())

    def dial(self, door: Door, life: Incarnation) -> tuple[AgentsEnd, Pass]:
        """A line, which the healer there receives."""
        shown = door.shown(self.name)
        line = Line(self.network, life, door, lambda: door.shown(self.name))
        line.agent.heard = self._hears
        door.receive(line, self.name, shown)
        return line.agent, shown

    def door(self, server: str) -> Door | None:
        return self._doors.get(server)

    def _hears(self, message: ToAgent) -> None:
        if isinstance(message, Heard):
            self.heard.add(message.id)

    # --- its power

    def lose_power(self) -> list[str]:
        """All of it stands still at once; returns the intents that were running."""
        self.on = False
        if self.process is not None:
            self.process.freeze()
        for files in (self._tasks, self._reports):
            files.lose_power()
        now, ended = self._clock.monotonic(), []
        for target, register in self.fleet.registers.items():
            if target.startswith(f"{self.name}/"):
                assert isinstance(register, SyncedRegister)
                ended += register.lose_power(now)
        return ended

    def boot(self) -> None:
        self.on = True
        self.start()

    # --- its wrapper, as the agent drives it

    def _perform(self, order: Order) -> Ran:
        self.by_agent.add(order.intent)
        return self.fleet.perform(order)

    async def _pass_through(self, moment: Moment, order: Order) -> None:
        slow = self.network.trouble.happens(20, f"{self.name} {moment}", "slow disk")
        await asyncio.sleep(0.9 if slow else 5 * MILLISECOND / SECOND)
        if not self.on:
            raise Cut("the machine is off")


class _Dialler:
    """`Dialler`, without TLS."""

    def __init__(self, machine: Machine, life: Process) -> None:
        self._machine = machine
        self._life = life

    def is_due(self) -> bool:
        return False

    @asynccontextmanager
    async def dial(self, server: str) -> AsyncIterator[tuple[AgentsEnd, Pass] | None]:
        await self._life.alive_or_never()
        await asyncio.sleep(0.02)
        door = self._machine.door(server)
        if self._machine.network.cut or (door is not None and door.paused):
            await asyncio.sleep(ANSWER_S)
            raise NoLine("no answer")
        if door is None or door.frozen:
            raise NoLine("connection refused")
        if not door.leads():
            raise NoLine("it follows")
        end, shown = self._machine.dial(door, self._life)
        try:
            yield end, shown
        finally:
            await end.hang_up()
