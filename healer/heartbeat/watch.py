"""healer's own heartbeat: somebody elsewhere is to notice when it stops, and people when nothing comes in any more.

Two loops, started by `healer.assembly`. `beat` pings a dead man's switch only while the Watchdog comes in, passes the engine,
and channels accept messages: a healer that runs and does nothing for anybody is dead. `watch` writes into the journal that no
input comes, so that it becomes an incident like any other.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from healer.heartbeat.pulse import Pulse
from healer.journey.ports import Arrival, Journal, StoreUnavailable
from healer.journey.records import Troubled
from healer.times import SECOND, Micros, format_duration

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""Seconds between looks whether input is missing."""
NO_INPUT = "no input"
"""The code of the trouble."""

Ping = Callable[[], Awaitable[None]]
"""Tells the dead man's switch that all is well. Raises PingFailed."""


class PingFailed(Exception):
    """The switch was not reached; it says nothing that a secret could be read from."""


class Heartbeat:
    """`accepting` says whether the channels accept messages; `every` and `missing_after` are microseconds."""

    def __init__(
        self,
        pulse: Pulse,
        journal: Journal,
        ping: Ping | None,
        accepting: Callable[[], bool],
        *,
        every: Micros,
        missing_after: Micros,
    ) -> None:
        self._pulse = pulse
        self._journal = journal
        self._ping = ping
        self._accepting = accepting
        self._every_s = every / SECOND
        self._missing_after = missing_after
        self._missing: bool | None = None
        self._held_because = ""

    async def watch(self) -> None:
        """Say when input is missing, and when it is back."""
        while True:
            try:
                await self._look()
            except StoreUnavailable as error:
                log.warning("that input is missing, or is back, is not recorded yet: %s", error)
            await asyncio.sleep(LOOK_S)

    async def beat(self) -> None:
        """Ping while there is reason to."""
        while True:
            because = self.dead_because()
            if because != self._held_because:
                log.warning("the dead man's switch is %s", f"not pinged: {because}" if because else "pinged again")
                self._held_because = because
            if not because and self._ping is not None:
                try:
                    await self._ping()
                except PingFailed as error:
                    log.warning("the dead man's switch was not reached: %s", error)
            await asyncio.sleep(self._every_s)

    def dead_because(self) -> str:
        """Why nobody should believe that healer works, or ""."""
        age = self._pulse.age()
        if age > self._missing_after:
            return f"no Watchdog came in and passed the engine for {format_duration(age // SECOND * SECOND)}"
        return "" if self._accepting() else "a channel accepts no messages"

    async def _look(self) -> None:
        """One look. What was true before a restart is not known, so the first input says that it is over."""
        missing = self._pulse.quiet_for() > self._missing_after
        if missing == self._missing or not (missing or self._pulse.had_input):
            return
        detail = f"nothing came in for {format_duration(self._missing_after)}" if missing else ""
        self._missing = None  # an append whose answer is lost may have been heard
        await self._journal.append([Arrival(Troubled(NO_INPUT, missing, detail))])
        self._missing = missing
