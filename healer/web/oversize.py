"""A request too large to read may have held the one alert that matters: people hear of it as an alert of healer's own.

Raised by `healer.web.accept` with the first such request; ended by `settle` when none has come for a while, which
`healer.bootstrap` calls about once a minute.
"""

import logging

from healer.journey.ports import Arrival, Journal, StoreUnavailable
from healer.journey.records import Troubled
from healer.seams import Clock
from healer.times import MINUTE, Micros

log = logging.getLogger(__name__)

CODE = "request too large"
QUIET: Micros = 15 * MINUTE
"""Without such a request for this long the trouble is over; Alertmanager would have tried again by then."""


class Oversize:
    """Whether senders send too much."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._last = clock.monotonic()
        # A life before this one may have raised it and not seen its end: so it ends once, later, in any case.
        self._known_firing = False
        self._settled = False

    async def happened(self, sender: str, detail: str) -> None:
        """A request was refused with 413."""
        self._last = self._clock.monotonic()
        self._settled = False
        if not self._known_firing and await self._say(firing=True, detail=f"{sender}: {detail}"):
            self._known_firing = True

    async def settle(self) -> None:
        """End the trouble if it has been quiet long enough."""
        if self._settled or self._clock.monotonic() - self._last < QUIET:
            return
        if await self._say(firing=False, detail=""):
            self._known_firing, self._settled = False, True

    async def _say(self, *, firing: bool, detail: str) -> bool:
        try:
            await self._journal.append([Arrival(Troubled(CODE, firing, detail))])
        except StoreUnavailable as unavailable:
            log.warning("could not note that a request was too large", extra={"why": str(unavailable)})
            return False
        return True
