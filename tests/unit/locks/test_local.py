"""The lock of one process: one holder at a time, nobody waits for ever, and nothing is left behind."""

import asyncio

import pytest

from healer.locks.local import LocalLocks
from healer.times import SECOND
from tests.simulation.loop import SimLoop


@pytest.fixture
def loop() -> SimLoop:
    """Time is virtual."""
    return SimLoop(7)


async def held(locks: LocalLocks, target: str, seconds: float, log: list[str], name: str, within: float = 60) -> None:
    async with locks.hold(target, within):
        log.append(f"{name} in")
        await asyncio.sleep(seconds)
        log.append(f"{name} out")


def empty(locks: LocalLocks) -> bool:
    return not locks._locks and not locks._wanted


def test_one_holder_at_a_time_and_the_others_in_their_order(loop: SimLoop) -> None:
    """Whoever asked first comes first; nobody comes in before the other is out."""

    async def play() -> None:
        locks, log = LocalLocks(), list[str]()
        waiting = []
        for name in "abc":
            waiting.append(asyncio.ensure_future(held(locks, "host/a", 5, log, name)))
            await asyncio.sleep(0.1)
        await asyncio.gather(*waiting)
        assert log == ["a in", "a out", "b in", "b out", "c in", "c out"]
        assert empty(locks)

    with loop:
        loop.run(play())


def test_targets_do_not_wait_for_one_another(loop: SimLoop) -> None:
    """A lock is of one target."""

    async def play() -> None:
        locks, log = LocalLocks(), list[str]()
        await asyncio.gather(held(locks, "host/a", 5, log, "a"), held(locks, "host/b", 5, log, "b"))
        assert sorted(log[:2]) == ["a in", "b in"]
        assert empty(locks)

    with loop:
        loop.run(play(), within=6 * SECOND)


def test_who_waits_too_long_gives_up_and_the_holder_notices_nothing(loop: SimLoop) -> None:
    """TimeoutError after the time that it said, and the lock still excludes."""

    async def play() -> None:
        locks, log = LocalLocks(), list[str]()
        holder = asyncio.ensure_future(held(locks, "host/a", 10, log, "a"))
        await asyncio.sleep(1)
        with pytest.raises(TimeoutError):
            await held(locks, "host/a", 0, log, "b", within=2)
        assert loop.now == 3 * SECOND
        assert not empty(locks)
        await held(locks, "host/a", 0, log, "c")
        await holder
        assert log == ["a in", "a out", "c in", "c out"]
        assert empty(locks)

    with loop:
        loop.run(play())


def test_what_is_slow_inside_is_not_timed_out(loop: SimLoop) -> None:
    """`within` is for getting the lock, not for holding it."""

    async def play() -> None:
        locks, log = LocalLocks(), list[str]()
        await held(locks, "host/a", 100, log, "a", within=1)
        assert log == ["a in", "a out"]

    with loop:
        loop.run(play())


@pytest.mark.parametrize("who", ["holder", "waiting"])
def test_cancellation_leaves_nothing_behind(loop: SimLoop, who: str) -> None:
    """Cancelled while holding or while waiting: the next one comes in, and then the lock is forgotten."""

    async def play() -> None:
        locks, log = LocalLocks(), list[str]()
        tasks = {"holder": asyncio.ensure_future(held(locks, "host/a", 10, log, "holder"))}
        await asyncio.sleep(1)
        tasks["waiting"] = asyncio.ensure_future(held(locks, "host/a", 10, log, "waiting"))
        await asyncio.sleep(1)
        cancelled = tasks.pop(who)
        cancelled.cancel()
        await asyncio.wait([cancelled, *tasks.values()])
        assert cancelled.cancelled()
        assert log[-1] == f"{next(iter(tasks))} out"
        await held(locks, "host/a", 0, log, "last", within=0.1)
        assert empty(locks)

    with loop:
        loop.run(play())


def test_cancelled_at_the_very_moment_it_would_have_been_its_turn(loop: SimLoop) -> None:
    """The lock that was just handed to it goes on to the next."""

    async def play() -> None:
        locks, log = LocalLocks(), list[str]()
        inside = locks.hold("host/a", 1)
        await inside.__aenter__()
        waiting = asyncio.ensure_future(held(locks, "host/a", 0, log, "b"))
        await asyncio.sleep(0.1)
        await inside.__aexit__(None, None, None)
        waiting.cancel()
        await asyncio.wait([waiting])
        await held(locks, "host/a", 0, log, "c", within=0.1)
        assert log[-1] == "c out"
        assert empty(locks)

    with loop:
        loop.run(play())


def test_what_raises_inside_lets_go(loop: SimLoop) -> None:
    """The exception comes through, and the lock is free."""

    async def play() -> None:
        locks = LocalLocks()
        with pytest.raises(RuntimeError, match="inside"):
            async with locks.hold("host/a", 1):
                raise RuntimeError("inside")
        assert empty(locks)

    with loop:
        loop.run(play())
