"""An event loop in which a seed decides everything that asyncio leaves open, and time costs nothing.

Time moves only when nothing is left to do, straight to the next timer. Of the tasks that could run, the seed chooses the
order; the steps of one task, and plain callbacks among themselves, keep theirs, as asyncio promises. The world outside
(threads, sockets, processes, signals) is refused, so that the same seed makes the same run: `trace()` proves it.

Runs on the private parts of `asyncio.BaseEventLoop` that have been the same from Python 3.11 to 3.13.
"""

import asyncio
import functools
import hashlib
import heapq
import inspect
import math
import random
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, NamedTuple, NoReturn, Self, TypeVar, TypeVarTuple

from healer.times import SECOND, Micros, format_duration
from tests.simulation.incarnation import CURRENT, Frozen, Incarnation

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

CALLBACKS_WITHOUT_TIME = 200_000
"""So many callbacks at one instant are a loop that never waits."""


class OutsideTheSimulation(RuntimeError):
    """Something real was asked for: a thread, a socket, a process."""


class Deadlock(RuntimeError):
    """Nothing is ready, nothing is scheduled, and somebody still waits."""


class Livelock(RuntimeError):
    """Callbacks go on and on while time stands still."""


class Birth(NamedTuple):
    """When a task began, counted in tasks, in which context, and whose it is."""

    serial: int
    context: Context
    owner: Incarnation | None


class SimLoop(asyncio.BaseEventLoop):
    """A seeded loop with virtual time. Use it as a context manager: leaving it ends what still waits, without a word."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.set_debug(False)
        self.set_exception_handler(self._note_failure)
        self._failures: list[str] = []
        self.callbacks = 0
        self._now: Micros = 0
        self._since_time_moved = 0
        self._chance = random.Random(f"schedule {seed}")
        self._thread = threading.get_ident()
        self._trace = hashlib.blake2b(digest_size=8)
        self._serial = 0
        self._births: dict[asyncio.Task[Any], Birth] = {}

    def time(self) -> float:
        return self._now / SECOND

    @property
    def now(self) -> Micros:
        """Virtual microseconds since the loop was made."""
        return self._now

    def trace(self) -> str:
        """A hash of every callback that ran, with its name and time: equal for equal seeds, in any process."""
        return self._trace.hexdigest()

    def uncaught(self) -> list[str]:
        """What failed and nobody heard of: tasks that nobody awaited, and callbacks. The dead do not count."""
        for task, birth in self._births.items():
            if task.done() and task._log_traceback and not (birth.owner and birth.owner.frozen):
                self._failures.append(f"{task.get_name()} failed: {task.exception()!r}")
        return list(self._failures)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: Context | None = None,
        **more: Any,
    ) -> asyncio.Task[T]:
        self._serial += 1
        context = copy_context() if context is None else context
        task = super().create_task(coro, name=name or f"task {self._serial}", context=context, **more)
        if self._serial % 1_000 == 0:
            self._births = {each: birth for each, birth in self._births.items() if not each.done()}
        self._births[task] = Birth(self._serial, context, context.get(CURRENT))
        return task

    def run(self, work: Coroutine[Any, Any, T], *, within: Micros | None = None) -> T:
        """Run to the end of `work`. Raises TimeoutError after `within` virtual microseconds."""

        async def bounded() -> T:
            async with asyncio.timeout(within / SECOND if within is not None else None):
                return await work

        return self.run_until_complete(bounded())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the simulation. What still waits is thrown away; should its clean-up reach for a port, that is dead."""
        if self.is_closed():
            return
        super().close()
        for birth in self._births.values():
            if birth.owner is not None:
                birth.owner.frozen = True
        for task, birth in self._births.items():
            birth.context.run(_throw_away, task)
        self._births.clear()

    def _run_once(self) -> None:
        self._forget_the_dead()
        if not self._ready and not self._stopping:
            self._pass_time()
        while self._scheduled and _due(self._scheduled[0]) <= self._now:
            self._ready.append(self._pop_timer())
        batch = self._shuffled(list(self._ready))
        self._ready.clear()
        for handle in batch:
            if handle.cancelled() or _is_dead(handle) or _is_held(handle):
                continue
            self._count(handle)
            handle._run()

    def _forget_the_dead(self) -> None:
        while self._scheduled and (self._scheduled[0].cancelled() or _is_dead(self._scheduled[0])):
            self._pop_timer()
        if any(_is_dead(handle) for handle in self._ready):
            self._ready = deque(handle for handle in self._ready if not _is_dead(handle))

    def _pass_time(self) -> None:
        if not self._scheduled:
            alive = [each for each, birth in self._births.items() if not (birth.owner and birth.owner.frozen)]
            waiting = ", ".join(sorted(each.get_name() for each in alive if not each.done()))
            raise Deadlock(f"nothing can ever happen any more; waiting: {waiting or 'nobody'}")
        due = _due(self._scheduled[0])
        if due > self._now:
            self._now = due
            self._since_time_moved = 0

    def _pop_timer(self) -> asyncio.TimerHandle:
        handle = heapq.heappop(self._scheduled)
        handle._scheduled = False  # type: ignore[attr-defined] # what BaseEventLoop does on the way out
        return handle

    def _shuffled(self, handles: list[asyncio.Handle]) -> list[asyncio.Handle]:
        """Any interleaving of the tasks' steps that asyncio allows, chosen by the seed.

        Owners are put in the order of their birth first, so that code which wakes tasks by iterating over a set (whose
        order is that of addresses in memory) gives the same run as well.
        """
        if len(handles) < 2:
            return handles
        queues: dict[int, deque[asyncio.Handle]] = {}
        for handle in handles:
            task = _task_of(handle)
            owner = self._births[task].serial if task in self._births else 0
            queues.setdefault(owner, deque()).append(handle)
        turns = [owner for owner in sorted(queues) for _ in queues[owner]]
        self._chance.shuffle(turns)
        return [queues[owner].popleft() for owner in turns]

    def _count(self, handle: asyncio.Handle) -> None:
        self.callbacks += 1
        self._since_time_moved += 1
        name = _name(handle)
        self._trace.update(f"{self._now} {name}\n".encode())
        if self._since_time_moved > CALLBACKS_WITHOUT_TIME:
            at = format_duration(self._now)
            raise Livelock(f"{CALLBACKS_WITHOUT_TIME} callbacks at {at} without any wait, now {name}")

    def _note_failure(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Keep what nobody caught. asyncio calls this in the context of whoever failed."""
        owner = CURRENT.get()
        error = context.get("exception")
        if not isinstance(error, Frozen) and not (owner and owner.frozen):
            self._failures.append(f"{context['message']}: {error!r}")

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if threading.get_ident() != self._thread:
            raise OutsideTheSimulation("another thread called into the simulation")
        return self.call_soon(callback, *args, context=context)

    def _process_events(self, event_list: object) -> None:
        raise AssertionError("there is no selector whose events could be processed")

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector, so there is nobody to wake."""


def _is_dead(handle: asyncio.Handle) -> bool:
    owner: Incarnation | None = handle._context.get(CURRENT)  # type: ignore[attr-defined] # get_context() came with 3.12
    return owner is not None and owner.frozen


def _is_held(handle: asyncio.Handle) -> bool:
    """Whether its owner stands still; then it is kept for when it goes on."""
    owner: Incarnation | None = handle._context.get(CURRENT)  # type: ignore[attr-defined] # as above
    if owner is None or not owner.paused:
        return False
    owner.held.append(handle)
    return True


def _due(handle: asyncio.TimerHandle) -> Micros:
    """When a timer is due: the next whole microsecond, forgiving what floats lose."""
    return math.ceil(handle.when() * SECOND - 1e-3)


def _task_of(handle: asyncio.Handle) -> asyncio.Task[Any] | None:
    owner = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined] # as asyncio's own format_handle does
    return owner if isinstance(owner, asyncio.Task) else None


def _name(handle: asyncio.Handle) -> str:
    task = _task_of(handle)
    if task is not None:
        return task.get_name()
    callback = handle._callback  # type: ignore[attr-defined]
    while isinstance(callback, functools.partial):
        callback = callback.func
    return getattr(callback, "__qualname__", type(callback).__qualname__)


def _throw_away(task: asyncio.Task[Any]) -> None:
    """Close a task that will never run again, silently. Its ports are dead by now, so its clean-up changes nothing."""
    if task.done():
        task._log_traceback = False  # uncaught() is the way to ask
        return
    task._log_destroy_pending = False  # type: ignore[attr-defined] # that it is pending is no news
    coro = task.get_coro()
    for _ in range(10):  # each `await` in a clean-up refuses to be closed once
        try:
            if coro is not None:
                _close(coro)
        except BaseException:  # noqa: BLE001 - whatever the clean-up of a dead task says, nobody is there to hear it
            continue
        return


def _close(coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any]) -> None:
    """Close it, and what it holds when it never began: that others which never began either are dropped is no news."""
    if inspect.iscoroutine(coro) and inspect.getcoroutinestate(coro) == inspect.CORO_CREATED:
        for held in inspect.getcoroutinelocals(coro).values():
            if inspect.iscoroutine(held):
                _close(held)
    coro.close()


_OUTSIDE = """
run_in_executor set_default_executor getaddrinfo getnameinfo create_connection create_server create_unix_connection
create_unix_server create_datagram_endpoint connect_accepted_socket connect_read_pipe connect_write_pipe start_tls sendfile
sock_accept sock_connect sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall sock_sendto sock_sendfile
subprocess_exec subprocess_shell add_reader remove_reader add_writer remove_writer add_signal_handler remove_signal_handler
"""


def _refuse(name: str) -> Callable[..., NoReturn]:
    def refused(*_: Any, **__: Any) -> NoReturn:
        raise OutsideTheSimulation(f"loop.{name} reaches out of the simulation: give the code a port (healer.seams)")

    return refused


for _each in _OUTSIDE.split():
    setattr(SimLoop, _each, _refuse(_each))
