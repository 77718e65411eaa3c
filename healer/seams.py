"""Time, chance and tasks: the only doors to them, so that a simulation can hold all three in its hand.

`Clock`, `Random` and `Spawn` are Protocols; the real ones stand beside them and the simulation brings its own. Everything
else that touches the outside (store, locks, targets, senders, queries, sources) is a Protocol in the room that needs it.
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol

from healer.times import Micros

log = logging.getLogger(__name__)


class Clock(Protocol):
    """What time it is. Waiting is `asyncio.sleep`: the loop's own time, which the simulation makes virtual."""

    def now(self) -> Micros:
        """The wall clock: microseconds since the Unix epoch, UTC. It may step."""
        ...

    def monotonic(self) -> Micros:
        """Microseconds since some start; never goes back. For time-outs and leases inside this process."""
        ...


class Random(Protocol):
    """Chance, where chance is wanted: jitter and tokens. Nothing that decides may use it."""

    def uniform(self, low: float, high: float) -> float: ...

    def token(self, size: int = 16) -> str:
        """`size` unguessable bytes, in hexadecimal."""
        ...


class Spawn(Protocol):
    """Starts named, supervised tasks and ends them in bounded time."""

    @property
    def failures(self) -> Mapping[str, int]:
        """By name, how often a task raised."""
        ...

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` once as a task. Whatever it raises is logged under its name and told to the supervisor."""
        ...

    def keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Run `work()` for as long as the service runs; when it ends or raises, start it again after a pause."""
        ...

    async def stop(self, within: float) -> list[str]:
        """Cancel what runs and wait at most `within` seconds. Returns the names of what would not end."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Micros:
        return time.time_ns() // 1_000

    def monotonic(self) -> Micros:
        return time.monotonic_ns() // 1_000


class SystemRandom:
    """The operating system's chance."""

    def uniform(self, low: float, high: float) -> float:
        return random.uniform(low, high)  # noqa: S311 - jitter needs no secrecy

    def token(self, size: int = 16) -> str:
        return secrets.token_hex(size)


class Supervisor:
    """`Spawn` on the running event loop.

    A task that must go on (`keep`) is restarted after `pause` seconds, doubled up to a minute while it keeps failing;
    `failures` counts what went wrong by name, for /metrics and `healer doctor`.
    """

    def __init__(self, pause: float = 0.5) -> None:
        self.failures: dict[str, int] = {}
        self._pause = pause
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        try:
            task = self._track(name, self._guard(name, work))
        except BaseException:
            work.close()
            raise
        # A task that is cancelled before its first step never begins its work, which would complain of that.
        task.add_done_callback(lambda _: work.close())
        return task

    def keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        return self._track(name, self._again(name, work))

    async def stop(self, within: float) -> list[str]:
        here = asyncio.current_task()
        running = [task for task in self._tasks if task is not here]
        for task in running:
            task.cancel()
        if not running:
            return []
        _, stuck = await asyncio.wait(running, timeout=within)
        return sorted(task.get_name() for task in stuck)

    def _track(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        try:
            task = asyncio.get_running_loop().create_task(work, name=name)
        except BaseException:
            work.close()  # a loop that is ending takes no tasks
            raise
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guard(self, name: str, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception:
            self.failures[name] = self.failures.get(name, 0) + 1
            log.exception("task %s failed", name)

    async def _again(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        pause = self._pause
        while True:
            before = self.failures.get(name, 0)
            await self._guard(name, work())
            pause = min(pause * 2, 60.0) if self.failures.get(name, 0) > before else self._pause
            await asyncio.sleep(pause)
