"""How healer itself is doing, as metrics: what deploy/prometheus/healer-alerts.yml alerts on.

Most numbers are read from memory when somebody asks; those that only the store knows are looked up every `EVERY_S`.
"""

import asyncio
from collections.abc import Iterator

from healer.journey.owner import Owner
from healer.journey.ports import StoreUnavailable
from healer.seams import Clock, Spawn
from healer.store.store import Store
from healer.telemetry.metrics import Sample

EVERY_S = 15.0


class Vitals:
    """Reads the owner, the supervisor and the store."""

    def __init__(self, owner: Owner, store: Store, spawn: Spawn, clock: Clock) -> None:
        self._owner = owner
        self._store = store
        self._spawn = spawn
        self._clock = clock
        self._available = True
        self._dead = 0
        self._paused = 0

    async def run(self) -> None:
        """Look at what only the store knows, until cancelled."""
        while True:
            try:
                self._dead = len(await self._store.rows(state="dead", limit=1_000))
                self._paused = sum(switch.thrown for switch in await self._store.switches())
                self._available = True
            except StoreUnavailable:
                self._available = False
            await asyncio.sleep(EVERY_S)

    def samples(self) -> Iterator[Sample]:
        """One number each; see the help texts."""
        owner = self._owner
        ready = owner.ready
        yield Sample("healer_ready", ready, help="Whether everything accepted is decided.")
        available = self._available and "commit" not in owner.troubles
        yield Sample("healer_store_available", available, help="Whether the store took the last write.")
        yield Sample("healer_dead_letters", self._dead, help="Notices that nobody could be told (at most 1000).")
        unheard = "Notices withdrawn because their incidents were over before anybody heard, and not critical."
        yield Sample("healer_notices_unheard_total", self._store.unheard, (), "counter", unheard)
        yield Sample("healer_paused", self._paused, help="Kill switches that are thrown.")
        yield Sample("healer_journal_lag_records", owner.lag, help="Alerts accepted and not yet decided.")
        for name, failures in sorted(self._spawn.failures.items()):
            labels = (("task", name.partition(" ")[0]),)
            yield Sample(
                "healer_task_failures_total", failures, labels, "counter", "Tasks that raised and were restarted."
            )
        if (tenure := owner.tenure) is not None:
            yield Sample("healer_converges", tenure.leads, help="Whether this replica is the one that converges.")
            yield Sample("healer_epoch", tenure.known().epoch, help="How often the right to converge was taken.")
        if not ready:
            return
        fold = owner.fold
        yield Sample("healer_alerts", len(fold.engine), help="Alerts known.")
        yield Sample("healer_alerts_firing", fold.engine.firing, help="Alerts that fire.")
        mapped, aside = fold.engine.mapped, fold.engine.state.aside
        unmapped = len(fold.engine) - mapped - aside
        yield Sample("healer_alerts_mapped", mapped, help="Alerts that sit on a node of the topology.")
        yield Sample("healer_alerts_unmapped", unmapped, help="Alerts of which no line of topology.nodes says a node.")
        share = mapped / (mapped + unmapped) if mapped + unmapped else 1.0
        yield Sample(
            "healer_alerts_mapped_ratio", share, help="Of the alerts that are about a node, the share that has one."
        )
        for severity in fold.engine.unknown_severities:
            yield Sample(
                "healer_unknown_severity", 1, (("severity", severity),), help="Severities counted as warning: unknown."
            )
        open_now = sum(1 for incident in fold.incidents() if incident.status == "open")
        yield Sample("healer_incidents_open", open_now, help="Incidents that are open.")
        yield Sample("healer_quarantined", fold.skipped, help="Records that could not be applied.")
        yield Sample("healer_journal_position", owner.applied, help="The last record in a committed step.")
        yield Sample("healer_steps_total", owner.steps, (), "counter", "Steps committed since start.")
        yield Sample(
            "healer_replay_mismatches_total", owner.mismatches, (), "counter", "Steps replay decided otherwise."
        )
