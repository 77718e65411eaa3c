"""What the simulation's loop promises, one test each."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from healer.seams import Clock, Random, Supervisor
from healer.times import DAY, SECOND
from tests.simulation.incarnation import Frozen, Incarnation
from tests.simulation.loop import Deadlock, Livelock, OutsideTheSimulation, SimLoop
from tests.simulation.world import EPOCH, SimClock, SimRandom

ROOT = Path(__file__).parents[2]


async def racing(seen: list[str]) -> None:
    async def walk(name: str) -> None:
        for step in range(3):
            seen.append(f"{name}{step}")
            await asyncio.sleep(0)

    await asyncio.gather(*(walk(name) for name in "abcd"))


def order(seed: int) -> list[str]:
    seen: list[str] = []
    with SimLoop(seed) as loop:
        loop.run(racing(seen))
    return seen


def test_time_moves_only_by_waiting() -> None:
    """A day of waiting costs nothing, and ends at exactly its microsecond."""

    async def wait() -> float:
        await asyncio.sleep(86_400.000001)
        return asyncio.get_running_loop().time()

    with SimLoop(1) as loop:
        assert loop.run(wait()) == 86_400.000001
        assert loop.now == DAY + 1


def test_timers_fire_in_order_of_their_time() -> None:
    """Whatever the seed, an earlier timer comes first."""

    async def wait() -> list[int]:
        seen: list[int] = []

        async def later(seconds: int) -> None:
            await asyncio.sleep(seconds)
            seen.append(seconds)

        await asyncio.gather(*(later(seconds) for seconds in (5, 1, 4, 2, 3)))
        return seen

    for seed in range(20):
        with SimLoop(seed) as loop:
            assert loop.run(wait()) == [1, 2, 3, 4, 5]


def test_the_seed_chooses_the_order_of_tasks() -> None:
    """Equal seeds give equal orders, different seeds many different ones."""
    assert order(7) == order(7)
    assert len({tuple(order(seed)) for seed in range(40)}) > 30


def test_one_task_and_plain_callbacks_keep_their_order() -> None:
    """Only what asyncio leaves open is shuffled."""
    for seed in range(20):
        steps = order(seed)
        for name in "abcd":
            assert [step for step in steps if step[0] == name] == [f"{name}0", f"{name}1", f"{name}2"]

    async def callbacks() -> list[int]:
        seen: list[int] = []
        for number in range(10):
            asyncio.get_running_loop().call_soon(seen.append, number)
        await asyncio.sleep(1)
        return seen

    for seed in range(20):
        with SimLoop(seed) as loop:
            assert loop.run(callbacks()) == list(range(10))


def test_a_late_zero_timer_is_not_starved() -> None:
    """A timer that is due already runs although others are always ready."""

    async def busy() -> bool:
        rung: list[bool] = []
        asyncio.get_running_loop().call_later(0, rung.append, True)
        for _ in range(10):
            await asyncio.sleep(0)
        return bool(rung)

    with SimLoop(1) as loop:
        assert loop.run(busy())


def test_timeouts_and_cancellation_work_as_in_asyncio() -> None:
    """asyncio.timeout, wait_for, queues and locks run unchanged on virtual time."""

    async def work() -> str:
        queue: asyncio.Queue[int] = asyncio.Queue(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.get(), 30)
        async with asyncio.TaskGroup() as group:
            group.create_task(queue.put(1))
            group.create_task(queue.put(2))
            assert {await queue.get(), await queue.get()} == {1, 2}
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10), asyncio.Lock():
                await asyncio.sleep(60)
        return "done"

    with SimLoop(3) as loop:
        assert loop.run(work()) == "done"
        assert loop.now == 40 * SECOND


def test_a_deadlock_is_named() -> None:
    """Where nothing can happen any more, the loop says who waits."""

    async def forever() -> None:
        await asyncio.get_running_loop().create_future()

    with SimLoop(1) as loop, pytest.raises(Deadlock, match="waiting: patience"):
        loop.run_until_complete(loop.create_task(forever(), name="patience"))


def test_a_livelock_is_named() -> None:
    """A task that never waits is stopped instead of hanging the run."""

    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    with SimLoop(1) as loop, pytest.raises(Livelock, match="spinner"):
        loop.run_until_complete(loop.create_task(spin(), name="spinner"))


@pytest.mark.parametrize(
    "reach",
    [
        lambda loop: loop.run_in_executor(None, print),
        lambda loop: asyncio.to_thread(print),
        lambda loop: asyncio.open_connection("127.0.0.1", 9),
        lambda loop: asyncio.start_server(print, "127.0.0.1", 0),
        lambda loop: asyncio.create_subprocess_exec("true"),
        lambda loop: loop.getaddrinfo("localhost", 80),
        lambda loop: loop.add_signal_handler(2, print),
    ],
)
def test_the_world_outside_is_refused(reach: Callable[[SimLoop], object]) -> None:
    """Threads, sockets, processes, names and signals are refused with a sentence that says so."""

    async def try_it() -> None:
        found = reach(loop)
        if asyncio.iscoroutine(found):
            await found

    with SimLoop(1) as loop, pytest.raises(OutsideTheSimulation, match="out of the simulation"):
        loop.run(try_it())


def test_other_threads_are_refused() -> None:
    """Nothing may come in from another thread, whose timing no seed controls."""
    refused: list[BaseException] = []

    def intrude() -> None:
        try:
            loop.call_soon_threadsafe(print)
        except OutsideTheSimulation as error:
            refused.append(error)

    with SimLoop(1) as loop:
        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()
    assert len(refused) == 1


class Diary:
    """A life that writes down what it does, with clean-up that must not happen after a crash."""

    def __init__(self, life: Incarnation) -> None:
        self.life = life
        self.pages: list[str] = []

    async def live(self) -> None:
        try:
            asyncio.get_running_loop().call_later(5, self.pages.append, "callback")
            helper = asyncio.create_task(self.help())
            async with asyncio.timeout(100):
                await helper
        finally:
            self.pages.append("finally")
            await self.life.alive_or_never()
            self.pages.append("reached a port")

    async def help(self) -> None:
        for hour in range(10):
            self.pages.append(f"help {hour}")
            await asyncio.sleep(1)


def test_a_frozen_incarnation_never_runs_again() -> None:
    """After a crash no task, timer or clean-up of that life runs: not by time, not by futures, not by cancellation."""
    with SimLoop(1) as loop:
        diary = Diary(Incarnation("first"))
        gate = loop.create_future()

        async def wait_for_gate() -> None:
            await gate
            diary.pages.append("through the gate")

        async def crash() -> None:
            life = diary.life.start(diary.live(), name="live")
            waiting = diary.life.start(wait_for_gate(), name="gate")
            never_started = diary.life.start(wait_for_gate(), name="late")
            await asyncio.sleep(2.5)
            unborn = diary.life.start(wait_for_gate(), name="unborn")
            diary.life.freeze()
            gate.set_result(None)
            for task in (life, waiting, never_started, unborn):
                task.cancel()
            await asyncio.sleep(3_600)
            assert not life.done()

        loop.run(crash())
        assert diary.pages == ["help 0", "help 1", "help 2"]
        assert loop.uncaught() == []
    gc.collect()
    assert "reached a port" not in diary.pages


def test_the_dead_are_buried_in_silence() -> None:
    """Awaiting clean-ups, async generators, unstarted coroutines and failed tasks of a dead life leave no warning."""
    pages: list[str] = []

    async def stubborn() -> None:
        try:
            async with asyncio.timeout(50), asyncio.Lock():
                await asyncio.sleep(40)
        finally:
            await asyncio.sleep(1)
            pages.append("stubborn")

    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(100):
                yield number
                await asyncio.sleep(1)
        finally:
            await asyncio.sleep(1)
            pages.append("numbers")

    async def counting() -> None:
        async for _ in numbers():
            pass

    async def failing() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(stubborn())
            await asyncio.sleep(3)
            raise ValueError("nobody hears this")

    async def outside() -> None:
        life = Incarnation("first")
        queue: asyncio.Queue[int] = asyncio.Queue()
        for work in (stubborn(), counting(), failing(), asyncio.wait_for(queue.get(), 30)):
            life.start(work, name="work")
        await asyncio.sleep(2)
        life.start(stubborn(), name="unborn")
        life.freeze()
        await queue.put(1)
        await asyncio.sleep(1_000)

    for seed in range(10):
        with SimLoop(seed) as loop:
            loop.run(outside())
            assert loop.uncaught() == []
        gc.collect()
    assert pages == []


def test_dying_in_a_port_never_returns() -> None:
    """`die()` ends the incarnation at that very await; the world outside goes on."""
    with SimLoop(1) as loop:
        life = Incarnation("first")
        pages: list[str] = []

        async def act() -> None:
            pages.append("before")
            await life.die()
            pages.append("after")  # type: ignore[unreachable] # which is the point

        async def outside() -> None:
            life.start(act(), name="act")
            await asyncio.sleep(10)
            pages.append("outside")

        loop.run(outside())
        assert pages == ["before", "outside"]
        with pytest.raises(Frozen):
            life.alive_or_raise()


def test_only_the_dead_waiting_is_a_deadlock_of_the_living() -> None:
    """Timers of a frozen life do not keep a simulation going."""
    with SimLoop(1) as loop:
        life = Incarnation("first")

        async def outside() -> None:
            life.start(asyncio.sleep(50), name="sleep")
            await asyncio.sleep(1)
            life.freeze()
            await loop.create_future()

        with pytest.raises(Deadlock):
            loop.run_until_complete(outside())
        assert loop.now == SECOND


def test_what_nobody_caught_is_listed_but_not_of_the_dead() -> None:
    """Failures of the living are kept for the scenario to judge."""

    async def fail() -> None:
        raise ValueError("lost")

    async def outside() -> None:
        life = Incarnation("first")
        life.start(fail(), name="dead")
        life.freeze()
        loop.create_task(fail(), name="alive")
        await asyncio.sleep(1)

    with SimLoop(1) as loop:
        loop.run(outside())
        assert loop.uncaught() == ["alive failed: ValueError('lost')"]


def test_the_supervisor_runs_on_it() -> None:
    """The service's own Spawn works on virtual time, restarts included."""

    async def work() -> dict[str, int]:
        spawn = Supervisor()

        async def fall() -> None:
            await asyncio.sleep(1)
            raise RuntimeError("fell")

        spawn.keep("fall", fall)
        await asyncio.sleep(600)
        assert await spawn.stop(5) == []
        return spawn.failures

    with SimLoop(5) as loop:
        assert 8 < loop.run(work())["fall"] < 20


def test_clock_and_chance_are_the_seams() -> None:
    """SimClock and SimRandom are what healer.seams asks for, on virtual time and a seed."""
    with SimLoop(1) as loop:
        clock = SimClock(loop, skew=5 * SECOND)
        seam: Clock = clock
        chance: Random = SimRandom(1)
        loop.run(asyncio.sleep(2))
        assert (seam.now(), seam.monotonic()) == (EPOCH + 7 * SECOND, 2 * SECOND)
        clock.step(-SECOND)
        assert (seam.now(), seam.monotonic()) == (EPOCH + 6 * SECOND, 2 * SECOND)
        assert chance.token() == SimRandom(1).token() != SimRandom(1, "other").token()


BUSY = """
import asyncio
from healer.seams import Supervisor
from tests.simulation.loop import SimLoop
from tests.simulation.world import SimRandom

async def work():
    spawn, chance = Supervisor(), SimRandom(4)
    async def step(name):
        while True:
            await asyncio.sleep(chance.uniform(0.1, 2))
    for number in range(30):
        spawn.start(f"step {number}", step(number))
    await asyncio.sleep(60)
    await spawn.stop(5)  # cancels a set of tasks, whose order is that of their addresses
    await asyncio.wait({asyncio.create_task(asyncio.sleep(n)) for n in (1, 2, 3)})

with SimLoop({seed}) as loop:
    loop.run(work())
print(loop.trace(), loop.callbacks)
"""


def test_a_seed_is_a_run_in_any_process() -> None:
    """The same seed has the same trace in another process with other hashes, another seed another."""

    def trace(seed: int, hashes: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", BUSY.replace("{seed}", str(seed))],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hashes},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout

    assert trace(1, "1") == trace(1, "4242")
    assert trace(1, "1") != trace(2, "1")
