"""Does this process converge, of several on one store? The right to is claimed, kept and handed over here.

Used by `healer.journey.owner`; wired by `healer.assembly`. The store has the truth: an epoch that grows with every claim, without
which nothing is committed, and a term by its own clock, after which whoever comes first may claim.
"""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from healer.journey.ports import Overtaken, Ownership, StoreUnavailable, Term, Terms, Tidings, Wakeups
from healer.seams import Clock
from healer.times import SECOND, Micros

log = logging.getLogger(__name__)

LEASE: Micros = 3 * SECOND
"""How long a process converges without saying so again: another takes over at most so long after its death."""
RENEW_S = 1.0
"""Seconds between two times that it says so."""
LOOK_S = 0.1
"""Seconds between looks at what others appended and decided: the poll behind each wake-up."""


class Converging(msgspec.Struct, frozen=True):
    """Who converges, as people are told: `owner` at `url`, "" where nobody does just now; `replica` is this process."""

    replica: str
    mine: bool
    owner: str
    url: str
    epoch: int


class NoWakeups:
    """`Wakeups` of processes that have nothing but the store in common: each looks again and again."""

    def ring(self, tidings: Tidings) -> None:
        """Nobody hears it."""

    async def wait(self, tidings: Tidings, within: float) -> bool:  # noqa: ARG002 - part of the port
        await asyncio.sleep(within)
        return False


class Tenure:
    """The right of one process, by its `name`, under which the store lets only one in. It answers at `url`; `wakeups` are those
    between it and the others."""

    def __init__(
        self,
        store: Terms,
        clock: Clock,
        name: str,
        url: str,
        wakeups: Wakeups = NoWakeups(),  # noqa: B008 - it holds nothing
    ) -> None:
        self.name = name
        self.wakeups = wakeups
        self.leads = False
        self.on_lost: Callable[[], None] = lambda: None
        """Called when another process is found to converge."""
        self._store = store
        self._clock = clock
        self._url = url
        self._epoch = 0
        self._sure_until: Micros = 0
        self._term = Term(0, 0, "", "", 0)

    async def claim(self) -> Ownership | None:
        """Become the one who converges, if nobody else does, or anew."""
        began = self._clock.monotonic()
        taken = await self._store.stand_in(self.name, self._url, lease=LEASE, now=self._clock.now())
        self.leads = taken is not None
        if taken is not None:
            self._epoch, self._sure_until = taken.epoch, began + LEASE
            log.info("this process converges from here on (epoch %d)", taken.epoch)
        return taken

    async def look(self) -> Term:
        """Whose it is now."""
        self._term = await self._store.term(now=self._clock.now())
        return self._term

    async def hold(self) -> None:
        """Keep it, until it is lost."""
        while self.leads:
            began = self._clock.monotonic()
            try:
                await self._store.renew(self.name, self._epoch, lease=LEASE, now=self._clock.now())
            except StoreUnavailable as error:
                log.warning("the right to converge is not kept yet: %s", error)
            except Overtaken as error:
                log.warning("%s", error)
                self.lose()
            else:
                self._sure_until = began + LEASE
            await asyncio.sleep(RENEW_S)

    def lose(self) -> None:
        """Somebody else converges."""
        self.leads = False
        self.on_lost()

    async def hand_over(self) -> None:
        """Let another one converge at once."""
        if not self.leads:
            return
        self.leads = False
        try:
            await self._store.hand_over(self._epoch)
        except StoreUnavailable as error:
            log.warning("another one converges only when the term is over: %s", error)

    def doubt(self) -> str:
        """Why another one may converge by now; "" while that cannot be. A process that stood still is the last to know."""
        if self.leads and self._clock.monotonic() < self._sure_until:
            return ""
        return "another healer may have taken over: this one could not say in time that it still converges"

    def known(self) -> Converging:
        """Who converges, as far as this process knows."""
        if self.leads:
            return Converging(self.name, True, self.name, self._url, self._epoch)
        term = self._term
        somebody = term.left > 0
        return Converging(self.name, False, term.name if somebody else "", term.url if somebody else "", term.epoch)
