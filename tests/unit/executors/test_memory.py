"""What the in-memory fleet lets a simulation do: delay, lose, and go on without the caller."""

import asyncio

from healer.executors.memory import Cut, MemoryTarget, Moment
from healer.executors.register import Ran
from healer.executors.target import Order, Result
from healer.times import SECOND, Micros


class HandClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at: Micros = 1_000 * SECOND

    def now(self) -> Micros:
        return 1_700_000_000 * SECOND + self.at

    def monotonic(self) -> Micros:
        return self.at


async def go() -> bool:
    return True


def order(intent: str = "a", token: int = 1) -> Order:
    return Order(intent=intent, step=0, token=token, target="cn-1", address="", argv=("/bin/true",), deadline_s=60)


async def test_late_go() -> None:
    """A go that was under way for longer than the target waits finds that it has given up."""
    clock = HandClock()

    async def delay(moment: Moment, order: Order) -> None:
        if moment == "go":
            clock.at += 2 * SECOND

    fleet = MemoryTarget(clock, pass_through=delay)
    result = await fleet.run(order(), go)
    assert (result.outcome, result.started, fleet.effects) == ("failed", False, [])


async def test_late_request() -> None:
    """A request that lands after a newer holder's probe is refused: the fence that promise E2 needs."""
    landed = asyncio.Event()

    async def delay(moment: Moment, order: Order) -> None:
        if moment == "send" and order.token == 1:
            await landed.wait()

    fleet = MemoryTarget(HandClock(), pass_through=delay)
    run = asyncio.ensure_future(fleet.run(order(), go))
    await asyncio.sleep(0)
    assert not (await fleet.probe(order(token=2))).started
    landed.set()
    assert (await run).outcome == "refused"
    assert (fleet.effects, fleet.registers["cn-1"].refusals) == ([], 1)


async def test_frozen_caller() -> None:
    """A caller that froze between ready and go holds the target for a second; thawed later, its go is too late."""
    clock = HandClock()
    thaw = asyncio.Event()

    async def freeze() -> bool:
        await thaw.wait()
        return True

    fleet = MemoryTarget(clock)
    frozen = asyncio.ensure_future(fleet.run(order(), freeze))
    await asyncio.sleep(0)
    assert "busy" in (await fleet.run(order("b", 2), go)).why
    clock.at += SECOND
    assert (await fleet.run(order("c", 3), go)).outcome == "succeeded"
    thaw.set()
    result: Result = await frozen
    assert (result.outcome, result.started) == ("failed", False)
    assert [effect.intent for effect in fleet.effects] == ["c"]


async def test_lost_answer() -> None:
    """An answer lost after the effect leaves the outcome unknown; the probe finds it, with its end by healer's clock."""
    clock = HandClock()

    async def lose(moment: Moment, order: Order) -> None:
        if moment == "answer" and order.token == 1:
            raise Cut("lost")

    fleet = MemoryTarget(clock, lambda _: Ran(exit_code=2), lose)
    assert (await fleet.run(order(), go)).outcome == "unknown"
    ended = clock.now()
    clock.at += 5 * SECOND
    found = await fleet.probe(order(token=2))
    assert (found.outcome, found.exit_code, found.ended_at) == ("failed", 2, ended)
    assert len(fleet.effects) == 1
