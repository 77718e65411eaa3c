"""What would a fleet of machines with the wrapper do? `Target` without a network, for simulations, rehearsals and tests.

It decides nothing by chance and starts no task. Whoever builds it says what a command does (`perform`) and what happens on
the way (`pass_through`). What runs on a machine goes on by the clock alone, so the caller may crash at any await.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from healer.executors.register import Ran, Register
from healer.executors.target import Go, Order, Result, Seen
from healer.executors.wrapper import Unsendable, read_answer, request
from healer.seams import Clock
from healer.times import SECOND, Micros

Moment = Literal["send", "ready", "go", "answer"]
"""Before the request reaches the target; before its ready comes back; before go reaches it; before its answer comes back."""


class Effect(msgspec.Struct, frozen=True):
    """One line of the fleet's own log: a command started. The truth that checkers count by."""

    target: str
    intent: str
    token: int
    step: int
    argv: tuple[str, ...]
    started_at: Micros
    ends_at: Micros


class Cut(Exception):
    """Raised by `pass_through`: the connection is lost at this moment."""


def succeed(_order: Order) -> Ran:
    """Every command works at once."""
    return Ran()


async def undisturbed(moment: Moment, order: Order) -> None:
    """The network does its duty."""


class MemoryTarget:
    """`Target` whose machines live in this object. One fleet may serve several healers: hand them the same object.

    `perform(order)` is called once per effect, when it starts; it must not block. `pass_through(moment, order)` may wait
    (a delay: what was under way lands late), or raise `Cut`: before `go` that is no effect, at `answer` only the answer is
    lost. `show(order)` says what a look brings; without it nothing can be
    seen. `clock.monotonic()` is the machines' clock and has to agree with `asyncio.sleep`; `clock.now()` is healer's.
    """

    def __init__(
        self,
        clock: Clock,
        perform: Callable[[Order], Ran] = succeed,
        pass_through: Callable[[Moment, Order], Awaitable[None]] = undisturbed,
        show: Callable[[Order], Ran] | None = None,
    ) -> None:
        self.effects: list[Effect] = []
        self.registers: defaultdict[str, Register] = defaultdict(Register)
        self.perform = perform
        self.pass_through = pass_through
        self.show = show
        self._clock = clock

    async def run(self, order: Order, go: Go) -> Result:
        try:
            request("run", order, order.output_limit)
        except Unsendable as error:
            return Result("refused", why=f"not sent: {error}", started=False, lasting=True)
        sent = False
        register = self.registers[order.target]
        attempt = None
        try:
            await self.pass_through("send", order)
            admitted = register.admit(order, self._clock.monotonic())
            if isinstance(admitted, Result):
                return admitted
            attempt = admitted
            await self.pass_through("ready", order)
            if not await go():
                return Result("refused", why="stopped before it started: healer may not act now", started=False)
            sent = True
            await self.pass_through("go", order)
            now = self._clock.monotonic()
            if not attempt.holds(now):
                return _expired(order)
            ran = self.perform(order)
            register.start(attempt, ran, order, now)
            self.effects.append(
                Effect(order.target, order.intent, order.token, order.step, order.argv, now, attempt.ends_at)
            )
            await asyncio.sleep((attempt.ends_at - now) / SECOND)
            await self.pass_through("answer", order)
            return self._by_healers_clock(register.ended(attempt, order, self._clock.monotonic()))
        except Cut as error:
            if sent:
                return Result("unknown", why=f"the connection was lost ({error}) after the go was sent: probe it")
            return Result("failed", why=f"the connection was lost ({error}); nothing was started", started=False)
        finally:
            if attempt is not None:
                register.leave(attempt)

    async def probe(self, order: Order) -> Result:
        try:
            request("probe", order, order.output_limit)
            await self.pass_through("send", order)
            answer = self.registers[order.target].recorded(order, self._clock.monotonic())
            await self.pass_through("answer", order)
        except (Cut, Unsendable) as error:
            return Result("unknown", why=f"the probe had no answer: {error}")
        return self._by_healers_clock(answer)

    async def observe(self, order: Order) -> Seen:
        if self.show is None:
            return Seen(why="nothing can be seen of these machines")
        try:
            request("observe", order, order.output_limit)
            await self.pass_through("send", order)
            shown = self.show(order)
            await self.pass_through("answer", order)
        except (Cut, Unsendable) as error:
            return Seen(why=str(error))
        return Seen(shown.exit_code, shown.output[: order.output_limit].decode("utf-8", "replace"))

    async def close(self) -> None:
        """There is nothing to cut."""

    def _by_healers_clock(self, result: Result) -> Result:
        if result.ended_at is None:
            return result
        age = self._clock.monotonic() - result.ended_at
        return msgspec.structs.replace(result, ended_at=self._clock.now() - age)


def _expired(order: Order) -> Result:
    answer = read_answer(b"expired", order)
    assert isinstance(answer, Result), "the wrapper's word for a go that came too late"
    return answer
