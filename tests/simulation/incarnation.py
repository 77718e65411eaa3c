"""One life of the service inside a simulation, and what its death means, or a pause.

Everything that an incarnation starts inherits it through a context variable. `freeze()` is kill -9: nothing of it runs
again, not even `finally`, and whoever of it reaches for a port waits for ever. `pause()` is a machine that stands still: what
was due meanwhile runs when it goes on, and nothing in the process notices but by the clock.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


class Frozen(BaseException):
    """A frozen incarnation reached for a port outside a coroutine, or in its last clean-up. Nobody of it may catch it."""


class Incarnation:
    """A process of the service, from its start to its crash. Of the simulation's loop, on which it must be started."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frozen = False
        self.paused = False
        self.held: list[asyncio.Handle] = []
        """What would have run in a pause: the loop's to give back."""
        self.on_cancel: Callable[[], None] = lambda: None
        """Somebody ends it properly, at this instant: all its tasks are cancelled. A scenario says how."""
        self._awake: asyncio.Future[None] | None = None

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

    def pause(self, seconds: float) -> None:
        """From the next await on, nothing of it runs for so long; the world goes on."""
        if self.paused or self.frozen:
            return
        loop = asyncio.get_running_loop()
        self.paused = True
        self._awake = loop.create_future()
        loop.call_later(seconds, self._go_on, loop, context=Context())

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self.paused = False
        held, self.held = self.held, []
        loop._ready.extend(held)  # type: ignore[attr-defined] # they were ready, in this order, when it stood still
        if self._awake is not None:
            self._awake.set_result(None)

    async def cancelled(self) -> None:
        """Be ended properly, here and now: wait for the cancellation, or for the end of the process."""
        self.on_cancel()
        await asyncio.get_running_loop().create_future()

    async def die(self) -> NoReturn:
        """Crash here and now: for ports, which call this where the process is to end."""
        self.freeze()
        await self.alive_or_never()
        raise AssertionError("unreachable")

    async def alive_or_never(self) -> None:
        """Return at once while alive, never when frozen, later when paused. Every port asks before it acts and before it
        answers, since what acts for it in the world outside is not stopped by the loop."""
        while self.paused and self._awake is not None:
            await asyncio.shield(self._awake)
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
