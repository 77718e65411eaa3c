"""Was everybody called whom an escalation should have called? Where not, healer raises an alert of its own.

The fold decides, the told ledger has the calls, and the incidents are in the store: this looks whether the three agree, so that
no mistake in one of them leaves people asleep. Started by `healer.assembly` where healer converges.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from healer.convergence.outcome import Happening, Incident
from healer.journey.escalating import Call, Standing
from healer.journey.fold import Fold
from healer.journey.ports import Arrival, Journal, StoreUnavailable
from healer.journey.records import Troubled
from healer.notification.escalation import needless
from healer.notification.ports import LedgerRow
from healer.seams import Clock
from healer.telemetry.metrics import Registry, Sample
from healer.times import MINUTE, Micros, format_duration

log = logging.getLogger(__name__)

CODE = "escalation unfinished"
LOOK_S = 30.0
"""Seconds between looks."""
SLACK: Micros = 5 * MINUTE
"""How long a call may take to be made, and to be told: a restart, a channel that is asked again."""
MOST = 1_000
"""Open incidents that are looked at, the newest; and calls of each."""
SAID = 5
"""What is wrong that is named in one record; the log has all of it."""


class Kept(Protocol):
    """What the store knows by itself."""

    async def incidents(
        self, *, status: str = "", before: str = "", limit: int = 100
    ) -> tuple[list[Incident], int]: ...

    async def rows(self, *, incident: str = "", state: str = "", limit: int = 100) -> list[LedgerRow]: ...


class EscalationCounts:
    """Counts what becomes of escalations, as the timelines of steps say it."""

    def __init__(self, registry: Registry) -> None:
        calls, ends = "Steps of escalations that called somebody.", "Escalations by what became of them."
        self._calls = registry.counters("healer_escalation_calls_total", calls, ("escalation",))
        self._ends = registry.counters("healer_escalations_total", ends, ("escalation", "end"))

    def read(self, timeline: Sequence[Happening]) -> None:
        """The lines of one step."""
        for line in timeline:
            name = line.facts.get("escalation", "")
            if line.code == "escalated":
                self._calls.of(name).inc()
            elif line.code in ("escalation ended", "escalation exhausted"):
                self._ends.of(name, line.facts.get("why", "exhausted")).inc()


class EscalationAudit:
    """Looks, and tells. `fold()` is what is decided by now, None while that is not known."""

    def __init__(self, store: Kept, journal: Journal, clock: Clock, fold: Callable[[], Fold | None]) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock
        self._fold = fold
        self._unfinished = 0

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("whether everybody was called cannot be told: %s", error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> list[str]:
        """What is wrong now, in sentences; people are told when that begins, and when it ends."""
        fold = self._fold()
        if fold is None:
            return []
        standing, charter = dict(fold.telling.escalations.remembered), fold.charter
        found: list[str] = []
        if standing or charter.settings.oncall.escalations:
            incidents, _ = await self._store.incidents(status="open", limit=MOST)
            now = self._clock.now()
            found = [*overdue(standing, now), *outlived(standing, {one.id for one in incidents}, now)]
            begun = [one for one in incidents if one.opened_at < now - SLACK]
            found += not_begun(begun, standing, lambda one: _named_always(fold, one, now))
            for one in incidents:
                if one.id in standing and not needless(one):
                    rows = await self._store.rows(incident=one.id, limit=MOST)
                    found += unheard(one.id, fold.telling.escalations.calls(one.id), rows, now)
        for why in found:
            log.warning("%s", why)
        self._unfinished = len(found)
        if bool(found) != fold.troubles.has(CODE):
            await self._journal.append([Arrival(Troubled(CODE, bool(found), "; ".join(found[:SAID])))])
        return found

    def samples(self) -> Iterator[Sample]:
        """What is to be alerted on."""
        fold = self._fold()
        if fold is None:
            return
        yield Sample("healer_escalations_unfinished", self._unfinished, help="Calls that were not made, or not told.")
        exhausted = fold.telling.escalations.exhausted()
        yield Sample(
            "healer_escalations_exhausted", exhausted, help="Open incidents of which nobody answered any call."
        )
        rota, now = fold.charter.rota, self._clock.now()
        for name in rota.oncall.schedules:
            reached = len({one.who or one.channel for one in rota.reach([name], now)})
            yield Sample(
                "healer_oncall_people", reached, (("schedule", name),), help="Who can be called now, by schedule."
            )


def overdue(standing: Mapping[str, Standing], now: Micros) -> Iterator[str]:
    """Steps whose time has come and gone."""
    for incident, of in standing.items():
        for name, climb in of.climbs.items():
            if climb.going and (late := now - climb.rings) > SLACK:
                yield f"escalation {name} of incident {incident} should have gone on {_said(late)} ago"


def outlived(standing: Mapping[str, Standing], still_open: Iterable[str], now: Micros) -> Iterator[str]:
    """Escalations that go on although their incident does not."""
    known = set(still_open)
    if len(known) >= MOST:
        return
    for incident, of in standing.items():
        for name, climb in of.climbs.items():
            if climb.going and incident not in known and climb.since < now - SLACK:
                yield f"escalation {name} goes on, and incident {incident} is over"


def not_begun(
    incidents: Sequence[Incident], standing: Mapping[str, Standing], named: Callable[[Incident], Sequence[str]]
) -> Iterator[str]:
    """Incidents of which somebody should be called, and no escalation began. `named` are those that should have."""
    for one in incidents:
        told_together = one.storm and one.severity != "critical"
        if needless(one) or told_together:
            continue
        begun = standing.get(one.id, Standing()).climbs
        for name in named(one):
            if name not in begun:
                yield f"escalation {name} of incident {one.id} did not begin"


def unheard(incident: str, calls: Sequence[Call], rows: Sequence[LedgerRow], now: Micros) -> Iterator[str]:
    """Calls that nobody heard for too long, also not in another channel."""
    heard = {(row.meant_for or row.channel, row.matter) for row in rows if row.told_revision}
    of = {(row.channel, row.matter): row for row in rows}
    for call in calls:
        place = call.channel, call.matter
        if place in heard or now - call.at <= SLACK:
            continue
        row = of.get(place)
        why = f": {row.why}" if row is not None and row.why else ""
        yield f"{call.channel} was called of incident {incident} {_said(now - call.at)} ago and did not hear it{why}"


def _named_always(fold: Fold, incident: Incident, now: Micros) -> list[str]:
    """The escalations that its routes named when it opened, and name now: by the hour they may be others."""
    before = fold.charter.escalations(incident, incident.opened_at)
    return [name for name in fold.charter.escalations(incident, now) if name in before]


def _said(span: Micros) -> str:
    return format_duration(span // MINUTE * MINUTE)
