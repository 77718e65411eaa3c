"""Targets that contain one another are locked as one set, outermost first, in the same order by everybody."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from healer.locks.local import LocalLocks
from healer.locks.ports import Hold
from healer.locks.together import belonging, hold_all
from healer.seams import SystemClock

RACKS = {
    "rack/r1": (),
    "host/a": ("rack/r1",),
    "host/b": ("rack/r1",),
    "pod/x": ("host/a", "rack/r1"),
    "pod/w": ("host/a", "rack/r1"),
}


def above(node: str) -> Collection[str]:
    return RACKS.get(node, ())


@pytest.mark.parametrize(
    ("target", "others", "locked"),
    [
        ("host/a", (), ("host/a",)),
        ("host/a", ("host/a", "host/b"), ("host/a",)),
        ("pod/x", ("rack/r1", "host/a", "host/b"), ("rack/r1", "host/a", "pod/x")),
        ("rack/r1", ("pod/x", "pod/w", "host/b"), ("rack/r1", "host/b", "pod/w", "pod/x")),
        ("host/a", ("elsewhere", "pod/x"), ("host/a", "pod/x")),
        ("unknown", ("host/a",), ("unknown",)),
    ],
)
def test_what_is_locked_with_a_target(target: str, others: tuple[str, ...], locked: tuple[str, ...]) -> None:
    """What contains it and what it contains; siblings and strangers are left to others."""
    assert belonging(target, others, above) == locked


class Losing:
    """A hold that may be lost."""

    def __init__(self) -> None:
        self.lost = False
        self._told: list[Callable[[], None]] = []

    @contextmanager
    def telling(self, then: Callable[[], None]) -> Iterator[None]:
        """As `Hold.telling`."""
        self._told.append(then)
        yield
        self._told.remove(then)

    def lose(self) -> None:
        """Whoever wants to be told is told."""
        self.lost = True
        for then in self._told:
            then()


class Locks:
    """Locks that note the order in which they are taken, and are lost when a test says so."""

    def __init__(self) -> None:
        self.holds: dict[str, Losing] = {}
        self.log: list[str] = []
        self.taken = ""

    @asynccontextmanager
    async def hold(self, target: str, within: float) -> AsyncIterator[Hold]:
        if target == self.taken:
            raise TimeoutError
        self.log.append(f"+{target}")
        self.holds[target] = Losing()
        try:
            yield self.holds[target]
        finally:
            self.log.append(f"-{target}")


async def test_a_set_is_one_lock() -> None:
    """Taken in order, let go of in the other; lost, and told of, as soon as one of them is."""
    locks = Locks()
    told = []
    async with hold_all(locks, ("rack/r1", "host/a"), 1, SystemClock()) as hold:
        before = hold.lost
        with hold.telling(lambda: told.append("lost")):
            locks.holds["rack/r1"].lose()
        locks.holds["host/a"].lose()
        assert (before, hold.lost, told) == (False, True, ["lost"])
    assert locks.log == ["+rack/r1", "+host/a", "-host/a", "-rack/r1"]


async def test_a_set_that_cannot_be_had_is_let_go_of() -> None:
    """Nothing of it stays locked, and it says what was missing."""
    locks = Locks()
    locks.taken = "host/a"
    with pytest.raises(TimeoutError, match="somebody else holds the lock of host/a"):
        async with hold_all(locks, ("rack/r1", "host/a"), 1, SystemClock()):
            pytest.fail("half a set")
    assert locks.log == ["+rack/r1", "-rack/r1"]


async def test_two_sets_never_wait_for_one_another() -> None:
    """Whoever asks for overlapping sets, from whichever end, gets them in turn."""
    locks, done = LocalLocks(), 0

    async def work(target: str, others: tuple[str, ...]) -> None:
        nonlocal done
        async with hold_all(locks, belonging(target, others, above), 5, SystemClock()):
            await asyncio.sleep(0)
            done += 1

    some = tuple(RACKS)
    await asyncio.gather(*(work(target, some) for target in some for _ in range(10)))
    assert done == 10 * len(some)
