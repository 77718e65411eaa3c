"""Carries plans out: guards, lock, intent (T3), effect, outcome (T4), verification; every arrow stored before the next.

One task drives one remediation from whatever state the store has it in, so a restart is nothing special. What it cannot
finish it hands to a person; an effect whose outcome is unknown is probed, never repeated.
"""

import asyncio
import logging
from collections.abc import Mapping

from healer.executors.target import Target
from healer.journey.ports import Overtaken, StoreUnavailable
from healer.locks.ports import LockService
from healer.remediation.home import Home
from healer.remediation.model import BEFORE_INTENT, UNDER_WAY, Remediation
from healer.remediation.observing import Halted, Observing, Silent
from healer.remediation.ports import EffectStore
from healer.remediation.runner.beginning import Beginning
from healer.remediation.runner.desk import Desk
from healer.remediation.runner.effect import Effects
from healer.remediation.runner.left_behind import LeftBehind
from healer.remediation.runner.looks import Looks
from healer.remediation.runner.settling import Settling
from healer.remediation.runner.watching import Watching
from healer.remediation.situation import Situation
from healer.remediation.verify import Verifier
from healer.seams import Clock, Spawn
from healer.telemetry.logs import within_trace

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""Seconds between looks at the store: the poll behind each wake-up."""
AT_ONCE = 256
"""Remediations driven at the same time. Guards limit effects; this limits what waits for locks, targets and proofs."""


class Runner:
    """Drives remediations."""

    def __init__(
        self,
        store: EffectStore,
        situation: Situation,
        targets: Mapping[str, Target],
        locks: LockService,
        verifier: Verifier,
        clock: Clock,
        spawn: Spawn,
        *,
        grace_s: int = 5,
        author: str = "",
        home: Home = Home(),  # noqa: B008 - a frozen value
        halted: Halted = lambda _: "",
        silent: Silent = lambda: "",
    ) -> None:
        """`author` tells this process from all others that ever wrote intents into this store."""
        desk = Desk(store, situation, targets, clock, grace_s, author)
        self._store = store
        self._spawn = spawn
        self._driven: dict[str, asyncio.Task[None]] = {}
        self._awake = asyncio.Event()
        self._full = False
        """Whether somebody waits for another one's place."""
        looks = Looks(desk)
        settling = Settling(desk, looks)
        effects = Effects(desk, settling, verifier, Observing(situation, clock, home, halted, silent))
        self.watching = Watching(desk, verifier)
        self.beginning = Beginning(desk, locks, looks, effects, self.watching)
        self.settling = settling
        self.effects = effects
        self.observing = effects.observing
        self.preview = looks.preview
        self.left_behind = LeftBehind(desk, settling, self._driven)
        self._desk = desk

    def wake(self) -> None:
        """Something was planned."""
        self._awake.set()

    async def run(self) -> None:
        """Look for remediations to drive, until cancelled."""
        while True:
            self._awake.clear()
            self._full = False
            for remediation in await self._store.under_way(but=frozenset(self._driven)):
                # What waits for people is only looked at: it may wait long, and must not keep others from being driven.
                room = len(self._driven) < AT_ONCE or remediation.state == "awaiting_approval"
                self._full |= not room
                if remediation.id not in self._driven and room:
                    work = self._drive(remediation)
                    self._driven[remediation.id] = self._spawn.start(f"remediation {remediation.id}", work)
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._awake.wait()
            except TimeoutError:
                pass

    def let_go(self) -> None:
        """Drive nothing any more: another process goes on from what is stored."""
        for task in self._driven.values():
            task.cancel()
        self._driven.clear()

    async def look_after(self) -> None:
        """Settle what was left behind, until cancelled. Apart from `run`, because a probe may wait long for its target."""
        while True:
            try:
                await self.left_behind.settle()
            except Overtaken as error:
                log.warning("what was left behind is settled elsewhere: %s", error)
            await asyncio.sleep(LOOK_S)

    async def _drive(self, remediation: Remediation) -> None:
        mine = asyncio.current_task()
        try:
            current: Remediation | None = remediation
            with within_trace(remediation.plan.trace_id):
                while current is not None:
                    current = await self._advance(current)
        except StoreUnavailable as error:
            log.warning("remediation %s waits for the store: %s", remediation.id, error)
        except Overtaken as error:
            log.warning("remediation %s goes on elsewhere: %s", remediation.id, error)
        except Exception as error:
            # A mistake in healer: nothing says that it would not happen again, so a person takes over.
            await self._leave(remediation.id, f"healer made a mistake ({type(error).__name__}), its log says which")
            raise
        finally:
            # Also where a process dies around it: then there is no loop any more that could say whose this is.
            if self._driven.get(remediation.id) is mine:
                del self._driven[remediation.id]
            if self._full:
                self._awake.set()

    async def _leave(self, id: str, why: str) -> None:
        try:
            stored = await self._store.remediation(id)
            if stored is not None and stored.state in UNDER_WAY:
                await self._desk.end(stored, "handed_over", why)
        except StoreUnavailable as error:
            log.warning("remediation %s waits for the store: %s", id, error)

    async def _advance(self, remediation: Remediation) -> Remediation | None:
        """One arrow of the state machine. Returns the remediation as it then is, None when it has ended."""
        if remediation.state == "awaiting_approval":
            return await self.watching.ask(remediation)
        if remediation.state in BEFORE_INTENT or remediation.state == "undoing":
            return await self.beginning.begin(remediation)
        if remediation.state == "executing":
            return await self.settling.settle(remediation)
        if remediation.state == "verifying":
            return await self.watching.verify(remediation)
        return None


__all__ = ["Runner"]
