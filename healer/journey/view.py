"""What converged so far, for those who read it: the API, the guards, verification. One committed state, never half a step."""

import difflib
from collections.abc import Callable, Iterator

from healer.alerts.asked import is_asked
from healer.alerts.maintenance import Maintenance
from healer.alerts.silences import Silence, identify
from healer.changes.model import Change, Touched
from healer.convergence import lasting
from healer.convergence.outcome import AlertView, AtWork, Incident
from healer.convergence.reasons import explain
from healer.journey.charter import Charter
from healer.journey.owner import SETTLED_S, Owner
from healer.journey.scopes import doubt
from healer.notification.own import is_own
from healer.remediation.autonomy import Record
from healer.times import Micros
from healer.topology.map import Map
from rules import Rule

COMPARED = 100_000
"""Names of nodes that are looked through for one that somebody may have meant."""
COMPARED_CLOSELY = 10_000
"""Of these, letter by letter, where none contains what was written."""
NEAR = 3


class View:
    """Reads the owner's fold. `silences` says how old the mirrored ones are, and whether they can be read."""

    def __init__(self, owner: Owner, silences: Callable[[], tuple[Micros | None, bool]]) -> None:
        self._owner = owner
        self.silences = silences

    async def settled(self, within: float = SETTLED_S) -> None:
        await self._owner.settled(within)

    # --- for the API

    def alerts(self) -> Iterator[AlertView]:
        yield from self._owner.fold.engine.alerts()

    def alert_count(self) -> int:
        return len(self._owner.fold.engine)

    def incident_alerts(self, incident: str) -> list[AlertView]:
        return self._owner.fold.engine.incident_alerts(incident)

    def why(self, alert: AlertView) -> list[str]:
        engine = self._owner.fold.engine
        by = engine.alert(beside) if (beside := alert.by or alert.beside) else None
        silence = engine.maintenance_of(alert.silence) or engine.silence_of(alert.silence) if alert.silence else None
        path = self._way(by.node, alert.node) if by is not None and alert.status == "suppressed" else ()
        settings, others = self.charter.settings.convergence, engine.alternatives(alert.labels)
        return explain(alert, by, settings, engine.now, path=path, silence=silence, others=others)

    def _way(self, above: str, below: str) -> list[str]:
        """The nodes from an alert's own up to its cause's."""
        index = self.topology.index
        way = index.path(index.id(above), index.id(below))
        return [index.name(node) for node in reversed(way)]

    def where(self, labels: bytes) -> tuple[int, int] | None:
        return self._owner.fold.engine.where(labels)

    def channels(self) -> tuple[str, ...]:
        return self.charter.settings.channels

    def heard(self, key: str) -> bool:
        return self._owner.fold.engine.heard(key)

    def is_beneath(self, node: str, above: str) -> bool:
        index = self.topology.index
        below, above_it = index.id(node), index.id(above)
        return below >= 0 and any(one == above_it for one, _ in index.above(below))

    def heard_of(self, change: Change) -> bool:
        return self._owner.fold.lately.heard_of(change)

    def touches(self, change: Change) -> tuple[str, ...]:
        return self._owner.fold.lately.touches(change)

    def lag(self) -> int:
        return self._owner.lag

    def ready(self) -> tuple[bool, str]:
        if not self._owner.ready:
            return False, "the journal is being read"
        if trouble := self._owner.troubles.get("commit"):
            return False, f"decisions cannot be stored: {trouble}"
        return True, ""

    # --- for guards and verification

    @property
    def charter(self) -> Charter:
        return self._owner.fold.charter

    @property
    def topology(self) -> Map:
        return self._owner.fold.map

    def rule(self, name: str, version: str) -> Rule | None:
        """A rule as it is now, or as an incident under way has it."""
        return self._owner.fold.planner.rule(name, version)

    def incident(self, id: str) -> Incident | None:
        return self._owner.fold.incident(id)

    def alert(self, labels: bytes) -> AlertView | None:
        return self._owner.fold.engine.alert(labels)

    def on_node(self, node: str) -> list[AlertView]:
        return self._owner.fold.engine.on_node(self.topology.index.id(node))

    def above_node(self, node: str) -> list[AlertView]:
        """The alerts that sit on any ancestor of a node."""
        index, engine = self.topology.index, self._owner.fold.engine
        number = index.id(node)
        return [alert for above, _ in index.above(number) for alert in engine.on_node(above)] if number >= 0 else []

    def at_work(self, node: str) -> AtWork | None:
        """The maintenance that is under way on a node, if it is."""
        return self._owner.fold.at_work(node)

    def changed(self, incident: Incident) -> Touched | None:
        """The newest change near an incident's root, before or after its onset."""
        return self._owner.fold.lately.newest(incident)

    @property
    def record(self) -> Record:
        """What rules have shown so far."""
        return self._owner.fold.planner.begun.record

    def deploying(self, node: str) -> Touched | None:
        """A deployment that is under way on a node, or on what it stands on."""
        return self._owner.fold.lately.under_way(node, self._owner.fold.engine.now)

    # --- for silences and maintenance

    def identify(self, position: int) -> str:
        """The id of what the record at this position of the journal said."""
        return identify(self._owner.fold.installation, position)

    def own_silence(self, id: str) -> Silence | None:
        return self._owner.fold.engine.own_silence(id)

    def all_silences(self) -> list[Silence]:
        """healer's own, some of them over, and those that are mirrored."""
        return self._owner.fold.engine.silences()

    def maintenance(self) -> list[Maintenance]:
        return self._owner.fold.engine.maintenance()

    def maintenance_of(self, id: str) -> Maintenance | None:
        return self._owner.fold.engine.maintenance_of(id)

    def near(self, node: str) -> list[str] | None:
        """None for a node of the topology; else names of nodes that somebody may have meant, the nearest first."""
        index = self.topology.index
        if index.id(node) >= 0:
            return None
        said, names = node.rpartition("/")[2], [index.name(number) for number in range(min(len(index), COMPARED))]
        alike = [name for name in names if said and said in name]
        return sorted(alike, key=len)[:NEAR] or difflib.get_close_matches(node, names[:COMPARED_CLOSELY], NEAR)

    def doubt(self, scope: str) -> str:
        """What is wrong with a scope of the kill switch, "" where nothing is, and where nobody knows yet."""
        if not self.ready()[0]:
            return ""
        return doubt(scope, {rule.name for rule in self.charter.ruleset.rules}, self.topology, self.near)

    # --- for onsets

    def undated(self) -> Iterator[tuple[str, bytes, Micros]]:
        return self._owner.fold.engine.undated()

    def rules_of(self, source: str) -> tuple[lasting.Rule, ...]:
        return self._owner.fold.engine.rules_of(source)

    # --- for reconciliation

    def troubles(self) -> list[str]:
        """The codes of what is wrong with healer itself."""
        return self._owner.fold.troubles.all()

    def told_by_alertmanager(self) -> Iterator[bytes]:
        """Canonical labels of what fires, less what healer says of itself, and what people ask of it."""
        fires = self._owner.fold.engine.what_fires()
        return (labels for labels in fires if not is_own(labels) and not is_asked(labels))
