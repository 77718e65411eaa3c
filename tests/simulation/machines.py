"""The machines as one incarnation reaches them: the fleet's registers and log outlive it, what is under way goes on.

`MemoryTarget` is the fleet with the wrapper; here stand the network between (it loses, delays, and ends where the switch is
down) and the crash at each of its moments. What was sent when the incarnation died lands, or is lost, as the seed says.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from healer.executors.conversation import READY_S
from healer.executors.memory import Cut, Effect, MemoryTarget, Moment
from healer.executors.register import Attempt, Ran, Register
from healer.executors.target import Go, Order, Result, Seen
from healer.times import MILLISECOND, SECOND, Micros
from tests.simulation.faults import Faults, Kind, land
from tests.simulation.incarnation import Incarnation
from tests.simulation.world import SimClock

_HOLES: tuple[Kind, ...] = ("black hole",)
LONGEST_S = 8.0
"""Seconds that the network holds something back at most, but for what it swallows."""
MARGIN_S = 5.0
"""Seconds that a caller waits for the end of a command beyond its deadline."""


class Hardware(Protocol):
    """What the machines of a run are."""

    def reachable(self, host: str) -> bool: ...

    def perform(self, order: Order) -> Ran: ...


class Fleet:
    """All machines of a run, and their own log. Those who keep count are called first: when a target has accepted a token, of
    a run or of a probe (`on_accept`), and when a command starts (`on_start`)."""

    def __init__(self, hardware: Hardware, clock: SimClock, printed: Callable[[], bytes] = bytes) -> None:
        self.hardware = hardware
        self.clock = clock
        self._printed = printed
        self.effects: list[Effect] = []
        self.registers: defaultdict[str, Register] = defaultdict(lambda: _Register(self))
        self.on_accept: Callable[[Order], None] = lambda _: None
        self.on_start: Callable[[Order], None] = lambda _: None

    def perform(self, order: Order) -> Ran:
        """A command starts."""
        self.on_start(order)
        return replace(self.hardware.perform(order), output=self._printed())


class _Register(Register):
    """A target's register, which says what it accepted."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__()
        self._fleet = fleet

    def admit(self, order: Order, now: Micros) -> Attempt | Result:
        answer = super().admit(order, now)
        if isinstance(answer, Attempt):
            self._fleet.on_accept(order)
        return answer

    def recorded(self, order: Order, now: Micros) -> Result:
        answer = super().recorded(order, now)
        if answer.outcome != "unknown":
            self._fleet.on_accept(order)
        return answer


class _Call:
    """One order on its way: how long its caller waits, whether it said go, and whether it waits no more."""

    def __init__(self, patience: asyncio.Timeout) -> None:
        self.patience = patience
        self.went = False
        self.given_up = False


class Machines:
    """`Target` for one incarnation. `clock` is its own, where that may be wrong."""

    def __init__(self, fleet: Fleet, faults: Faults, life: Incarnation, clock: SimClock | None = None) -> None:
        self._fleet = fleet
        self._faults = faults
        self._life = life
        self._target = MemoryTarget(clock or fleet.clock, fleet.perform, self._pass_through)
        self._target.effects, self._target.registers = fleet.effects, fleet.registers

    async def run(self, order: Order, go: Go) -> Result:
        await self._life.alive_or_never()
        call = _Call(asyncio.timeout(READY_S))
        try:
            async with call.patience:
                answer = await land(self._target.run(order, self._asking(go, call, order)), f"run {order.intent}")
        except TimeoutError:
            call.given_up = True
            answer = Result("unknown", why="no answer in time after the go was sent: probe it")
            if not call.went:
                answer = Result("failed", why="no answer in time; nothing was started", started=False)
        except asyncio.CancelledError:
            call.given_up = True
            raise
        await self._life.alive_or_never()
        return answer

    async def probe(self, order: Order) -> Result:
        await self._life.alive_or_never()
        try:
            async with asyncio.timeout(READY_S):
                answer = await land(self._target.probe(order), f"probe {order.intent}")
        except TimeoutError:
            answer = Result("unknown", why="the probe had no answer in time")
        await self._life.alive_or_never()
        return answer

    async def observe(self, order: Order) -> Seen:
        await self._life.alive_or_never()
        try:
            async with asyncio.timeout(READY_S + order.deadline_s):
                answer = await land(self._target.observe(order), f"observe {order.intent}")
        except TimeoutError:
            answer = Seen(why="no answer in time")
        await self._life.alive_or_never()
        return answer

    async def close(self) -> None:
        """There is nothing to cut."""

    def _asking(self, go: Go, call: "_Call", order: Order) -> Go:
        """Whoever says go may stand still between its last look and the word, which then is sent late; and who has given up
        says nothing."""

        async def asked() -> bool:
            await self._life.alive_or_never()
            said = await go() and not call.given_up
            if said:
                call.went = True
                call.patience.reschedule(asyncio.get_running_loop().time() + order.deadline_s + MARGIN_S)
            if said and self._faults.stands_still("target.word"):
                self._life.pause(self._faults.pause() / SECOND)
            await self._life.alive_or_never()
            return said

        return asked

    async def _pass_through(self, moment: Moment, order: Order) -> None:
        if not self._fleet.hardware.reachable(order.target):
            raise Cut("no route to host")
        kind = self._faults.decide(f"target.{moment}", also=_HOLES)
        if moment == "send" and kind == "none":
            # What was sent by somebody who then stood still is what a token is for: it must not be seldom.
            kind = "pause" if self._faults.stands_still("target.held back") else "none"
        if moment == "send" and kind == "none" and self._faults.befalls("target.send", "delay", self._faults.odds.slow):
            kind = "delay"
        if kind == "crash before":
            self._life.freeze()
            raise Cut("the caller is gone")
        if kind in ("crash after", "crash answered"):
            self._life.freeze()
        if kind in ("cancel before", "cancel after", "cancel answered"):
            self._life.on_cancel()
        if kind == "pause":
            # What it sent last is on its way meanwhile, and lands when it wakes.
            lasts = self._faults.pause() / SECOND
            self._life.pause(lasts)
            await asyncio.sleep(lasts)
        if kind in ("lost call", "lost answer"):
            raise Cut("connection reset")
        if kind == "black hole":
            await asyncio.sleep(self._faults.hole() / SECOND)
        longest = self._faults.delay() / SECOND if kind == "delay" else 20 * MILLISECOND / SECOND
        await asyncio.sleep(min(longest, LONGEST_S))
