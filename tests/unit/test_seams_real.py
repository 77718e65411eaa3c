"""The real clock, chance and supervisor: what everything else takes for granted."""

import asyncio
import inspect
import logging
from collections.abc import Coroutine
from typing import Any, NoReturn

import pytest

from healer.seams import Supervisor, SystemClock, SystemRandom
from healer.times import SECOND
from tests.simulation.loop import SimLoop


@pytest.fixture
def loop() -> SimLoop:
    """Time is virtual."""
    return SimLoop(7)


class Work:
    """Fails so many times, then does its work for ever; remembers when it was begun (virtual seconds)."""

    def __init__(self, loop: SimLoop, failures: int = 0, lasts: float = 0) -> None:
        self.begun: list[float] = []
        self._loop = loop
        self._failures = failures
        self._lasts = lasts

    async def __call__(self) -> None:
        self.begun.append(self._loop.time())
        await asyncio.sleep(self._lasts)
        if len(self.begun) <= self._failures:
            raise RuntimeError("not yet")
        await asyncio.sleep(1_000_000)


def test_what_must_go_on_is_started_again_after_a_growing_pause(loop: SimLoop) -> None:
    """Half a second, one, two ... up to a minute, so that a thing that keeps failing costs nothing."""

    async def play() -> None:
        spawn, work = Supervisor(pause=0.5), Work(loop, failures=11)
        spawn.keep("channel duty", work)
        await asyncio.sleep(1_000)
        pauses = [round(later - earlier, 3) for earlier, later in zip(work.begun, work.begun[1:], strict=False)]
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
        assert spawn.failures == {"channel duty": 11}
        assert await spawn.stop(1) == []

    with loop:
        loop.run(play())


def test_work_that_ended_in_peace_begins_again_after_a_short_pause(loop: SimLoop) -> None:
    """An end is no failure: it is not counted, and the pause does not grow."""

    async def play() -> None:
        spawn, begun = Supervisor(pause=0.5), list[float]()

        async def short() -> None:
            begun.append(loop.time())

        spawn.keep("short", short)
        await asyncio.sleep(1.75)
        assert begun == [0, 0.5, 1, 1.5]
        assert spawn.failures == {}
        await spawn.stop(1)

    with loop:
        loop.run(play())


def test_after_success_the_pause_is_short_again(loop: SimLoop) -> None:
    """What failed long ago does not make today's restart slow."""

    async def play() -> None:
        spawn, begun = Supervisor(pause=0.5), list[float]()

        async def moody() -> None:
            begun.append(loop.time())
            if len(begun) in (1, 2, 4):
                raise RuntimeError("a bad day")

        spawn.keep("moody", moody)
        await asyncio.sleep(6)
        assert begun[:5] == [0, 1, 3, 3.5, 4.5]
        await spawn.stop(1)

    with loop:
        loop.run(play())


def test_a_failure_is_logged_by_name_and_touches_nobody_else(loop: SimLoop, caplog: pytest.LogCaptureFixture) -> None:
    """Work that is started once and fails is over; it is said with its name and its trace."""

    async def play() -> None:
        spawn, neighbour = Supervisor(), Work(loop)
        spawn.keep("neighbour", neighbour)
        task = spawn.start("remediation r1", Work(loop, failures=1)())
        await asyncio.wait([task])
        assert task.exception() is None, "whoever started it need not ask"
        assert spawn.failures == {"remediation r1": 1}
        assert (task.get_name(), len(neighbour.begun)) == ("remediation r1", 1)
        await spawn.stop(1)

    with caplog.at_level(logging.ERROR), loop:
        loop.run(play())
    (record,) = caplog.records
    assert record.getMessage() == "task remediation r1 failed"
    assert record.exc_info is not None


def test_stop_ends_everything_and_says_what_would_not_end(loop: SimLoop) -> None:
    """In bounded time, also when a task will not hear of it."""

    async def play() -> None:
        spawn = Supervisor()

        async def stubborn() -> None:
            while True:
                try:
                    await asyncio.sleep(1_000_000)
                except asyncio.CancelledError:
                    continue

        async def tidy() -> None:
            try:
                await asyncio.sleep(1_000_000)
            finally:
                await asyncio.sleep(3)
                tidied.append(loop.time())

        tidied: list[float] = []
        stuck = spawn.start("stubborn", stubborn())
        spawn.start("tidy", tidy())
        spawn.keep("kept", Work(loop))
        spawn.keep("pausing", Work(loop, failures=100))
        await asyncio.sleep(1)
        assert await spawn.stop(10) == ["stubborn"]
        assert loop.time() == 11
        assert tidied == [4]
        assert not stuck.done()

    with loop:
        loop.run(play(), within=60 * SECOND)


def test_stop_without_anything_to_stop_returns_at_once(loop: SimLoop) -> None:
    """What has ended need not be ended; a task that stops the others does not wait for itself."""

    async def play() -> None:
        spawn, said = Supervisor(), list[list[str]]()

        async def last_one() -> None:
            said.append(await spawn.stop(10))

        assert await spawn.stop(10) == []
        await asyncio.wait([spawn.start("last one", last_one())])
        assert said == [[]]
        assert await spawn.stop(10) == []
        assert loop.time() == 0

    with loop:
        loop.run(play())


def test_tasks_that_ended_are_forgotten(loop: SimLoop) -> None:
    """A service that runs for a year does not remember a year of tasks."""

    async def play() -> None:
        spawn = Supervisor()

        async def short() -> None:
            await asyncio.sleep(0)

        for _ in range(100):
            spawn.start("short", short())
        await asyncio.sleep(1)
        assert not spawn._tasks

    with loop:
        loop.run(play())


def test_the_machine_is_asked_for_time_and_chance() -> None:
    """Microseconds since 1970, a clock that does not go back, tokens of the size that was asked for."""
    clock, chance = SystemClock(), SystemRandom()
    assert 1_700_000_000 * SECOND < clock.now() < 7_000_000_000 * SECOND
    assert clock.monotonic() <= clock.monotonic()
    assert 2 <= chance.uniform(2, 3) <= 3
    one, other = chance.token(), chance.token(4)
    assert (len(bytes.fromhex(one)), len(bytes.fromhex(other))) == (16, 4)
    assert one != chance.token()


def test_what_no_task_can_be_made_of_is_let_go(loop: SimLoop) -> None:
    """A loop that is ending takes none: then nothing waits for ever to be begun."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise RuntimeError("the loop is closed")

    async def play() -> None:
        work, made = asyncio.sleep(1), list[Coroutine[None, None, None]]()

        async def kept() -> None:
            """It never begins."""

        def again() -> Coroutine[None, None, None]:
            made.append(kept())
            return made[-1]

        asyncio.get_running_loop().set_task_factory(refuse)
        with pytest.raises(RuntimeError, match="closed"):
            Supervisor().start("once", work)
        with pytest.raises(RuntimeError, match="closed"):
            Supervisor().keep("again", again)
        assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED
        assert made == []

    with loop:
        loop.run(play())
