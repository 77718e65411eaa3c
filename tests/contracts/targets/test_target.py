"""The promises E1, E2 and E4 as far as a target keeps them: one suite for every executor, and what machines add to it."""

import asyncio

import msgspec
import pytest

from healer.executors.target import Order, Result
from healer.seams import SystemClock
from tests.contracts.targets.bench import Bench, Machines, go, no_go


async def test_success(bench: Bench) -> None:
    """A command that ends well has one effect, its output, and an end that is not before its start."""
    before = SystemClock().now()
    result = await bench.target.run(bench.order("a", 1), go)
    assert (result.outcome, result.exit_code, result.output, result.started) == ("succeeded", 0, "fine\n", True)
    assert result.ended_at is not None
    assert before - 5_000 <= result.ended_at <= SystemClock().now()
    assert bench.effects() == ["a"]


async def test_exit_code(bench: Bench) -> None:
    """What ends otherwise than well is a failure that had an effect, and says how."""
    result = await bench.target.run(bench.order("a", 1, does="fail"), go)
    assert (result.outcome, result.exit_code, result.started) == ("failed", bench.failure, True)


async def test_output_is_cut(bench: Bench) -> None:
    """Output above the limit is cut, and says so."""
    result = await bench.target.run(bench.order("a", 1, does="babble"), go)
    assert result.outcome == "succeeded"
    assert result.output == "x" * 1000 + "\n[cut after 1000 bytes]"


@pytest.mark.parametrize(("token", "step"), [(4, 9), (5, 1), (5, 2)])
async def test_not_newer(machines: Machines, token: int, step: int) -> None:
    """What is not strictly newer than the newest (token, step) seen is refused before go is asked for."""
    await machines.target.run(machines.order("a", 5, step=2), go)
    result = await machines.target.run(machines.order("b", token, step=step), _never)
    assert (result.outcome, result.started) == ("refused", False)
    assert "stale" in result.why
    assert machines.effects() == ["a"]


@pytest.mark.parametrize(("token", "step"), [(6, 0), (5, 3)])
async def test_newer(machines: Machines, token: int, step: int) -> None:
    """A newer token, or a later step of the same token, is accepted."""
    await machines.target.run(machines.order("a", 5, step=2), go)
    assert (await machines.target.run(machines.order("b", token, step=step), go)).outcome == "succeeded"
    assert machines.effects() == ["a", "b"]


async def test_other_node(bench: Bench) -> None:
    """Each node has a register of its own, also where two are on one machine."""
    await bench.target.run(bench.order("a", 5), go)
    assert (await bench.target.run(bench.order("b", 1, node="service:shop@cn-1"), go)).outcome == "succeeded"


async def test_busy(machines: Machines) -> None:
    """While a run holds the target a second one is refused as busy, however new its token."""
    first = asyncio.ensure_future(machines.target.run(machines.order("a", 1, does="work"), go))
    await _started(machines)
    second = await machines.target.run(machines.order("b", 2), _never)
    assert (second.outcome, second.started) == ("refused", False)
    assert "busy" in second.why
    assert (await first).outcome == "succeeded"
    assert machines.effects() == ["a"]


async def test_observe(machines: Machines) -> None:
    """A look brings what the command says; the register neither refuses nor remembers it, and no effect is counted."""
    await machines.target.run(machines.order("a", 5), go)
    seen = await machines.target.observe(machines.order("look", 1, does="show"))
    assert (seen.exit_code, seen.output) == (3, "state\n")
    assert (await machines.target.run(machines.order("look", 6), go)).outcome == "succeeded"
    assert machines.effects() == ["a", "look"]


async def test_observe_in_vain(bench: Bench) -> None:
    """What cannot be sent cannot be looked at, and says so instead of raising."""
    seen = await bench.target.observe(msgspec.structs.replace(bench.order("look", 1), argv=("two\nlines",)))
    assert seen.exit_code is None
    assert seen.why


async def test_kill_switch(bench: Bench) -> None:
    """When go says no after ready, nothing starts, and a probe agrees."""
    result = await bench.target.run(bench.order("a", 1), no_go)
    assert (result.outcome, result.started) == ("refused", False)
    assert _nothing(await _settled(bench, bench.order("a", 2)))
    assert bench.effects() == []


async def test_go_raises(bench: Bench) -> None:
    """When go cannot tell, its error comes out and nothing starts."""
    with pytest.raises(RuntimeError, match="unreadable"):
        await bench.target.run(bench.order("a", 1), _unreadable)
    assert _nothing(await _settled(bench, bench.order("a", 2)))
    assert bench.effects() == []


async def test_cut_before_go(machines: Machines) -> None:
    """A connection lost between ready and go has no effect, and a probe proves it."""

    async def cut_then_go() -> bool:
        machines.cut()
        return True

    result = await machines.target.run(machines.order("a", 1), cut_then_go)
    assert result.outcome == "unknown" or _nothing(result)
    assert _nothing(await _settled(machines, machines.order("a", 2)))
    assert machines.effects() == []


async def test_cut_after_go(machines: Machines) -> None:
    """A connection lost after go leaves the outcome unknown, unless the machine calls again; the effect happens once, and the
    probe finds how it ended."""
    run = asyncio.ensure_future(machines.target.run(machines.order("a", 1, does="work"), go))
    await _started(machines)
    machines.cut()
    result = await run
    assert (result.outcome, result.started) == ("succeeded" if machines.reports_later else "unknown", True)
    settled = await _settled(machines, machines.order("a", 2))
    assert (settled.outcome, settled.exit_code, settled.output, settled.started) == ("succeeded", 0, "fine\n", True)
    assert machines.effects() == ["a"]


async def test_cancelled_before_go(bench: Bench) -> None:
    """A run cancelled while go is being asked for has no effect."""
    asked = asyncio.Event()

    async def hesitate() -> bool:
        asked.set()
        await asyncio.Event().wait()
        return True

    run = asyncio.ensure_future(bench.target.run(bench.order("a", 1), hesitate))
    await asked.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert _nothing(await _settled(bench, bench.order("a", 2)))
    assert bench.effects() == []


async def test_cancelled_after_go(machines: Machines) -> None:
    """A run cancelled after go goes on without its caller; the probe finds one effect and its end."""
    run = asyncio.ensure_future(machines.target.run(machines.order("a", 1, does="work"), go))
    await _started(machines)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (await machines.target.probe(machines.order("a", 2))).outcome == "unknown"
    assert (await _settled(machines, machines.order("a", 2))).outcome == "succeeded"
    assert machines.effects() == ["a"]


async def test_deadline(machines: Machines) -> None:
    """A command that ignores TERM is over at its deadline: the run says so, and the target is free again."""
    result = await machines.target.run(machines.order("a", 1, does="hang"), go)
    assert (result.outcome, result.started) == ("failed", True)
    assert "still running after 2 s" in result.why
    assert (await machines.target.run(machines.order("b", 2), go)).outcome == "succeeded"


async def test_probe_fences(machines: Machines) -> None:
    """A probe finds that an intent never arrived, and from then on it cannot start any more."""
    late = machines.order("a", 1)
    assert _nothing(await machines.target.probe(machines.order("a", 2)))
    result = await machines.target.run(late, _never)
    assert (result.outcome, result.started) == ("refused", False)
    assert machines.effects() == []


async def test_probe_with_own_token(machines: Machines) -> None:
    """The holder itself may probe with its own token: its lost attempt is fenced all the same."""
    assert _nothing(await machines.target.probe(machines.order("a", 1)))
    assert (await machines.target.run(machines.order("a", 1), _never)).outcome == "refused"


async def test_probe_again(bench: Bench) -> None:
    """A probe whose answer was lost may be asked again and says the same."""
    await bench.target.run(bench.order("a", 1, does="fail"), go)
    first, second = [await bench.target.probe(bench.order("a", 2)) for _ in range(2)]
    assert first.exit_code == second.exit_code == bench.failure


async def test_older_prober(machines: Machines) -> None:
    """A prober whose token is older than what the target has seen learns nothing and moves nothing."""
    await machines.target.run(machines.order("a", 5), go)
    assert (await machines.target.probe(machines.order("a", 4))).outcome == "unknown"
    assert (await machines.target.run(machines.order("b", 6), go)).outcome == "succeeded"


async def test_once_per_intent(bench: Bench) -> None:
    """An intent that ran is not run again, whatever token it comes with."""
    await bench.target.run(bench.order("a", 1, does="fail"), go)
    result = await bench.target.run(bench.order("a", 2), _never)
    assert (result.outcome, result.started) == ("refused", False)
    assert bench.effects() == ["a"]


async def test_many_racing(machines: Machines) -> None:
    """Of many holders at once, those that act do so in the order of their tokens, one at a time."""
    orders = [machines.order(str(token), token) for token in (3, 1, 4, 2, 5, 6)]
    results = await asyncio.gather(*(machines.target.run(order, go) for order in orders))
    acted = [int(intent) for intent in machines.effects()]
    assert acted
    assert acted == sorted(acted)
    assert len(acted) == sum(result.outcome == "succeeded" for result in results)
    assert all(result.outcome == "succeeded" or _untouched(result) for result in results)


@pytest.mark.parametrize("argument", ["two\nlines", "nul\0", "\ud800", "x" * 100_000])
async def test_unsendable(bench: Bench, argument: str) -> None:
    """What cannot travel as one argument is refused before anything is sent."""
    order = bench.order("a", 1)
    result = await bench.target.run(msgspec.structs.replace(order, argv=(*order.argv, argument)), _never)
    assert (result.outcome, result.started) == ("refused", False)
    assert "not sent" in result.why
    assert (await bench.target.run(order, go)).outcome == "succeeded"


async def _never() -> bool:
    raise AssertionError("go was asked for")


async def _unreadable() -> bool:
    raise RuntimeError("the kill switch is unreadable")


def _nothing(result: Result) -> bool:
    return (result.outcome, result.started) == ("failed", False)


def _untouched(result: Result) -> bool:
    return (result.outcome, result.started) == ("refused", False)


async def _started(bench: Bench) -> None:
    async with asyncio.timeout(10):
        while not bench.effects():
            await asyncio.sleep(0.02)


async def _settled(bench: Bench, order: Order) -> Result:
    async with asyncio.timeout(15):
        while (result := await bench.target.probe(order)).outcome == "unknown":
            await asyncio.sleep(0.1)
    return result
