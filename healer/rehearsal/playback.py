"""What would healer have made of this storm? The real engine over a case's alerts, on a virtual clock. Pure.

Every alert arrives when it began and ends when the file says so. Called by `healer converge` and the quality bench.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from healer.alerts.matchers import parse_matchers
from healer.alerts.model import Alert
from healer.convergence.engine import Engine
from healer.convergence.history import Remembered
from healer.convergence.outcome import AlertView, Incident
from healer.convergence.reasons import explain
from healer.convergence.settings import Convergence
from healer.rehearsal.case import Case, Interval
from healer.times import HOUR, Micros
from healer.topology.map import Map
from healer.topology.settings import Mapping

BY_NODE = (Mapping(match=parse_matchers(['node!=""']), node="{node}"),)
"""In a case an alert sits on the node that its label names, whether the topology has it or not."""
MAX_NODES = 2_000_000
SENDER = "file"
AFTERWARDS: Micros = HOUR
"""How long the clock runs on after the last alert, so that every hold and settle runs out."""


class Seen(msgspec.Struct, frozen=True):
    """One alert as it was judged last while it fired, with the sentences of its reason."""

    view: AlertView
    because: tuple[str, ...]


class Found(msgspec.Struct, frozen=True):
    """One incident with its alerts, root first; `absorbed` are the ids of incidents that were told and became part of it."""

    incident: Incident
    alerts: tuple[Seen, ...]
    absorbed: tuple[str, ...]


class Played(msgspec.Struct, frozen=True):
    """What came of one case: its incidents, largest first, and the alerts that nobody would have been told of."""

    case: str
    incidents: tuple[Found, ...]
    untold: tuple[Seen, ...]


def play(case: Case, settings: Convergence) -> Played:
    """Let a case happen."""
    return _Playback(case, settings, Remembered()).run()


def play_all(cases: Iterable[Case], settings: Convergence) -> Iterator[Played]:
    """Cases that are one installation's history, in this order."""
    history = Remembered()
    for case in cases:
        playback = _Playback(case, settings, history)
        yield playback.run()
        history = playback.end()


class _Playback:
    def __init__(self, case: Case, settings: Convergence, history: Remembered) -> None:
        self._case = case
        self._settings = settings = msgspec.structs.replace(settings, for_={**settings.for_, **case.waits})
        self._topology = Map(case.topology, BY_NODE, (), MAX_NODES)
        self._engine = Engine(settings, self._topology, case.name, history=history)
        self._position = 0
        self._incidents: dict[str, Incident] = {}
        self._seen: dict[bytes, Seen] = {}

    def run(self) -> Played:
        last = 0
        for at, alerts in _moments(self._case.alerts):
            self._pass(at)
            for alert in alerts:
                if not alert.firing:
                    self._look(alert.labels)
            self._position += 1
            self._engine.deliver(SENDER, alerts, self._position, at)
            self._take()
            last = at
        if last:
            self._pass(last + AFTERWARDS)
            for view in list(self._engine.alerts()):
                if not view.ended_at:
                    self._look(view.labels)
        return self._played()

    def end(self) -> Remembered:
        """Let everything be over, as it is before the next case begins. What is remembered of all that happened."""
        firing = tuple(
            Alert(view.labels, False, view.starts_at, 0) for view in self._engine.alerts() if not view.ended_at
        )
        if firing:
            at = self._engine.now
            self._engine.deliver(SENDER, firing, self._position + 1, at)
            self._pass(at + AFTERWARDS)
        return self._engine.history

    def _pass(self, until: Micros) -> None:
        """Let time pass, timer by timer, so that nothing that was so for a while is missed."""
        while (due := self._engine.next_due()) is not None and due <= until:
            self._engine.advance(due)
            self._take()
        self._engine.advance(until)

    def _take(self) -> None:
        for incident in self._engine.take().incidents:
            self._incidents[incident.id] = incident

    def _look(self, labels: bytes) -> None:
        """Keep what is said of an alert now, because it is about to end, or the case is."""
        view = self._engine.alert(labels)
        if view is None or view.ended_at:
            return
        by = self._engine.alert(beside) if (beside := view.by or view.beside) else None
        path = self._path(by.node, view.node) if by is not None and view.status == "suppressed" else []
        because = explain(view, by, self._settings, self._engine.now, path=path)
        self._seen[labels] = Seen(view, tuple(because))

    def _path(self, above: str, below: str) -> list[str]:
        index = self._topology.index
        way = index.path(index.id(above), index.id(below))
        return [index.name(node) for node in reversed(way)]

    def _played(self) -> Played:
        alerts: dict[str, list[Seen]] = defaultdict(list)
        absorbed: dict[str, list[str]] = defaultdict(list)
        for seen in self._seen.values():
            alerts[self._survivor(seen.view.incident)].append(seen)
        for id in self._incidents:
            if (survivor := self._survivor(id)) != id:
                absorbed[survivor].append(id)
        found = [
            Found(incident, tuple(sorted(alerts[id], key=_rank)), tuple(absorbed[id]))
            for id, incident in self._incidents.items()
            if incident.status != "merged"
        ]
        found.sort(key=lambda one: (-len(one.alerts), one.incident.opened_at, one.incident.id))
        return Played(self._case.name, tuple(found), tuple(sorted(alerts[""], key=_rank)))

    def _survivor(self, id: str) -> str:
        """The incident that speaks for this one in the end."""
        while (incident := self._incidents.get(id)) is not None and incident.merged_into:
            id = incident.merged_into
        return id


_ORDER = {"root": 0, "member": 1, "held": 2, "silenced": 3, "suppressed": 4, "resolved": 5}


def _rank(seen: Seen) -> tuple[int, Micros, bytes]:
    return _ORDER[seen.view.status], seen.view.onset, seen.view.labels


def _moments(alerts: Iterable[Interval]) -> Iterator[tuple[Micros, tuple[Alert, ...]]]:
    """What happens when: the alerts that begin at an instant, then those that end at it."""
    happenings: list[tuple[Micros, bool, Alert]] = []
    for one in _joined(alerts):
        happenings.append((one.starts_at + one.late, False, Alert(one.labels, True, one.starts_at, 0)))
        if one.ends_at:
            happenings.append(
                (one.ends_at + max(one.late, 0), True, Alert(one.labels, False, one.starts_at, one.ends_at))
            )
    happenings.sort(key=lambda one: (one[0], one[1], one[2].labels))
    for at, group in groupby(happenings, key=lambda one: one[0]):
        yield at, tuple(alert for _, _, alert in group)


def _joined(alerts: Iterable[Interval]) -> Iterator[Interval]:
    """Intervals of one alert that touch are one, as Alertmanager merges them; one without an end swallows all later."""
    by_labels: dict[bytes, list[Interval]] = defaultdict(list)
    for one in sorted(alerts):
        there = by_labels[one.labels]
        if there and (not there[-1].ends_at or one.starts_at <= there[-1].ends_at):
            before = there[-1]
            ends_at = max(before.ends_at, one.ends_at) if before.ends_at and one.ends_at else 0
            there[-1] = Interval(before.starts_at, ends_at, one.labels, before.late)
        else:
            there.append(one)
    for there in by_labels.values():
        yield from there
