"""One life of the service inside a simulation, and what its death means.

Everything that an incarnation starts inherits it through a context variable. `freeze()` is kill -9: nothing of it runs
again, not even `finally`, and whoever of it reaches for a port waits for ever.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


class Frozen(BaseException):
    """A frozen incarnation reached for a port outside a coroutine, or in its last clean-up. Nobody of it may catch it."""


class Incarnation:
    """A process of the service, from its start to its crash. Of the simulation's loop, on which it must be started."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frozen = False

    def start(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Run `work` as a task of this incarnation, on the running loop."""
        return self.start_on(asyncio.get_running_loop(), work, name=name)

    def start_on(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        context = copy_context()
        context.run(CURRENT.set, self)
        return loop.create_task(work, name=f"{self.name}/{name}", context=context)

    def freeze(self) -> None:
        """Crash: from the next await on, nothing of this incarnation runs."""
        self.frozen = True

    async def die(self) -> NoReturn:
        """Crash here and now: for ports, which call this where the process is to end."""
        self.freeze()
        await self.alive_or_never()
        raise AssertionError("unreachable")

    async def alive_or_never(self) -> None:
        """Return at once while alive, never when frozen. Every port asks before it acts and before it answers."""
        if self.frozen:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:  # the simulation is over, and a clean-up runs
                raise Frozen(self.name) from None
            await loop.create_future()

    def alive_or_raise(self) -> None:
        """The same for ports that do not await. Raises Frozen."""
        if self.frozen:
            raise Frozen(self.name)


CURRENT: ContextVar[Incarnation | None] = ContextVar("CURRENT", default=None)
"""Whose code is running: None is the world outside (the scenario, stand-ins, the network)."""
