"""Owners that live one after another on one database in memory, on a loop whose time is virtual: nothing sleeps."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from healer.journey.charter import Charter, RuleText, documents
from healer.journey.charter import charter as read_charter
from healer.journey.owner import Owner
from healer.journey.ports import Arrival, Step
from healer.journey.records import Adopted, Record
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.times import SECOND, Micros
from tests.simulation.loop import SimLoop
from tests.unit.journey.world import INSTALLATION, RULES, START, chartered


class LoopClock:
    """The loop's time; a test may let the wall, or all time, run on without the loop."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self.ahead: Micros = 0
        self.slept: Micros = 0

    def now(self) -> Micros:
        return START + self._loop.now + self.ahead + self.slept

    def monotonic(self) -> Micros:
        return self._loop.now + self.slept


class Disk:
    """What becomes of transactions: `faults["before commit"]` are met one by one, and `gates` hold until they are opened.

    Each transaction takes so many seconds.
    """

    def __init__(self) -> None:
        self.faults: defaultdict[str, deque[Exception]] = defaultdict(deque)
        self.gates: dict[str, asyncio.Event] = {}
        self.takes = 0.0

    async def before(self, name: str) -> None:
        if self.takes:
            await asyncio.sleep(self.takes)
        await self._meet(f"before {name}")

    async def after(self, name: str) -> None:
        await self._meet(f"after {name}")

    async def _meet(self, when: str) -> None:
        if when in self.gates:
            await self.gates[when].wait()
        if self.faults[when]:
            raise self.faults[when].popleft()


class Life:
    """One process: a store, an owner, and what it was told of steps."""

    def __init__(self, memory: Memory, clock: LoopClock, *, charter: Charter, snapshot_every: int, feeds: bool) -> None:
        self.disk = Disk()
        self.store = Store(InlineRun(memory, clock, self.disk), memory.installation)
        self.steps: list[Step] = []
        self.owner = Owner(
            self.store,
            clock,
            INSTALLATION,
            self._charter,
            snapshot_every=snapshot_every,
            on_step=self.steps.append,
        )
        self._files = charter
        self._feeds = feeds
        self._running: asyncio.Task[None] | None = None

    async def recover(self) -> None:
        """Come up, with what its files say."""
        if self._feeds:
            self.store.on_append(self.owner.feed)
        await self.owner.recover(await self._adopt())

    async def append(self, *records: Record) -> None:
        """T1."""
        await self.store.append([Arrival(one) for one in records])

    def run(self) -> "asyncio.Task[None]":
        """Step from now on, until it is cancelled or raises."""
        self._running = asyncio.ensure_future(self.owner.run())
        return self._running

    async def die(self) -> None:
        """kill -9: it does not step any more, and nobody feeds it."""
        self.store.on_append(lambda _: None)
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    async def _adopt(self) -> Adopted:
        kept = documents(self._files.settings, self._files.graph, (RuleText("mine.heal", RULES),))
        return Adopted(
            topology=await self.store.keep_version("topology", kept.topology),
            settings=await self.store.keep_version("settings", kept.settings),
            rules=await self.store.keep_version("rules", kept.rules),
        )

    async def _charter(self, adopted: Adopted) -> Charter:
        store = self.store
        kept = documents(self._files.settings, self._files.graph, ())
        settings, topology = await store.version(adopted.settings), await store.version(adopted.topology)
        rules = await store.version(adopted.rules)
        return read_charter(adopted, type(kept)(settings=settings, topology=topology, rules=rules))


class Stage:
    """The database, the clock, and lives to start on them."""

    def __init__(self, loop: SimLoop) -> None:
        self.loop = loop
        self.clock = LoopClock(loop)
        self.memory = Memory(INSTALLATION)

    def life(self, *, charter: Charter | None = None, snapshot_every: int = 1_000_000, feeds: bool = True) -> Life:
        """A process that has not come up yet."""
        return Life(self.memory, self.clock, charter=charter or chartered(), snapshot_every=snapshot_every, feeds=feeds)

    async def alive(self, **how: Any) -> Life:
        """A process that has come up and steps."""
        life = self.life(**how)
        await life.recover()
        life.run()
        return life

    async def reborn(self, life: Life, **how: Any) -> Life:
        """One dies, and the next one comes up at once."""
        await life.die()
        return await self.alive(**how)

    def execute(self, statement: str, *values: object) -> list[Any]:
        """SQL, past the store: damage, or a look at what is there."""
        raw = self.memory.connection.connection.driver_connection
        assert raw is not None
        found: list[Any] = raw.execute(statement, values).fetchall()
        return found


def staged(play: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    """Play it to its end in virtual time; whatever failed unheard on the way is a failure."""
    with SimLoop(1) as loop:
        stage = Stage(loop)
        loop.run(play(stage), within=24 * 3_600 * SECOND)
        assert loop.uncaught() == []
        loop.close()
        stage.memory.close()


def marks(steps: Sequence[Step]) -> list[tuple[int, int, int, str]]:
    return [(one.number, one.first, one.last, one.digest) for one in steps]
