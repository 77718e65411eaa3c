"""Silences that people say to healer, by a button, the command line or the API, hold at Alertmanager too, where that is wanted.

Looks at what is there and at what healer knows, and makes up the difference: nothing is remembered here, so a restart, or an
Alertmanager that was away, loses none. Started by `healer.bootstrap`, in the process that converges.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from healer.alertmanager.client import Kept, Unreachable
from healer.alerts.silences import OWN, Silence, state
from healer.seams import Clock
from healer.times import HOUR, MINUTE, Micros

log = logging.getLogger(__name__)

LOOK_S = 10.0
"""Seconds between looks."""
LASTS: Micros = HOUR
"""One that ends with its incident is kept for so long at a time: should healer die, Alertmanager speaks again after that."""
RENEW: Micros = 30 * MINUTE
"""... and is renewed when less than this is left."""
AT_MOST = 1_000
"""Silences that are kept there, those that end last at first."""


class Place(Protocol):
    """One Alertmanager. Every method raises Unreachable."""

    @property
    def url(self) -> str: ...

    async def kept(self) -> Mapping[str, Kept]: ...

    async def keep(self, silence: Silence, until: Micros, there: Kept | None) -> None: ...

    async def let_go(self, id: str) -> None: ...


class PassingOn:
    """`silences` are all that healer knows, `leads` says whether this process converges."""

    def __init__(self, silences: Callable[[], Sequence[Silence]], leads: Callable[[], bool], clock: Clock) -> None:
        self._silences = silences
        self._leads = leads
        self._clock = clock
        self._places: Sequence[Place] = ()

    def use(self, places: Sequence[Place]) -> None:
        """Keep them there from now on. What was kept elsewhere ends by itself."""
        self._places = places

    async def run(self) -> None:
        while True:
            if self._leads():
                await asyncio.gather(*(self._try(place) for place in self._places))
            await asyncio.sleep(LOOK_S)

    async def _try(self, place: Place) -> None:
        try:
            await self.look(place)
        except Unreachable as error:
            log.warning("what people silenced is not passed on: %s", error)

    async def look(self, place: Place) -> None:
        """Make up the difference at one of them. Raises Unreachable."""
        known, now = await place.kept(), self._clock.now()
        standing = [one for one in self._silences() if one.source == OWN and state(one, now) == "active"]
        standing = sorted(standing, key=lambda one: (-one.ends_at, one.id))[:AT_MOST]
        wanted = {one.id: one for one in standing}
        for id, kept in known.items():
            if id not in wanted:
                await place.let_go(kept.id)
        for id, silence in wanted.items():
            there = known.get(id)
            if there is None or is_due(silence, there.ends_at, now):
                await place.keep(silence, until(silence, now), there)


def until(silence: Silence, now: Micros) -> Micros:
    """Until when it is to hold there."""
    return min(silence.ends_at, now + LASTS) if silence.incident else silence.ends_at


def is_due(silence: Silence, ends_at: Micros, now: Micros) -> bool:
    """Whether what is kept there until `ends_at` is to be said again: it was changed, or does not last."""
    if not silence.incident:
        # Alertmanager keeps milliseconds.
        return abs(ends_at - silence.ends_at) >= 1_000
    return ends_at < silence.ends_at and ends_at - now < RENEW
