"""An event loop in which waiting costs nothing: time moves only when nothing is left to do, straight to the next timer.

For rehearsals of rules, which run the service's own runner for hours of its time in milliseconds of ours. Nothing outside
(threads, sockets) exists in it. The simulation's loop in `tests` is another one: there a seed chooses every interleaving.

Runs on the private parts of `asyncio.BaseEventLoop` that have been the same from Python 3.11 to 3.13.
"""

import asyncio
import heapq
import math
from collections import deque

from healer.times import SECOND, Micros


class NothingLeft(RuntimeError):
    """Nothing is ready, nothing is scheduled, and somebody still waits."""


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop on virtual time."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool

    def __init__(self) -> None:
        super().__init__()
        self.now: Micros = 0
        """Virtual microseconds since the loop was made."""

    def time(self) -> float:
        return self.now / SECOND

    def _run_once(self) -> None:
        while self._scheduled and self._scheduled[0].cancelled():
            self._pop()
        if not self._ready and not self._stopping:
            if not self._scheduled:
                raise NothingLeft("nothing can ever happen any more")
            self.now = max(self.now, _due(self._scheduled[0]))
        while self._scheduled and _due(self._scheduled[0]) <= self.now:
            self._ready.append(self._pop())
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle.cancelled():
                handle._run()  # noqa: SLF001 - what BaseEventLoop does itself

    def _pop(self) -> asyncio.TimerHandle:
        handle = heapq.heappop(self._scheduled)
        handle._scheduled = False  # type: ignore[attr-defined]  # noqa: SLF001 - what BaseEventLoop does on the way out
        return handle

    def _process_events(self, event_list: object) -> None:
        """There is no selector whose events could be processed."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector, so there is nobody to wake."""


class VirtualClock:
    """`Clock` on a loop's virtual time, which begins at `start` by the wall clock."""

    def __init__(self, loop: VirtualLoop, start: Micros) -> None:
        self._loop = loop
        self._start = start

    def now(self) -> Micros:
        return self._start + self._loop.now

    def monotonic(self) -> Micros:
        return self._loop.now


def _due(handle: asyncio.TimerHandle) -> Micros:
    """When a timer is due: the next whole microsecond, forgiving what floats lose."""
    return math.ceil(handle.when() * SECOND - 1e-3)
