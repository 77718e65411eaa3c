"""What every lock service has to do."""

import asyncio

import pytest

from healer.locks.ports import LockService


async def test_one_holder_at_a_time(locks: LockService) -> None:
    """Twenty want the same target; never two have it, and all of them get it in the end."""
    inside = most = done = 0

    async def work() -> None:
        nonlocal inside, most, done
        async with locks.hold("host/web-1", within=20) as hold:
            inside += 1
            most = max(most, inside)
            assert not hold.lost
            await asyncio.sleep(0.002)
            inside -= 1
            done += 1

    await asyncio.gather(*(work() for _ in range(20)))
    assert (most, done) == (1, 20)


async def test_targets_do_not_wait_for_one_another(locks: LockService) -> None:
    """A lock is about one target."""
    async with locks.hold("host/web-1", within=1), locks.hold("host/web-2", within=1) as other:
        assert not other.lost


async def test_who_waits_too_long_is_told(locks: LockService) -> None:
    """A lock that is held by somebody else raises in time, and leaves the holder alone."""
    async with locks.hold("host/web-1", within=1) as hold:
        with pytest.raises(TimeoutError):
            async with locks.hold("host/web-1", within=0.3):
                pytest.fail("two holders")
        assert not hold.lost


async def test_a_lock_is_free_after_use_whatever_happened_in_it(locks: LockService) -> None:
    """An error or a cancellation inside lets go of it at once."""
    with pytest.raises(KeyError):
        async with locks.hold("host/web-1", within=1):
            raise KeyError("in the middle")

    async def stuck() -> None:
        async with locks.hold("host/web-1", within=1):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(stuck())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with locks.hold("host/web-1", within=1) as hold:
        assert not hold.lost


async def test_who_gave_up_waiting_holds_nothing(locks: LockService) -> None:
    """A waiter that is cancelled leaves no trace: the next one gets the lock at once."""
    async with locks.hold("host/web-1", within=1):
        waiter = asyncio.ensure_future(locks.hold("host/web-1", within=10).__aenter__())
        await asyncio.sleep(0.1)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
    async with locks.hold("host/web-1", within=1) as hold:
        assert not hold.lost
