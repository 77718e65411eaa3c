"""Which guard would have stopped it? All the guards that there are, asked over a fold instead of a running service. Pure.

Asked by `healer.rehearsal.meanwhile` and `what_if`. What nobody recorded is taken to allow: the pause file, silences of an
Alertmanager beyond those in the journal, intents without an outcome.
"""

from collections.abc import Sequence

import msgspec

from healer.changes.model import Touched
from healer.convergence.outcome import AlertView, AtWork, Incident
from healer.journey.charter import Charter
from healer.journey.fold import Fold
from healer.journey.ports import Planned
from healer.journey.records import Progressed
from healer.remediation import guards
from healer.remediation.guards.counted import Counted, Place, Run
from healer.remediation.guards.observed import Held
from healer.remediation.home import Home
from healer.remediation.model import UNDER_WAY, Plan, Refused, Remediation
from healer.remediation.observing import Observing
from healer.times import HOUR, Micros
from healer.topology.map import Map
from rules import Rule


class _Began(msgspec.Struct, frozen=True):
    at: Micros
    state: str


class Ledger:
    """Which remediations count under which limits, as the store would have counted them."""

    def __init__(self) -> None:
        self._plans: dict[str, Plan] = {}
        self._began: dict[str, _Began] = {}
        self._by_key: dict[str, list[str]] = {}

    def plan(self, planned: Planned) -> None:
        """Somebody may begin it."""
        self._plans[planned.remediation] = planned.plan

    def pretend(self, planned: Planned, now: Micros) -> None:
        """A dry run kept it back; it counts as if it had been done, and had helped."""
        self.plan(planned)
        self._count(planned.remediation, now, "succeeded")

    def progress(self, record: Progressed, now: Micros) -> None:
        """It got so far."""
        began = self._began.get(record.remediation)
        if record.state == "executing" and record.remediation in self._plans:
            self._count(record.remediation, now, record.state)
        elif began is not None:
            self._began[record.remediation] = msgspec.structs.replace(began, state=record.state)

    def counted(self, id: str, plan: Plan, place: Place, now: Micros) -> Counted:
        """What T3 would have found for another remediation."""
        others = (one for one, began in self._began.items() if one != id and began.state in UNDER_WAY)
        return Counted(
            now,
            place,
            runs={limit.key: tuple(self._runs(limit.key, id)) for limit in plan.limits},
            under_repair=frozenset(step.node for one in others for step in self._plans[one].steps if step.node),
        )

    def _count(self, id: str, now: Micros, state: str) -> None:
        if id not in self._began:
            for key in dict.fromkeys(limit.key for limit in self._plans[id].limits):
                self._by_key.setdefault(key, []).append(id)
        self._began[id] = _Began(now, state)

    def _runs(self, key: str, but: str) -> list[Run]:
        found = [(one, self._began[one]) for one in self._by_key.get(key, ()) if one != but]
        return [
            Run(one, began.at, began.state, acting=began.state == "executing", going=began.state in UNDER_WAY)
            for one, began in found
        ]


def refuse(fold: Fold, id: str, plan: Plan, ledger: Ledger) -> Refused | None:
    """The first guard that would not let its first effect begin now."""
    step = next((step for step in plan.steps if step.node), None)
    if step is None:
        return None
    now = fold.engine.now
    remediation = Remediation(id, plan, "planned", created_at=now, deadline=now + HOUR)
    observing = Observing(_Then(fold), _Clock(now), Home(), lambda _: "")
    observed = observing.observe(remediation, step, Held(True, "it matched", now))
    refused = guards.refuse(plan, step, observed)
    if refused is not None:
        return refused
    counted = ledger.counted(id, plan, observing.place(plan.rule, step.node), now)
    return guards.refusal(guards.count(plan, step, counted))


class _Clock(msgspec.Struct, frozen=True):
    """An instant of the past."""

    at: Micros

    def now(self) -> Micros:
        return self.at

    def monotonic(self) -> Micros:
        return self.at


class _Then:
    """A fold as guards look at it."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold

    async def settled(self, within: float = 2.0) -> None:
        """Nothing is under way."""

    @property
    def charter(self) -> Charter:
        return self._fold.charter

    @property
    def topology(self) -> Map:
        return self._fold.map

    def rule(self, name: str, version: str) -> Rule | None:
        return self._fold.planner.rule(name, version)

    def incident(self, id: str) -> Incident | None:
        return self._fold.incident(id)

    def alert(self, labels: bytes) -> AlertView | None:
        return self._fold.engine.alert(labels)

    def on_node(self, node: str) -> Sequence[AlertView]:
        return self._fold.engine.on_node(self._fold.map.index.id(node))

    def above_node(self, node: str) -> Sequence[AlertView]:
        index, engine = self._fold.map.index, self._fold.engine
        number = index.id(node)
        return [alert for above, _ in index.above(number) for alert in engine.on_node(above)] if number >= 0 else []

    def at_work(self, node: str) -> AtWork | None:
        return self._fold.at_work(node)

    def changed(self, incident: Incident) -> Touched | None:
        return self._fold.lately.newest(incident)

    def deploying(self, node: str) -> Touched | None:
        return self._fold.lately.under_way(node, self._fold.engine.now)

    def silences(self) -> tuple[Micros | None, bool]:
        return None, True
