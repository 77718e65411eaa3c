"""Several targets at once, as one lock: those that contain one another are taken from the outermost inwards.

Everybody takes them in the same order (by how much lies above, then by name), so that nobody waits for somebody who waits
for them. Used by `healer.remediation.runner`.
"""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager

from healer.locks.bound import Both
from healer.locks.ports import Hold, LockService
from healer.seams import Clock
from healer.times import SECOND

Above = Callable[[str], Collection[str]]
"""All nodes above a node: a fault of theirs reaches it."""


def belonging(target: str, others: Collection[str], above: Above) -> tuple[str, ...]:
    """The target, with those of the others that contain it or are contained by it, the outermost first."""
    mine = set(above(target))
    found = {other for other in others if other in mine or target in above(other)} | {target}
    return tuple(sorted(found, key=lambda name: (len(set(above(name))), name)))


@asynccontextmanager
async def hold_all(locks: LockService, targets: Collection[str], within: float, clock: Clock) -> AsyncIterator[Hold]:
    """Hold the locks of all targets, taken in their order; `within` seconds for all of them together. Lost as soon as one is.

    Raises TimeoutError, and holds nothing then.
    """
    until = clock.monotonic() + round(within * SECOND)
    async with AsyncExitStack() as stack:
        holds = []
        for target in targets:
            left = max(0.0, (until - clock.monotonic()) / SECOND)
            try:
                holds.append(await stack.enter_async_context(locks.hold(target, left)))
            except TimeoutError as error:
                if str(error):
                    raise
                raise TimeoutError(f"somebody else holds the lock of {target}") from None
        yield Both(tuple(holds))
