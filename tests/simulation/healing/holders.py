"""Who heals, one after another, and at times two at once: a holder that stood still for too long is not asked whether it wakes.

Each is a process of its own on the same store, machines and locks. Which of two may act is for the promises to say.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextvars import Context

from healer.executors.redacted import redacted
from healer.locks.local import LocalLocks
from healer.locks.ports import LockService
from healer.locks.redis import RedisLocks
from healer.remediation.runner import Runner
from healer.remediation.verify import Verifier
from healer.seams import Supervisor
from healer.store.inline import Memory
from healer.store.store import Store
from healer.times import SECOND
from rules import RuleSet
from tests.simulation.disk import Disk
from tests.simulation.faults import Faults
from tests.simulation.healing.hosts import Hosts
from tests.simulation.healing.options import Options
from tests.simulation.healing.view import View
from tests.simulation.incarnation import Incarnation
from tests.simulation.loop import SimLoop
from tests.simulation.machines import Fleet, Machines
from tests.simulation.valkey import NODES, Node, Wire
from tests.simulation.world import SimClock, SimRandom

STOP_S = 10.0
STEPS = (-60, -5, 5, 60)
"""Seconds by which a wall clock is set."""


class Holder(Incarnation):
    """One process that heals."""

    def __init__(self, name: str, ground: "Ground") -> None:
        super().__init__(name)
        self._ground = ground
        self.spawn = Supervisor()
        self.over = asyncio.Event()
        self.stood_still = asyncio.Event()
        self.pauses = 0

    def freeze(self) -> None:
        super().freeze()
        self.over.set()

    def pause(self, seconds: float) -> None:
        if not self.paused and not self.frozen:
            self.pauses += 1
            self._ground.outlasted += any(node.outlasted(seconds) for node in self._ground.nodes)
            self.stood_still.set()
        super().pause(seconds)


class Ground:
    """What all holders stand on."""

    def __init__(self, options: Options, loop: SimLoop, faults: Faults, hosts: Hosts, clock: SimClock) -> None:
        self.options = options
        self.loop = loop
        self.faults = faults
        self.hosts = hosts
        self.clock = clock
        self.memory = Memory(f"seed {options.seed}")
        self.fleet = Fleet(hosts, clock, faults.secrets.printed)
        self.outlasted = 0
        """Pauses that were longer than what was left of a lock's time to live."""
        self.nodes = [Node(loop) for _ in range(NODES[options.locks])]


class Holders:
    """Keeps one at work."""

    def __init__(self, ground: Ground, ruleset: RuleSet, committed: Callable[[str], None]) -> None:
        self._ground = ground
        self._ruleset = ruleset
        self._committed = committed
        self._chance = random.Random(f"holders {ground.options.seed}")
        self._tasks: set[asyncio.Task[None]] = set()
        self.all: list[Holder] = []
        self.quiet = False

    async def keep(self) -> None:
        """Start one, and the next when it is over or has stood still for too long."""
        options = self._ground.options
        while True:
            holder = self._begin()
            while not holder.over.is_set():
                await self._event(holder)
                if holder.paused:
                    await asyncio.sleep(options.takeover / SECOND)
                if holder.paused:
                    self._outside(self._outlive(holder), f"zombie {holder.name}")
                    break
            else:
                await asyncio.sleep(self._chance.uniform(0.1, options.down_for / SECOND))

    def overtaken(self) -> int:
        """How many holders others began beside."""
        return sum(one.pauses > 0 for one in self.all[:-1])

    @staticmethod
    async def _event(holder: Holder) -> None:
        """It is over, or it stands still."""
        waiting = [asyncio.ensure_future(one.wait()) for one in (holder.over, holder.stood_still)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()
        holder.stood_still.clear()

    async def _outlive(self, holder: Holder) -> None:
        """It wakes, goes on for a while as if nothing had been, and then notices."""
        await holder.alive_or_never()
        await asyncio.sleep(self._ground.options.zombie / SECOND)
        holder.freeze()

    def _begin(self) -> Holder:
        ground, options = self._ground, self._ground.options
        holder = Holder(f"holder {len(self.all) + 1}", ground)
        self.all.append(holder)
        holder.on_cancel = lambda: self._outside(self._end(holder), f"end of {holder.name}")
        clock = SimClock(ground.loop, skew=self._chance.randint(-1, 1) * options.skew)
        view = View(ground.hosts, ground.clock, self._ruleset, ground.faults, holder)
        disk = Disk(ground.memory, clock, ground.faults, holder, alone=False, committed=self._committed)
        runner = Runner(
            Store(disk, ground.memory.installation),
            view,
            redacted({"ssh": Machines(ground.fleet, ground.faults, holder)}, ground.faults.secrets.redact),
            self._locks(holder),
            Verifier(view, view, clock),
            clock,
            holder.spawn,
            author=holder.name,
        )
        holder.start(self._work(holder, runner, view), name="main")
        if options.clock_steps:
            self._outside(self._set_clock(clock), f"clock of {holder.name}")
        return holder

    async def _work(self, holder: Holder, runner: Runner, view: View) -> None:
        holder.spawn.keep("mirror", view.mirror)
        holder.spawn.keep("runner", runner.run)
        holder.spawn.keep("left behind", runner.look_after)

    def _locks(self, holder: Holder) -> LockService:
        ground = self._ground
        if not ground.nodes:
            return LocalLocks()
        wires = [Wire(node, ground.loop, ground.faults, holder) for node in ground.nodes]
        clock = SimClock(ground.loop)
        return RedisLocks(wires, clock, SimRandom(ground.options.seed, holder.name), holder.spawn)  # type: ignore[arg-type] # as much of a client as it uses

    async def _set_clock(self, clock: SimClock) -> None:
        """NTP, or a person, sets the wall clock."""
        for _ in range(self._ground.options.clock_steps):
            await asyncio.sleep(self._chance.uniform(5, 60))
            if self.quiet:
                return
            clock.step(self._chance.choice(STEPS) * SECOND)

    async def _end(self, holder: Holder) -> None:
        """It is ended properly: all its tasks are cancelled."""
        ending = holder.start(holder.spawn.stop(STOP_S), name="stop")
        await asyncio.wait([ending, asyncio.ensure_future(holder.over.wait())], return_when="FIRST_COMPLETED")
        holder.freeze()

    def _outside(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard, context=Context())
