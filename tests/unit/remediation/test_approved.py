"""What becomes of a plan about which people are asked: the real runner over the real transactions, on virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import msgspec
import pytest

from healer.executors.register import Ran
from healer.journey.ports import Planned, Step
from healer.remediation.approval import PATIENCE, agree, cancel, reject
from healer.remediation.model import Asked, Remediation
from healer.times import HOUR, MINUTE, SECOND
from tests.simulation.loop import SimLoop
from tests.unit.remediation.build import CLEAN, RESTART, plan
from tests.unit.remediation.night import Night

LONG = msgspec.structs.replace(RESTART, timeout=HOUR)
ASKS = msgspec.structs.replace(plan(LONG, CLEAN), approve=(Asked("sre", 1, 10 * MINUTE), Asked("lead", 1, 5 * MINUTE)))


@pytest.fixture
def loop() -> Iterator[SimLoop]:
    """Time is virtual."""
    with SimLoop(5) as loop:
        yield loop


def lived(loop: SimLoop, work: Callable[[Night], Awaitable[None]]) -> None:
    """A night that begins with a plan that asks."""
    night = Night(loop, ASKS)

    async def whole() -> None:
        await night.store.take_over("one")
        now = night.clock.now()
        asked = Planned("r1", night.plan, "awaiting_approval", now + 10 * MINUTE)
        await night.store.commit(Step(1, 1, 1, 0, now, "r1", planned=(asked,)))
        night.works()
        await work(night)
        await night.stops()

    loop.run(whole())
    night.memory.close()


async def says(night: Night, say: Callable[[Remediation], Remediation]) -> None:
    await night.store.answer("r1", say, now=night.clock.now())


def test_an_approved_plan_runs_to_its_end(loop: SimLoop) -> None:
    """Its first intent uses the approval up, and a step that begins after the approval ran out needs no other."""

    async def work(night: Night) -> None:
        night.perform = lambda order: Ran(takes=PATIENCE + MINUTE if order.step == 0 else SECOND)
        await asyncio.sleep(60)
        assert night.started() == []
        await says(night, lambda stored: agree(stored, "ann", night.clock.now()))
        found = await night.until("verifying")
        assert night.started() == ["r1.0.0", "r1.1.0"]
        assert found.approval_used == "r1.0.0"

    lived(loop, work)


def test_what_was_approved_and_could_not_begin_in_time_is_a_persons(loop: SimLoop) -> None:
    """An approval is not kept for later: nothing runs, and it is handed over."""

    async def work(night: Night) -> None:
        await night.pauses()
        await says(night, lambda stored: agree(stored, "ann", night.clock.now()))
        await asyncio.sleep(PATIENCE / SECOND + 30)
        await night.pauses(thrown=False)
        found = await night.until("handed_over")
        assert "what was agreed to had to begin" in found.detail
        assert night.started() == []

    lived(loop, work)


def test_silence_means_that_nothing_runs(loop: SimLoop) -> None:
    """The next are asked, and then it expires and says so; a yes after that is none."""

    async def work(night: Night) -> None:
        await asyncio.sleep(11 * 60)
        passed_on = await night.stands()
        assert (passed_on.asked, passed_on.state) == (1, "awaiting_approval")
        found = await night.until("expired")
        assert found.detail == "sre or lead did not answer; nothing was run"
        with pytest.raises(ValueError, match="nobody is asked"):
            await says(night, lambda stored: agree(stored, "ann", night.clock.now()))
        assert night.started() == []

    lived(loop, work)


@pytest.mark.parametrize("said", ["no", "stop"])
def test_no_is_no(loop: SimLoop, said: str) -> None:
    """Rejected or cancelled: nothing runs, whatever is said after it."""

    async def work(night: Night) -> None:
        await says(night, (lambda stored: reject(stored, "ann", night.clock.now())) if said == "no" else stop)
        await asyncio.sleep(60)
        assert (await night.stands()).state == ("rejected" if said == "no" else "cancelled")
        assert night.started() == []

    lived(loop, work)


def test_a_plan_is_stopped_between_its_steps(loop: SimLoop) -> None:
    """The step that runs is let be; what waits after it does not begin."""

    async def work(night: Night) -> None:
        night.perform = lambda _: Ran(takes=30 * SECOND)
        await says(night, lambda stored: agree(stored, "ann", night.clock.now()))
        await night.until("executing")
        with pytest.raises(ValueError, match="not broken off"):
            await says(night, stop)
        await night.pauses()
        await night.until("waiting", "planned")
        await says(night, stop)
        await night.pauses(thrown=False)
        await asyncio.sleep(120)
        found = await night.stands()
        assert (found.state, night.started()) == ("cancelled", ["r1.0.0"])
        assert found.detail == "bob stopped it. What was done before is not verified"

    lived(loop, work)


def stop(stored: Remediation) -> Remediation:
    return cancel(stored, "bob")
