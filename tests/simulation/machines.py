"""The machines as one incarnation reaches them: the fleet's registers and log outlive it, what is under way goes on.

`MemoryTarget` is the fleet with the wrapper; here stand the network between (it loses, delays, and ends where the switch is
down) and the crash at each of its moments. What was sent when the incarnation died lands, or is lost, as the seed says.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from healer.executors.memory import Cut, Effect, MemoryTarget, Moment
from healer.executors.register import Ran, Register
from healer.executors.target import Go, Order, Result, Seen
from healer.times import MILLISECOND, SECOND
from tests.simulation.datacentre import Datacentre
from tests.simulation.faults import Faults, land
from tests.simulation.incarnation import Incarnation
from tests.simulation.world import SimClock

LONGEST_S = 8.0
"""Seconds that the network holds something back at most."""


class Fleet:
    """All machines of a run, and their own log."""

    def __init__(self, datacentre: Datacentre, clock: SimClock) -> None:
        self.datacentre = datacentre
        self.clock = clock
        self.effects: list[Effect] = []
        self.registers: defaultdict[str, Register] = defaultdict(Register)
        self.on_start: Callable[[Order], None] = lambda _: None

    def perform(self, order: Order) -> Ran:
        """A command starts. Those who keep count see it first."""
        self.on_start(order)
        return self.datacentre.perform(order)


class Machines:
    """`Target` for one incarnation."""

    def __init__(self, fleet: Fleet, faults: Faults, life: Incarnation) -> None:
        self._fleet = fleet
        self._faults = faults
        self._life = life
        self._target = MemoryTarget(fleet.clock, fleet.perform, self._pass_through)
        self._target.effects, self._target.registers = fleet.effects, fleet.registers

    async def run(self, order: Order, go: Go) -> Result:
        await self._life.alive_or_never()
        answer = await land(self._target.run(order, go), f"run {order.intent}")
        await self._life.alive_or_never()
        return answer

    async def probe(self, order: Order) -> Result:
        await self._life.alive_or_never()
        answer = await land(self._target.probe(order), f"probe {order.intent}")
        await self._life.alive_or_never()
        return answer

    async def observe(self, order: Order) -> Seen:
        await self._life.alive_or_never()
        answer = await land(self._target.observe(order), f"observe {order.intent}")
        await self._life.alive_or_never()
        return answer

    async def close(self) -> None:
        """There is nothing to cut."""

    async def _pass_through(self, moment: Moment, order: Order) -> None:
        if not self._fleet.datacentre.reachable(order.target):
            raise Cut("no route to host")
        kind = self._faults.decide(f"target.{moment}")
        if kind == "crash before":
            self._life.freeze()
            raise Cut("the caller is gone")
        if kind == "crash after":
            self._life.freeze()
        if kind in ("lost call", "lost answer"):
            raise Cut("connection reset")
        longest = self._faults.delay() / SECOND if kind == "delay" else 20 * MILLISECOND / SECOND
        await asyncio.sleep(min(longest, LONGEST_S))
