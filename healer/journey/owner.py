"""The one who steps: takes records from the journal, lets the fold decide, writes the step, and only then lets others see.

Started by `healer.assembly`. Where several processes share a store one of them steps, and the others follow what it committed,
so that any of them can go on from there at once (`healer.journey.tenure`). Memory is ahead of the store by the one step in
flight at most; whoever reads waits for `settled`. A restart takes the newest snapshot and folds again what came after it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from healer.journey.charter import Charter
from healer.journey.fold import VERSION, Fold
from healer.journey.ports import Arrival, Journal, Overtaken, Ownership, Snapshot, Step, StepStore, StoreUnavailable
from healer.journey.records import Adopted, Delivered, Entry, Resumed
from healer.journey.refold import READ_ROWS, Gap, Refold, entry_of
from healer.journey.tenure import LOOK_S, Tenure
from healer.seams import Clock
from healer.times import SECOND, Micros

log = logging.getLogger(__name__)

STEP_RECORDS = 64
"""Records of one step at most: decisions are committed, and seen, at least this often."""
FEED_LIMIT = 100_000
"""Alerts that wait in memory between T1 and their step; beyond that they are read again from the journal."""
GAP: Micros = 30 * SECOND
"""A longer time without a step is one in which nobody stepped: deadlines move by it."""
IDLE_S = 5.0
"""Seconds between looks at the clock when nothing is due; well below GAP."""
SETTLED_S = 2.0
"""Seconds that a reader waits for what was accepted before it asked."""
RETRY_S = (0.05, 2.0)
"""Seconds between attempts to write a step: the first, and the longest."""


class Store(Journal, StepStore, Protocol):
    """T1 and T2."""


class Owner:
    """Folds the journal, one committed step at a time."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        installation: str,
        charter: Callable[[Adopted], Awaitable[Charter]],
        *,
        snapshot_every: int,
        on_step: Callable[[Step], None],
        on_follow: Callable[[Step], None] = lambda _: None,
        tenure: Tenure | None = None,
    ) -> None:
        """`on_follow` hears of the steps that another process committed; without a `tenure` there is no other."""
        self.tenure = tenure
        if tenure is not None:
            tenure.on_lost = self._wake
        self._on_follow = on_follow
        self._claimed: Ownership | None = None
        self._past: Refold | None = None
        self._store = store
        self._clock = clock
        self._installation = installation
        self._charter = charter
        self._snapshot_every = snapshot_every
        self._on_step = on_step
        self._fold: Fold | None = None
        self._epoch = 0
        self._number = 0
        self._applied = 0
        self._fed: deque[Entry] = deque()
        self._fed_alerts = 0
        self._waiting: deque[tuple[int, int]] = deque()
        self._waiting_alerts = 0
        self._since_snapshot = 0
        self._looked: Micros = 0
        self._awake = asyncio.Event()
        self._still = False
        self._stepped = asyncio.Event()
        self._accepted = 0
        self.ready = False
        self.lost = True
        self.steps = 0
        self.applied_alerts = 0
        self.mismatches = 0
        self.troubles: dict[str, str] = {}

    @property
    def fold(self) -> Fold:
        """What is decided so far. Await `settled` before reading."""
        assert self._fold is not None, "nothing is known before recovery"
        return self._fold

    @property
    def leads(self) -> bool:
        """Whether this process steps."""
        return self.tenure is None or self.tenure.leads

    @property
    def applied(self) -> int:
        """Position of the last record in a committed step."""
        return self._applied

    @property
    def accepted(self) -> int:
        """Position of the last record that this process knows to be stored."""
        return self._accepted

    async def reached(self, position: int) -> None:
        """Wait until the record at this position is decided and committed."""
        while self._applied < position or not self._still:
            await self._stepped.wait()

    @property
    def lag(self) -> int:
        """Alerts that are stored but not converged."""
        return self._waiting_alerts

    async def settled(self, within: float = SETTLED_S) -> None:
        """Wait, at most `within` seconds, until what was accepted before this call is decided and committed."""
        accepted = self._accepted  # what comes meanwhile is the next one's to wait for: of it there may be no end
        try:
            async with asyncio.timeout(within):
                while self._applied < accepted or not self._still:
                    await self._stepped.wait()
        except TimeoutError:
            # Whoever waits for longer than this is better served by what is known; it is still a committed state.
            while not self._still:
                await self._stepped.wait()

    def feed(self, entries: Sequence[Entry]) -> None:
        """Records that T1, T3 or T4 just committed, in order of position. Called on the event loop by the store."""
        for entry in entries:
            self._accepted = entry.position
            if entry.position <= self._applied:
                continue
            count = _alerts(entry)
            if count:
                self._waiting.append((entry.position, count))
                self._waiting_alerts += count
            if (
                self.leads
                and self._fed_alerts < FEED_LIMIT
                and (not self._fed or self._fed[-1].position == entry.position - 1)
            ):
                self._fed.append(entry)
                self._fed_alerts += count
        self._awake.set()

    def _wake(self) -> None:
        self._awake.set()

    def _pass(self) -> None:
        """What is applied does not wait any more."""
        while self._waiting and self._waiting[0][0] <= self._applied:
            self._waiting_alerts -= self._waiting.popleft()[1]

    # --- where another process steps

    async def arrive(self) -> bool:
        """Come to know what is decided; whether this process steps from here on: `recover` comes next."""
        while not await self._may_step():
            if self.ready:
                return False
            await asyncio.sleep(LOOK_S)
        return True

    async def stand_by(self) -> None:
        """Follow whoever steps, until nobody does and this process may: `recover` comes next."""
        while True:
            if await self._may_step():
                return
            if self.tenure is not None:
                await self.tenure.wakeups.wait("decided", LOOK_S)

    async def _may_step(self) -> bool:
        """One look at who steps, and at what was decided meanwhile."""
        tenure = self.tenure
        if tenure is None:
            return True
        try:
            term = await tenure.look()
            if term.left <= 0 or term.name == tenure.name:
                self._claimed = await tenure.claim()
                return self._claimed is not None
            if self._past is None or term.step > self._number:
                await self._follow()
        except StoreUnavailable as error:
            log.warning("what others decide is not followed now: %s", error)
            await asyncio.sleep(RETRY_S[1])
        return False

    async def _follow(self) -> None:
        """Come to where the last committed step left it. What a store cannot say now is missed before anything is applied."""
        if self._past is None:
            self.ready = self._still = False
            self._fed.clear()
            self._fed_alerts = 0
            self._past = await self._opened(0)
        past = self._past
        try:
            await self._refold(past)
        except StoreUnavailable:
            raise
        except Gap as error:
            # It stood still for so long that what it needs next was forgotten.
            log.warning("what others decided is folded from the newest snapshot: %s", error)
            self._past = None
            return
        except BaseException:
            self._past = None
            raise
        if past.fold is not None:
            self._accepted = max(self._accepted, self._applied)
            self.ready = True
            await self._be_seen()

    async def _opened(self, below: int) -> Refold:
        past = Refold(self._store, self._charter, self._installation)
        await past.open(below)
        self._fold, self._number, self._applied = past.fold, past.number, past.position
        return past

    # --- a new owner

    async def recover(self, adopted: Adopted, *, keep_topology: bool = False) -> None:
        """Take over: snapshot, the steps after it, then what nobody applied yet. `adopted` is what the files say now.

        With `keep_topology` the journal's topology stays, if it has one: whoever asks the sources will say what changed.
        """
        self.ready = False
        self._still = False
        ownership, self._claimed = self._claimed or await self._taken(), None
        self._epoch, self._number, self._applied = ownership.epoch, ownership.step, ownership.applied
        self._accepted = ownership.applied
        self._since_snapshot = 0
        if ownership.applied == 0 and not await self._store.read(0, 1):
            await self._store.append([Arrival(adopted)])
        await self._restore(ownership)
        await self._catch_up(ownership)
        if keep_topology:
            adopted = msgspec.structs.replace(adopted, topology=self.fold.charter.adopted.topology)
        if self.fold.charter.adopted != adopted:
            await self._store.append([Arrival(adopted)])
            await self._step_all()
        self._looked = self._clock.monotonic()
        self.ready, self.lost = True, False
        await self._be_seen()

    async def _restore(self, ownership: Ownership) -> None:
        """Bring the fold to where the last committed step left it; one that followed is nearly there."""
        past, self._past = self._past, None
        if past is not None:
            try:
                await self._refold(past, ownership.step)
            except Gap as error:
                log.warning("what others decided is folded from the newest snapshot: %s", error)
                past = None
        if past is None:
            await self._refold(await self._opened(ownership.step + 1), ownership.step)
        self._number, self._applied = ownership.step, ownership.applied
        self._pass()

    async def _refold(self, past: Refold, until: int | None = None) -> None:
        """Every step that follows."""
        self._fold = past.fold
        async for again in past.run(until):
            alerts = sum(map(_alerts, again.entries))
            self._fold, self._number, self._applied = past.fold, again.mark.number, past.position
            self._pass()
            self._since_snapshot += alerts
            if not again.same:
                self.mismatches += 1
                log.error("step %d was decided otherwise before: another version, or a defect", again.mark.number)
            if not self.ready:
                await asyncio.sleep(0)
                continue
            if again.step is not None:
                self._on_follow(again.step)
            await self._be_seen()

    async def _taken(self) -> Ownership:
        if self.tenure is not None:
            raise Overtaken("somebody else may converge: this process has claimed nothing")
        return await self._store.take_over("healer")

    async def _catch_up(self, ownership: Ownership) -> None:
        """Apply what was accepted but not applied; then say for how long nobody stepped."""
        await self._step_all()
        last = max(self.fold.engine.now, ownership.now) if ownership.step else self.fold.engine.now
        gap = self._clock.now() - last
        if gap > GAP:
            await self._store.append([Arrival(Resumed(gap))])
            await self._step_all()

    async def _step_all(self) -> None:
        while True:
            rows = await self._store.read(self._applied, READ_ROWS)
            if not rows:
                self._forget_fed()
                return
            for start in range(0, len(rows), STEP_RECORDS):
                await self._step([entry_of(row) for row in rows[start : start + STEP_RECORDS]])

    # --- stepping

    async def run(self) -> None:
        """Step whenever there is a record or a timer is due. Returns only by cancellation, or raises Overtaken."""
        while True:
            if not self.leads:
                raise Overtaken("somebody else converges")
            await self._look()
            entries = await self._next_entries()
            if not entries and not self._due():
                await self._sleep()
                continue
            await self._step(entries)
            if self._since_snapshot >= self._snapshot_every:
                await self.save_snapshot()

    async def _look(self) -> None:
        """Say for how long nobody stepped, be it that the machine slept or that the store took nothing."""
        now = self._clock.monotonic()
        if now - self._looked > GAP:
            await self._store.append([Arrival(Resumed(now - self._looked))])
        self._looked = now

    def _due(self) -> bool:
        due = self.fold.next_due()
        return due is not None and due <= self._clock.now()

    async def _next_entries(self) -> list[Entry]:
        """The records that follow, from memory where it has them, else from the journal."""
        # Whatever comes from here on wakes again; what came before is looked for now.
        self._awake.clear()
        self._forget_fed()
        if self._fed and self._fed[0].position == self._applied + 1:
            count = min(len(self._fed), STEP_RECORDS)
            return [self._fed[index] for index in range(count)]
        if self._applied < self._accepted:
            return [entry_of(row) for row in await self._store.read(self._applied, STEP_RECORDS)]
        return []

    def _forget_fed(self) -> None:
        while self._fed and self._fed[0].position <= self._applied:
            self._fed_alerts -= _alerts(self._fed.popleft())

    async def _sleep(self) -> None:
        """Until a record comes, a timer is due, or it is time to look at the clock."""
        due = self.fold.next_due()
        wait = IDLE_S if due is None else min(max(due - self._clock.now(), 0) / SECOND, IDLE_S)
        try:
            async with asyncio.timeout(wait):
                await self._awake.wait()
        except TimeoutError:
            pass

    async def _step(self, entries: Sequence[Entry]) -> None:
        """Decide, write, and only then be seen. Whatever fails in between leaves memory ahead of the store: `lost`."""
        self._still = False
        self.lost = True
        for entry in entries:
            await self._apply(entry)
        if not entries:
            self.fold.advance(self._clock.now())
        step = self.fold.take(
            self._number + 1, self._epoch, self._applied + 1, entries[-1].position if entries else self._applied
        )
        if step is not None:
            await self._commit(step)
            self._number, self._applied = step.number, step.last
            alerts = sum(map(_alerts, entries))
            self._pass()
            self._since_snapshot += alerts
            self.applied_alerts += alerts
            self.steps += 1
            self._on_step(step)
        # Until recovery has come to its end nothing is known well enough to go on with.
        self.lost = not self.ready
        await self._be_seen()

    async def _be_seen(self) -> None:
        """Let those who wait look, before the next step begins."""
        self._still = True
        self._stepped.set()
        self._stepped.clear()
        await asyncio.sleep(0)

    async def _apply(self, entry: Entry) -> None:
        charter = await self._charter(entry.record) if isinstance(entry.record, Adopted) else None
        if self._fold is None:
            assert charter is not None, "the journal begins with what was adopted first"
            self._fold = Fold(charter, self._installation)
        if (work := self._fold.ahead(entry, charter)) is not None:
            try:
                await self._store.aside(work)
            except StoreUnavailable as error:
                log.warning("what is long about record %d is done beside everything else: %s", entry.position, error)
        self._fold.apply(entry, charter)

    async def _commit(self, step: Step) -> None:
        """Write the step, with the same content until it is written or somebody else owns the journal."""
        pause = RETRY_S[0]
        while True:
            try:
                await self._store.commit(step)
            except StoreUnavailable as error:
                self.troubles["commit"] = str(error)
                log.warning("step %d is not written yet: %s", step.number, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_S[1])
            else:
                self.troubles.pop("commit", None)
                return

    async def save_snapshot(self) -> None:
        """Keep the fold's state, so that a restart need not fold again what came before.

        It is written down off the event loop, while nobody steps: requests are accepted and answered meanwhile.
        """
        self._since_snapshot = 0
        fold = self.fold
        try:
            data = await self._store.aside(fold.dump)
            await self._store.save_snapshot(Snapshot(self._number, self._applied, fold.engine.now, VERSION, data))
        except StoreUnavailable as error:
            log.warning("no snapshot was kept: %s", error)


def _alerts(entry: Entry) -> int:
    return len(entry.record.alerts) if isinstance(entry.record, Delivered) else 0
