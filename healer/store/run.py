"""Where the store's functions run: `Run`, and the real one, which has the service's only threads.

Used by `healer.store.store`; made by `healer.store.opening`. The simulation's is `healer.store.inline`.
"""

import asyncio
import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, TypeVarTuple

from sqlalchemy import Connection

from healer.journey.ports import StoreUnavailable
from healer.journey.records import Entry
from healer.seams import Clock
from healer.store.joint import Joint
from healer.store.session import Database, Session
from healer.store.transaction import Transaction
from healer.store.writer import Write, Writer

T = TypeVar("T")
Args = TypeVarTuple("Args")
Heard = Callable[[Sequence[Entry]], None]
"""Called on the event loop with every record that became durable, in the order of positions and without gaps."""

log = logging.getLogger(__name__)

SWITCH_SECONDS = 0.0002
"""How long the event loop may keep the interpreter from the writer. With Python's 5 ms a busy loop starves it: a short pause
of the loop (a select) starts the 5 ms anew, and an append was seen to wait for 3 s; with this, for 30 ms."""

GROUP = 256
"""Writes that share one commit, at most: a caller waits for no more than that many others."""
GATHER_S = 0.004
"""Seconds that a write waits for company under load. It saves a seventh of all CPU for each alert in requests of a hundred, a
quarter in smaller ones (docs/performance.md)."""


class Run(Protocol):
    """Runs functions on the database. Both may raise StoreUnavailable, and whatever the function raises."""

    async def write(self, name: str, work: Callable[[Transaction, *Args], T], *args: *Args) -> T:
        """Run `work` in a transaction; returns once it is durable. `name` is for messages, and for who injects faults."""
        ...

    async def read(self, name: str, work: Callable[[Connection, *Args], T], *args: *Args) -> T:
        """Run `work` on a consistent view of what is committed."""
        ...

    def listen(self, heard: Heard) -> None:
        """Who hears of journal records from now on."""
        ...

    async def close(self) -> None:
        """Finish what waits, then close."""
        ...


class _Waiting(Write):
    __slots__ = ("future",)

    def __init__(
        self, name: str, work: Callable[..., Any], args: tuple[Any, ...], future: "asyncio.Future[Any]"
    ) -> None:
        super().__init__(name, work, args)
        self.future = future


class _Reading:
    """Reads that are executed together: one, or all of a joint kind that came before they began."""

    __slots__ = ("args", "futures", "name", "work")

    def __init__(self, name: str, work: Callable[..., Any]) -> None:
        self.name = name
        self.work = work
        self.args: list[tuple[Any, ...]] = []
        self.futures: list[asyncio.Future[Any]] = []

    def execute(self, connection: Connection) -> Sequence[Any]:
        """A result for each."""
        if isinstance(self.work, Joint):
            found: Sequence[Any] = self.work.many(connection, self.args)
            return found
        return [self.work(connection, *args) for args in self.args]


class ThreadRun:
    """One thread that writes, all that waits in one commit; `readers` threads that read, with a session each.

    At most `waiting_limit` writes, and as many reads, may wait; above that StoreUnavailable comes at once. Nobody waits
    for longer than `patience_s`, where there is one: then what was asked for may happen all the same.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        waiting_limit: int = 1024,
        readers: int = 2,
        patience_s: float | None = None,
    ) -> None:
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))
        self.writes_waiting = 0
        self.reads_waiting = 0
        self._limit = waiting_limit
        self._patience_s = patience_s
        self._heard: Heard | None = None
        self._closing = False
        self._company = False
        self._writes: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._reads: queue.SimpleQueue[_Reading | None] = queue.SimpleQueue()
        self._joint: dict[Joint[Any, *tuple[Any, ...], Any], _Reading] = {}
        """What waits to be read together, until a reader begins with it."""
        self._joining = threading.Lock()
        self._session = database.writer()
        self._writer = Writer(self._session, clock)
        reading = [database.reader() for _ in range(readers)]
        self._write_thread = threading.Thread(target=self._keep_writing, name="store-writer", daemon=True)
        self._read_threads = [
            threading.Thread(target=self._keep_reading, args=(session,), name=f"store-reader-{number}", daemon=True)
            for number, session in enumerate(reading)
        ]
        for thread in (self._write_thread, *self._read_threads):
            thread.start()

    async def write(self, name: str, work: Callable[[Transaction, *Args], T], *args: *Args) -> T:
        self._admit(name, self.writes_waiting)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.writes_waiting += 1
        self._writes.put(_Waiting(name, work, args, future))
        return await self._answer(name, future)

    async def read(self, name: str, work: Callable[[Connection, *Args], T], *args: *Args) -> T:
        self._admit(name, self.reads_waiting)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.reads_waiting += 1
        reading = _Reading(name, work)
        with self._joining:
            joined = self._joint.setdefault(work, reading) if isinstance(work, Joint) else reading
            joined.args.append(args)
            joined.futures.append(future)
        if joined is reading:
            self._reads.put(reading)
        return await self._answer(name, future)

    def listen(self, heard: Heard) -> None:
        self._heard = heard

    async def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        # The writer goes last: the last connection to close moves the log into the database, and a reader cannot.
        for _ in self._read_threads:
            self._reads.put(None)
        loop = asyncio.get_running_loop()
        for thread in self._read_threads:
            await loop.run_in_executor(None, thread.join)
        self._writes.put(None)
        await loop.run_in_executor(None, self._write_thread.join)

    def _admit(self, name: str, waiting: int) -> None:
        if self._closing:
            raise StoreUnavailable(f"{name}: the store is closed")
        if waiting >= self._limit:
            raise StoreUnavailable(f"{name}: {waiting} others wait for the disk already")

    async def _answer(self, name: str, future: "asyncio.Future[T]") -> T:
        if self._patience_s is None:
            return await future
        try:
            async with asyncio.timeout(self._patience_s):
                return await future
        except TimeoutError:
            if not future.cancelled():
                raise
            raise StoreUnavailable(f"{name}: no answer within {self._patience_s:g} s", ambiguous=True) from None

    def _keep_writing(self) -> None:
        more = True
        while more:
            group, more = self._next_group()
            if not group:
                continue
            try:
                entries = self._writer.execute(group)
            except Exception as error:  # the thread is supervised here: everyone who waits hears of it
                log.exception("the store's writer failed")
                entries = []
                for write in group:
                    write.failure = StoreUnavailable(f"{write.name}: {error!r}", ambiguous=True)
            _on_loop(group[0].future, self._written, group, entries)
        self._session.close()

    def _next_group(self) -> tuple[list[_Waiting], bool]:
        """Wait for a write, then take all that wait. False when nothing comes after them: the store is closing.

        Where the last writes came together, the next waits a moment for company: fewer commits cost less CPU for each, and an
        answer comes at most `GATHER_S` later. A write that is alone is written at once.
        """
        group: list[_Waiting] = []
        write = self._writes.get()
        if self._company:
            time.sleep(GATHER_S)
        try:
            while write is not None:
                group.append(write)
                if len(group) == GROUP:
                    return group, True
                write = self._writes.get_nowait()
        except queue.Empty:
            return group, True
        finally:
            self._company = len(group) > 1
        return group, False

    def _written(self, group: Sequence[_Waiting], entries: Sequence[Entry]) -> None:
        self.writes_waiting -= len(group)
        try:
            if entries and self._heard:
                self._heard(entries)
        finally:
            for write in group:
                _resolve(write.future, write.result, write.failure)

    def _keep_reading(self, session: Session) -> None:
        while (reading := self._reads.get()) is not None:
            ends: Sequence[tuple[object, Exception | None]]
            with self._joining:
                if isinstance(reading.work, Joint):
                    del self._joint[reading.work]
            try:
                session.view()
                ends = [(result, None) for result in reading.execute(session.connection)]
            except Exception as error:  # noqa: BLE001 - a read's failure is its callers', and not the reader's end
                ends = [(None, session.failed(error, reading.name)) for _ in reading.futures]
            finally:
                session.roll_back()
            _on_loop(reading.futures[0], self._was_read, reading, ends)
        session.close()

    def _was_read(self, reading: _Reading, ends: Sequence[tuple[object, Exception | None]]) -> None:
        self.reads_waiting -= len(reading.futures)
        for future, (result, failure) in zip(reading.futures, ends, strict=True):
            _resolve(future, result, failure)


def _on_loop(future: "asyncio.Future[Any]", call: Callable[..., None], *args: object) -> None:
    try:
        future.get_loop().call_soon_threadsafe(call, *args)
    except RuntimeError:
        # The loop is closed: nobody is left who could be told.
        log.warning("the event loop ended before its store was closed")


def _resolve(future: "asyncio.Future[Any]", result: object, failure: Exception | None) -> None:
    if future.done():  # cancelled: whoever asked went away
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)
