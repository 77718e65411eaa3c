"""A step whose first way is down goes the other one: as an effect of its own, and only if the first is known to have had none."""

from collections.abc import Iterator

import msgspec
import pytest

from healer.executors.memory import MemoryTarget
from healer.executors.target import Order, Result
from healer.remediation.arrows import next_state, step_of
from healer.remediation.model import Asked, Way
from healer.remediation.request import Beneath, request_of
from healer.times import MINUTE
from tests.simulation.loop import SimLoop
from tests.unit.remediation.build import CLEAN, NOON, RESTART, plan, remediation
from tests.unit.remediation.night import Night
from tests.unit.remediation.test_runner import Wayward

OTHER = Way("redfish", ("power_cycle",), "power_cycle")
BOTH = msgspec.structs.replace(RESTART, fallback=OTHER)
DOWN = Result("failed", why="no route to host", started=False, down=True)
REFUSED = Result("refused", why="another host key", started=False, lasting=True)


@pytest.fixture
def loop() -> Iterator[SimLoop]:
    with SimLoop(3) as loop:
        yield loop


def test_the_way_is_the_steps_own() -> None:
    """The same step on the same node, by what its fallback runs; the next step begins at its own first way."""
    found = remediation(plan(BOTH, CLEAN))
    after = next_state(found, DOWN, NOON, None)
    assert (after.state, after.step, after.attempt) == ("planned", 0, 1)
    assert after.detail == "ssh cannot reach it (no route to host), so redfish is to do it"
    step = step_of(after)
    assert step is not None
    assert (step.executor, step.argv, step.call, step.node) == (
        "redfish",
        ("power_cycle",),
        "power_cycle",
        RESTART.node,
    )
    then = next_state(after, Result("succeeded", exit_code=0), NOON, None)
    assert step_of(then) == CLEAN


@pytest.mark.parametrize(
    "result",
    [
        REFUSED,
        Result("failed", exit_code=3),
        Result("failed", exit_code=255, down=True),
        msgspec.structs.replace(DOWN, down=False),
    ],
    ids=["refused", "it failed there", "it may have begun", "another reason"],
)
def test_not_for_another_reason(result: Result) -> None:
    """What was refused, failed where it ran, or may have begun is no matter of the way."""
    after = next_state(remediation(plan(BOTH)), result, NOON, None)
    assert (after.state, after.other_way) == ("failed", -1)


def test_who_agrees_knows_of_it() -> None:
    """The question says what else may be done, and by whom, where the first way is down."""
    asking = msgspec.structs.replace(plan(BOTH), approve=(Asked("sre", 1, MINUTE),))
    found = request_of(remediation(asking), None, [], {RESTART.node: Beneath(0)})
    assert f"where ssh cannot reach {RESTART.node}, redfish does it by power_cycle" in found.doubts


def test_both_down_is_a_failure() -> None:
    """There is no third way."""
    once = next_state(remediation(plan(BOTH)), DOWN, NOON, None)
    assert next_state(once, DOWN, NOON, None).state == "failed"


def test_one_remediation_two_intents(loop: SimLoop) -> None:
    """Each dispatch is an intent of its own, with a newer token, under one step of one remediation, and one trace."""
    down = Wayward(DOWN)
    night = Night(loop, plan(BOTH), down)
    power = MemoryTarget(night.clock)
    night.others["redfish"] = power

    async def whole() -> None:
        await night.begins()
        await night.until("verifying")
        intents = await night.store.intents("r1")
        told = [(one.id, one.executor, one.step, one.token, one.outcome) for one in intents]
        assert told == [("r1.0.0", "ssh", 0, 1, "failed"), ("r1.0.1", "redfish", 0, 2, "succeeded")]
        assert len({one.trace_id for one in intents}) == 1
        assert [effect.intent for effect in power.effects] == ["r1.0.1"]
        await night.stops()

    loop.run(whole())
    night.memory.close()


def test_an_answer_that_was_lost_is_probed_first(loop: SimLoop) -> None:
    """While nobody knows what became of the first there is no second; once a probe says that it never began, there is."""
    first = Wayward(Result("unknown", why="the answer was lost"))
    night = Night(loop, plan(BOTH), first)
    power = MemoryTarget(night.clock)
    night.others["redfish"] = power

    async def whole() -> None:
        await night.begins()
        while len(first.probes) < 3:
            await night.passes(1)
        assert power.effects == []
        first.known = Result("failed", why="it was never begun", started=False)
        await night.until("verifying")
        assert [effect.intent for effect in power.effects] == ["r1.0.1"]
        await night.stops()

    loop.run(whole())
    night.memory.close()


def test_the_orders_are_the_same_node(loop: SimLoop) -> None:
    """Both ways are told of the same target, so it has one lock and one token."""
    down, other = Wayward(DOWN), Wayward(Result("succeeded", exit_code=0))
    night = Night(loop, plan(BOTH), down)
    night.others["redfish"] = other

    async def whole() -> None:
        await night.begins()
        await night.until("verifying")
        await night.stops()

    loop.run(whole())
    night.memory.close()
    orders: list[Order] = [*down.runs, *other.runs]
    assert [order.target for order in orders] == [RESTART.node] * 2
