"""A machine with an agent: its power, its disk, the wrapper's registers, and the processes of its agent, one after the other."""

import asyncio
import copy
import errno
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import Context

from healer.agent.dialling import ANSWER_S
from healer.agent.journal import Journal
from healer.agent.link import Link, NoLine
from healer.agent.work import Worker
from healer.executors.agent.wire import Heard, Hello, Pass, Task, ToAgent, read_by_agent
from healer.executors.memory import Cut, MemoryTarget, Moment
from healer.executors.register import KILLED, Attempt, Ran, Register
from healer.executors.target import Order, Result
from healer.seams import Supervisor
from healer.times import MILLISECOND, SECOND, Micros
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


class Door(Process):
    """What an agent sees of a healer that listens."""

    def leads(self) -> bool:
        raise NotImplementedError

    def shown(self, name: str) -> Pass:
        """A token."""
        raise NotImplementedError

    def receive(self, line: Line, name: str, shown: Pass) -> None:
        raise NotImplementedError


class Shelf:
    """`Folder` in memory."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def keep(self, name: str, data: bytes) -> None:
        self._files[name] = data

    def read(self, name: str) -> bytes | None:
        return self._files.get(name)

    def drop(self, name: str) -> bool:
        return self._files.pop(name, None) is not None

    def names(self) -> list[str]:
        return list(self._files)


class Files(Shelf):
    """On a machine's disk: what was kept is kept; what was dropped may be back when the power was away."""

    def __init__(self, machine: "Machine") -> None:
        super().__init__()
        self._machine = machine
        self._dropped: dict[str, bytes] = {}

    def keep(self, name: str, data: bytes) -> None:
        if self._machine.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().keep(name, data)
        self._dropped.pop(name, None)

    def drop(self, name: str) -> bool:
        data = self.read(name)
        if data is not None:
            self._dropped[name] = data
        return super().drop(name)

    def lose_power(self) -> None:
        for name, data in self._dropped.items():
            if self._machine.network.trouble.happens(500, self._machine.name, "a dropped file is back"):
                super().keep(name, data)
        self._dropped.clear()


class Tasks(Files):
    """Those in which tasks are: each that was noted is to be reported."""

    def __init__(self, machine: "Machine", noted: set[str]) -> None:
        super().__init__(machine)
        self._noted = noted

    def keep(self, name: str, data: bytes) -> None:
        super().keep(name, data)
        task = read_by_agent(data)
        assert isinstance(task, Task)
        self._noted.add(task.id)


class SyncedRegister(Register):
    """A register whose every word is on the disk before it is said."""

    def __init__(self, accepted: Callable[[Order], None]) -> None:
        super().__init__()
        self._accepted = accepted
        self._synced: tuple[tuple[int, int], Mapping[str, Attempt]] = ((0, 0), {})

    def admit(self, order: Order, now: Micros) -> Attempt | Result:
        answer = super().admit(order, now)
        if isinstance(answer, Attempt):
            self._accepted(order)
            self.sync()
        return answer

    def start(self, attempt: Attempt, ran: Ran, order: Order, now: Micros) -> None:
        super().start(attempt, ran, order, now)
        self.sync()

    def recorded(self, order: Order, now: Micros) -> Result:
        answer = super().recorded(order, now)
        if answer.outcome != "unknown":
            self._accepted(order)
            self.sync()
        return answer

    def sync(self) -> None:
        self._synced = (self.newest, {intent: copy.copy(attempt) for intent, attempt in self.attempts.items()})

    def lose_power(self, now: Micros) -> list[str]:
        """What runs ends here, what waits for its go never starts, and what is on the disk is what is known. Returns what ran."""
        running = [intent for intent, one in self.attempts.items() if one.ran is not None and one.ends_at > now]
        self.newest, attempts = self._synced
        attempts = {intent: copy.copy(attempt) for intent, attempt in attempts.items()}
        for attempt in (*self.attempts.values(), *attempts.values()):
            if attempt.ran is None:
                attempt.waits_until = 0
            elif attempt.ends_at > now:
                attempt.ran, attempt.ends_at = Ran(KILLED), now
        self.attempts = attempts
        self._synced = (self.newest, {intent: copy.copy(attempt) for intent, attempt in attempts.items()})
        self._holder = None
        return running


class Machine:
    """One. `doors` are the healers that listen, by where they do."""

    def __init__(self, name: str, fleet: Fleet, network: Network, clock: SimClock, doors: Mapping[str, Door]) -> None:
        self.name = name
        self.fleet = fleet
        self.network = network
        self.on = True
        self.full = False
        self.pause_file = False
        self.noted: set[str] = set()
        """Tasks that an agent here has noted as its own."""
        self.heard: set[str] = set()
        """Those of which it knows that healer heard how they ended."""
        self.by_agent: set[str] = set()
        """Intents that were begun by an agent, and by no other way."""
        self.refused = 0
        self.process: Process | None = None
        self._clock = clock
        self._doors = doors
        self._tasks, self._reports = Tasks(self, self.noted), Files(self)
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
