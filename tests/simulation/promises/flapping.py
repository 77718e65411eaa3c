"""Flapping: people hear once of what comes and goes, and nothing is begun for it, until it is calm.

Counted by what each step shows of an alert: what came and went within one step is not seen, so no count is too high.
"""

from typing import NamedTuple

from healer.assembly import Healer
from healer.convergence.outcome import Incident
from healer.journey.ports import Step
from healer.times import Micros
from tests.simulation.court import Court
from tests.simulation.options import Options
from tests.simulation.promises import Checker
from tests.simulation.tape import Tape

BEGUN = {"planned", "awaiting_approval"}


class Change(NamedTuple):
    """An end, or a new beginning: after the look before, at the latest now. Engine time."""

    after: Micros
    by: Micros


class OnceUntilCalm(Checker):
    """Looks at every alert after every committed step."""

    def __init__(self, court: Court, tape: Tape, options: Options) -> None:
        self._court = court
        self._tape = tape
        self._options = options
        self._fired: dict[bytes, bool] = {}
        self._changes: dict[bytes, list[Change]] = {}
        self._until: dict[bytes, Micros] = {}
        """Until when an alert is flapping at least."""
        self._looked: Micros = 0
        self._open: set[str] = set()
        self.count = 0

    def stepped(self, healer: Healer, step: Step) -> None:
        engine = healer.owner.fold.engine
        self._tape.pull()
        now = engine.now - self._tape.away(healer.owner.applied)
        before = {labels for labels, until in self._until.items() if self._looked < until and now < until}
        self._begun(healer, step, before)
        self._note({one.labels: one.status != "resolved" for one in engine.alerts()}, now)
        for labels, until in self._until.items():
            alert = engine.alert(labels)
            if now < until and alert is not None and alert.status != "resolved" and not alert.flapping:
                self._court.accuse("flapping", f"{labels!r} came and went, and nobody says so")
        self._looked = now
        for incident in healer.owner.fold.incidents():
            if (
                incident.id in self._open
                and self._ended(incident, now)
                and (alert := engine.alert(incident.root.labels))
                and not alert.by
            ):
                self._court.accuse("flapping", f"incident {incident.id} ended while its root comes and goes")

        self._open = {one.id for one in healer.owner.fold.incidents() if one.status == "open"}

    def _begun(self, healer: Healer, step: Step, flapping: set[bytes]) -> None:
        for planned in step.planned:
            incident = healer.owner.fold.incident(planned.plan.incident)
            if incident is not None and incident.root.labels in flapping and planned.state in BEGUN:
                self._court.accuse(
                    "flapping", f"{planned.remediation} begins for {incident.title}, which comes and goes"
                )

    def _note(self, fires: dict[bytes, bool], now: Micros) -> None:
        limits = self._options
        for labels in {**self._fired, **fires}:
            was, is_now = self._fired.get(labels), fires.get(labels, False)
            self._fired[labels] = is_now
            if was is None or was == is_now:
                continue
            known = self._changes.get(labels, [])
            if is_now and (not known or now - known[-1].after >= limits.flap_within):
                continue  # what began after such a while is new
            recent = [*known, Change(self._looked, now)][-limits.flap_changes :]
            self._changes[labels] = recent
            if len(recent) == limits.flap_changes and recent[-1].by - recent[0].after < limits.flap_within:
                self.count += 1
                self._until[labels] = recent[-1].after + limits.flap_within

    def _ended(self, incident: Incident, now: Micros) -> bool:
        if incident.status != "resolved" or incident.people.closed_by:
            return False
        return now < self._until.get(incident.root.labels, 0)
