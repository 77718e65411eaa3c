"""Runs drills: when somebody asks, and by itself as often as the settings say. A drill that fails is an incident.

Started by `healer.bootstrap`. Whoever runs one only sends its alert and reads what came of it: a process that dies meanwhile
leaves an alert that ends by itself.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from healer.alerts.decode import decode_api_v2
from healer.alerts.identity import labels_of
from healer.alerts.limits import Limits
from healer.convergence.outcome import Happening, Incident
from healer.journey.ports import Arrival, StoreUnavailable
from healer.journey.records import Delivered, Troubled
from healer.rehearsal.drill import ALERT, MARK, RUN, SHIPPED, Drill, Report, Run, report, row, shown
from healer.remediation.model import Remediation
from healer.seams import Clock, Random, Spawn
from healer.times import MINUTE, Micros

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""Seconds between looks at a drill that runs."""
SCHEDULE_S = 15.0
"""Seconds between looks for one that is due."""
NEWEST = 200
"""Incidents that are looked through for a drill's."""
SPARE: Micros = MINUTE
"""How much longer than its drill an alert lives, if nobody ends it."""


class Records(Protocol):
    """What is read and written in the store."""

    async def append(self, arrivals: Sequence[Arrival]) -> object: ...

    async def incidents(
        self, *, status: str = "", before: str = "", limit: int = 100
    ) -> tuple[list[Incident], int]: ...

    async def incident(self, id: str) -> Incident | None: ...

    async def timeline(self, incident: str) -> list[Happening]: ...

    async def remediations(self, incident: str = "", limit: int = 100) -> list[Remediation]: ...


class Drilling:
    """Implements `healer.web.ports.Drills`. `declared` are the settings' drills; `troubled`: whether people hear of a trouble."""

    def __init__(
        self,
        records: Records,
        clock: Clock,
        random: Random,
        spawn: Spawn,
        declared: Callable[[], Mapping[str, Drill]],
        troubled: Callable[[str], bool],
    ) -> None:
        self._records = records
        self._clock = clock
        self._random = random
        self._spawn = spawn
        self._declared = declared
        self._troubled = troubled
        self._reports: dict[str, Report] = {}

    @property
    def drills(self) -> Mapping[str, Drill]:
        """By name, with those that every healer has."""
        return {**SHIPPED, **self._declared()}

    async def run(self) -> None:
        """Run what is due, until cancelled. At whoever converges alone."""
        while True:
            try:
                await self._run_due()
            except StoreUnavailable as error:
                log.warning("drills wait for the store: %s", error)
            await asyncio.sleep(SCHEDULE_S)

    def start(self, name: str) -> dict[str, Any] | None:
        """Begin one, unless it runs already: its report so far. None where there is no such drill."""
        drill = self.drills.get(name)
        if drill is None:
            return None
        found = self._reports.get(name)
        if found is None or found.state != "running":
            run = Run(name, self._random.token(4), drill, self._clock.now())
            found = self._reports[name] = report(run, None, (), (), run.began_at)
            log.info("drill %s begins, run %s", name, run.id)
            self._spawn.start(f"drill {name}", self._drill(run))
        return shown(found)

    async def all(self) -> list[dict[str, Any]]:
        """Every drill with its last run."""
        found = []
        for name, drill in self.drills.items():
            last = await self._last(name)
            due = self._due(drill, last) if drill.every else None
            found.append(row(name, drill, last, due))
        return found

    async def last(self, name: str) -> dict[str, Any] | None:
        """How the last run of one goes, or went."""
        found = await self._last(name)
        return shown(found) if found is not None else None

    async def _run_due(self) -> None:
        for name, drill in self.drills.items():
            if drill.every and self._due(drill, await self._last(name)) <= self._clock.now():
                self.start(name)

    def _due(self, drill: Drill, last: Report | None) -> Micros:
        return last.run.began_at + drill.every if last is not None else self._clock.now()

    async def _drill(self, run: Run) -> None:
        found = self._reports[run.name]
        try:
            await self._send(run, run.until + SPARE)
        except StoreUnavailable as error:
            why = f"its alert could not be stored: {error}"
            self._reports[run.name] = msgspec.structs.replace(
                found, state="failed", why=why, ended_at=self._clock.now()
            )
            return
        while found.state == "running":
            await asyncio.sleep(LOOK_S)
            try:
                found = self._reports[run.name] = await self._look(run, found.incident)
            except StoreUnavailable as error:
                log.warning("the drill %s waits for the store: %s", run.name, error)
        log.info("drill %s, run %s: %s %s", run.name, run.id, found.state, found.why)
        try:
            await self._send(run, self._clock.now())
            await self._tell(found)
        except StoreUnavailable as error:
            log.warning("the alert of the drill %s ends by itself: %s", run.name, error)

    async def _look(self, run: Run, incident: str) -> Report:
        found = await self._incident(run, incident)
        if found is None:
            return report(run, None, (), (), self._clock.now())
        lines = await self._records.timeline(found.id)
        done = await self._records.remediations(incident=found.id)
        return report(run, found, lines, done, self._clock.now())

    async def _incident(self, run: Run, known: str) -> Incident | None:
        if known:
            found = await self._records.incident(known)
            return await self._incident(run, found.merged_into) if found is not None and found.merged_into else found
        newest, _ = await self._records.incidents(limit=NEWEST)
        return next((one for one in newest if one.root.labels == run.identity), None)

    async def _last(self, name: str) -> Report | None:
        """By this process, or by what the store has of it."""
        if name in self._reports:
            return self._reports[name]
        newest, _ = await self._records.incidents(limit=NEWEST)
        for one in newest:
            labels = labels_of(one.root.labels)
            if labels.get("alertname") == ALERT and labels.get(MARK) == name and RUN in labels:
                run = Run(name, labels[RUN], self.drills[name], one.root.starts_at)
                return msgspec.structs.replace(await self._look(run, one.id), ended_at=one.resolved_at)
        return None

    async def _send(self, run: Run, ends_at: Micros) -> None:
        batch = decode_api_v2(run.posted(ends_at), Limits(), self._clock.now(), f"drill {run.name}")
        details = msgspec.msgpack.encode(batch.details)
        await self._records.append([Arrival(Delivered(batch.sender, batch.alerts), details)])

    async def _tell(self, found: Report) -> None:
        code, failed = f"drill {found.run.name}", found.state == "failed"
        if failed != self._troubled(code):
            await self._records.append([Arrival(Troubled(code, failed, found.why))])
