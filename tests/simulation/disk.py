"""The store's fate: what a seed makes of each transaction.

A lost call did nothing and says so (StoreUnavailable); a lost answer did it, and the caller cannot know (ambiguous); a delay
comes before the work or after it, so that what was read is old when it is seen; a crash freezes the incarnation on either
side of the commit. What SQLite cannot show, a server can: a transaction that was executed and is `undone` because of another,
and one that nobody waits for any more, and that is committed `late` all the same.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import NoReturn, TypeVar, TypeVarTuple

from sqlalchemy import Connection

from healer.journey.ports import Overtaken, StoreUnavailable
from healer.seams import Clock
from healer.store.inline import InlineRun, Memory
from healer.store.transaction import Transaction
from healer.times import SECOND
from tests.simulation.faults import STORE, Faults, land
from tests.simulation.incarnation import Incarnation

POLLS = frozenset({"under_way", "unsettled", "next_due", "rows", "claim"})
"""What is read all the time: hurt ten times less often, so that faults fall on what matters."""
LONGEST_S = {"append": 0.5}
"""Seconds that a commit may land after its answer was given up, at most; else 8. A sender who was refused comes again, and must
not have said otherwise by then: that an alert fires and that it ended carry the same start, so their order is all there is."""

T = TypeVar("T")
Args = TypeVarTuple("Args")


class Disk(InlineRun):
    """A `Run` for one incarnation. Others may write beside it: `alone` says whether nobody does.

    `committed(name)` is called after every transaction that was committed, before anybody is answered.
    """

    def __init__(
        self,
        memory: Memory,
        clock: Clock,
        faults: Faults,
        life: Incarnation,
        *,
        alone: bool = True,
        committed: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(memory, clock)
        self._faults = faults
        self._life = life
        self._alone = alone
        self._landed = faults.landed
        self._then = committed

    async def write(self, name: str, work: Callable[[Transaction, *Args], T], *args: *Args) -> T:
        faults = self._faults
        if name == "write_intent" and faults.befalls("store.write_intent", "pause", faults.odds.hesitates):
            self._life.pause(faults.pause() / SECOND)
        kind = await faults.before(self._life, f"store.{name}", rarely=name in POLLS, also=STORE)
        early = kind == "delay" and self._faults.toss()
        if kind == "lost call":
            raise StoreUnavailable(f"{name}: not taken by {self._faults.secrets.of_store()}")
        if kind == "undone":
            await self._write(name, _undone(work), *args)
        if kind == "late":
            delay = min(self._faults.delay() / SECOND, LONGEST_S.get(name, 8.0))
            landing = asyncio.ensure_future(land(self._land(delay, name, work, *args), f"late {name}"))
            landing.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise StoreUnavailable(f"{name}: no answer yet", ambiguous=True)
        if early:
            await asyncio.sleep(self._faults.delay() / SECOND)
            await self._life.alive_or_never()
        result = await self._write(name, work, *args)
        if kind == "lost answer":
            raise StoreUnavailable(f"{name}: no answer", ambiguous=True)
        if kind == "delay" and not early:
            await asyncio.sleep(self._faults.delay() / SECOND)
        await self._faults.after(self._life, kind)
        return result

    async def read(self, name: str, work: Callable[[Connection, *Args], T], *args: *Args) -> T:
        kind = await self._faults.before(self._life, f"store.{name}", rarely=name in POLLS)
        early = kind == "delay" and self._faults.toss()
        unread = name == "switches" and self._faults.befalls("store.switches", "lost call", self._faults.odds.unread)
        if kind == "lost call" or unread:
            raise StoreUnavailable(f"{name}: no answer of {self._faults.secrets.of_store()}")
        if early:
            await asyncio.sleep(self._faults.delay() / SECOND)
            await self._life.alive_or_never()
        result = await super().read(name, work, *args)
        if kind == "lost answer":
            raise StoreUnavailable(f"{name}: no answer", ambiguous=True)
        if kind == "delay" and not early:
            await asyncio.sleep(self._faults.delay() / SECOND)
        await self._faults.after(self._life, kind)
        return result

    async def _write(self, name: str, work: Callable[[Transaction, *Args], T], *args: *Args) -> T:
        """Nothing else runs between the transaction and whoever looks at what it did."""
        if not self._alone or self._landed != self._faults.landed:
            self._writer._head_known = False  # somebody else wrote
        self._landed = self._faults.landed
        result = await super().write(name, work, *args)
        self._then(name)
        return result

    async def _land(self, delay: float, name: str, work: Callable[[Transaction, *Args], T], *args: *Args) -> None:
        """It was on its way when its caller gave up. What it says is nobody's any more."""
        await asyncio.sleep(delay)
        with contextlib.suppress(Overtaken, StoreUnavailable):
            await self._write(name, work, *args)
            self._faults.landed += 1


def _undone(work: Callable[[Transaction, *Args], object]) -> Callable[[Transaction, *Args], NoReturn]:
    """Executed, and rolled back."""

    def executed(transaction: Transaction, *args: *Args) -> NoReturn:
        work(transaction, *args)
        raise StoreUnavailable("could not serialize access because of another transaction")

    return executed
