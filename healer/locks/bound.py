"""Two lock services for one lock: both have to hold. For a lease in etcd beside a lock in Redis."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

from healer.locks.ports import Hold, LockService
from healer.seams import Clock
from healer.times import SECOND


class BoundLocks:
    """`LockService` over two, taken in this order everywhere."""

    def __init__(self, first: LockService, second: LockService, clock: Clock) -> None:
        self._first = first
        self._second = second
        self._clock = clock

    @asynccontextmanager
    async def hold(self, target: str, within: float) -> AsyncIterator[Hold]:
        began = self._clock.monotonic()
        async with self._first.hold(target, within) as one:
            left = max(0.0, within - (self._clock.monotonic() - began) / SECOND)
            async with self._second.hold(target, left) as other:
                yield Both((one, other))


class Both:
    """Several holds as one: lost as soon as any is."""

    def __init__(self, holds: tuple[Hold, ...]) -> None:
        self._holds = holds

    @property
    def lost(self) -> bool:
        return any(hold.lost for hold in self._holds)

    @contextmanager
    def telling(self, then: Callable[[], None]) -> Iterator[None]:
        """As `Hold.telling`; `then` may be called for each of them."""
        with ExitStack() as stack:
            for hold in self._holds:
                stack.enter_context(hold.telling(then))
            yield
