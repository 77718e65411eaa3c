"""The store's functions executed on the spot, on a real SQLite in memory: for the simulation and for unit tests.

Deterministic: no thread, and no await inside a transaction.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar, TypeVarTuple

from sqlalchemy import Connection

from healer.seams import Clock
from healer.store.connections import close, connect_memory
from healer.store.migrations import prepare
from healer.store.run import Heard
from healer.store.sqlite import SqliteSession
from healer.store.transaction import Transaction
from healer.store.writer import Write, Writer

T = TypeVar("T")
Args = TypeVarTuple("Args")


class Hook(Protocol):
    """Called around every transaction with the name of the store's method, so that a simulation can be its fate.

    Either may wait (a slow disk, or for ever: a crash) or raise StoreUnavailable. After `before` raised nothing has
    happened; when `after` raises, what was written is durable and its answer is lost (`ambiguous=True` is for it to say).
    """

    async def before(self, name: str) -> None: ...

    async def after(self, name: str) -> None: ...


class Memory:
    """A database that outlives the runs on it, as a disk outlives processes. Fresh ones get `installation` as their id."""

    def __init__(self, installation: str = "in memory") -> None:
        self.connection = connect_memory()
        self.installation = prepare(SqliteSession(self.connection), installation)

    def close(self) -> None:
        close(self.connection)


class InlineRun:
    """One process's life on a `Memory`, which is `shared` where several live at once."""

    def __init__(self, memory: Memory, clock: Clock, hook: Hook | None = None, *, shared: bool = False) -> None:
        self._session = SqliteSession(memory.connection)
        self._session.shared = shared
        self._writer = Writer(self._session, clock)
        self._hook = hook
        self._heard: Heard | None = None

    async def write(self, name: str, work: Callable[[Transaction, *Args], T], *args: *Args) -> T:
        if self._hook:
            await self._hook.before(name)
        write = Write(name, work, args)
        entries = self._writer.execute([write])
        if entries and self._heard:
            self._heard(entries)
        if write.failure is not None:
            raise write.failure
        if self._hook:
            await self._hook.after(name)
        result: T = write.result
        return result

    async def read(self, name: str, work: Callable[[Connection, *Args], T], *args: *Args) -> T:
        if self._hook:
            await self._hook.before(name)
        session = self._session
        session.view()
        try:
            result = work(session.connection, *args)
        except Exception as error:
            raise session.failed(error, name) from error
        finally:
            session.roll_back()
        if self._hook:
            await self._hook.after(name)
        return result

    def listen(self, heard: Heard) -> None:
        self._heard = heard

    async def close(self) -> None:
        """The database stays: it is the `Memory`'s."""
