"""A small world to converge in: a graph drawn in one line, and histories told in lines.

    World("switch/s > rack/r > host/a host/b").play('''
        0s   HostDown on host/a critical
        10s  HostDown on host/a ends
        20s  HostDown on host/a again critical since=15s from=prometheus-b lives=5m
    ''')

A line says when (after `START`), which alert, and what about it: a severity begins it (or repeats it, with the same
`startsAt`, while it fires), `still` repeats the interval it had, `again` begins a new one, `ends` ends it. Lines of one
instant and sender are one delivery.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Self

from healer.alerts.glance import Values
from healer.alerts.identity import canonical
from healer.alerts.maintenance import Maintenance
from healer.alerts.model import Alert
from healer.alerts.silences import Silence, SilenceMatcher, identify
from healer.convergence.engine import Closed, Engine
from healer.convergence.outcome import AlertView, Happening, Incident
from healer.convergence.settings import Convergence
from healer.times import Micros, parse_duration
from healer.topology.graph import Group, Node, topology
from healer.topology.index import Index

START: Micros = 1_767_780_000_000_000
"""2026-01-07T10:00:00Z."""
SEVERITIES = {"info", "warning", "error", "critical", "none"}
_LINE = re.compile(r"(\S+)\s+(\S+)\s+on\s+(\S+)\s*(.*)")


class Graph:
    """A topology in memory: edges by name; an alert sits on the node that its label `on` names, if there is one."""

    def __init__(
        self,
        edges: Iterable[tuple[str, str]],
        nodes: Iterable[str] = (),
        groups: Iterable[tuple[str, int, tuple[str, ...]]] = (),
    ) -> None:
        edges = list(edges)
        self.names = sorted({*nodes, *(name for edge in edges for name in edge)})
        self._ids = {name: number for number, name in enumerate(self.names)}
        self.owners: dict[str, str] = {}
        self._up: dict[int, set[int]] = defaultdict(set)
        self._down: dict[int, set[int]] = defaultdict(set)
        for parent, child in edges:
            self._up[self._ids[child]].add(self._ids[parent])
            self._down[self._ids[parent]].add(self._ids[child])
        redundancy: dict[str, list[Group]] = defaultdict(list)
        for child, needs, members in groups:
            redundancy[child].append(Group(needs, members))
        index = Index(topology(map(Node, self.names), edges))
        for name, said in redundancy.items():
            index.add(name, redundancy=tuple(said))
        assert [index.id(name) for name in self.names] == list(range(len(self.names)))
        self.circle, self.reaching, self.groups = index.circle, index.reaching, index.groups

    @classmethod
    def drawn(cls, drawing: str, *groups: tuple[str, int, tuple[str, ...]]) -> "Graph":
        """`a > b c > d; e > c`: each of a group is above each of the next one; a chain ends at a semicolon."""
        edges: list[tuple[str, str]] = []
        nodes: list[str] = []
        for chain in drawing.split(";"):
            levels = [group.split() for group in chain.split(">")]
            nodes.extend(name for level in levels for name in level)
            for parents, children in pairwise(levels):
                edges.extend((parent, child) for parent in parents for child in children)
        return cls(edges, nodes, groups)

    reads = ("on", "explains")

    def place(self, values: Values) -> int:
        return self._ids.get(values[0] or "", -1)

    def explains(self, values: Values) -> bool:
        return values[1] != "never"

    def above(self, node: int) -> Sequence[tuple[int, int]]:
        return self._walk(node, self._up)

    def below(self, node: int) -> Iterator[int]:
        return (found for found, _ in self._walk(node, self._down))

    def owner(self, node: int) -> str:
        return self.owners.get(self.names[node], "") if node >= 0 else ""

    def name(self, node: int) -> str:
        return self.names[node]

    def id(self, name: str) -> int:
        return self._ids.get(name, -1)

    def hops(self, above: str, below: str) -> int:
        """How far a node is from one of its ancestors; 0 when it is none."""
        return dict(self.above(self._ids[below])).get(self._ids[above], 0)

    def _walk(self, node: int, edges: Mapping[int, set[int]]) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        seen, level, distance = {node}, [node], 0
        while level:
            distance += 1
            level = sorted({other for one in level for other in edges.get(one, ())} - seen)
            seen.update(level)
            found.extend((one, distance) for one in level)
        return found


class World:
    """An engine, its clock at `START`, and what it told so far: the newest of each incident, the whole timeline."""

    def __init__(self, graph: str | Graph, settings: Convergence | None = None, installation: str = "test") -> None:
        self.graph = Graph.drawn(graph) if isinstance(graph, str) else graph
        self.engine = Engine(settings or Convergence(join=False), self.graph, installation)
        self.engine.advance(START)
        self.incidents: dict[str, Incident] = {}
        self.timeline: list[Happening] = []
        self.closed: list[Closed] = []
        self.flapped: set[str] = set()
        """Incidents that were flapping at some time."""
        self.position = 0
        self._labels: dict[str, bytes] = {}
        self._began: dict[bytes, Micros] = {}

    # --- what happens

    def play(self, history: str) -> Self:
        """Let the lines happen, each at its time."""
        lines = [_LINE.fullmatch(line.strip()) for line in history.splitlines() if line.strip()]
        read = [self._read(*found.groups()) for found in lines if found is not None]
        assert len(read) == len(lines), f"cannot read {history}"
        for (at, sender), told in groupby(read, key=lambda one: one[:2]):
            self.deliver(at, tuple(alert for _, _, alert in told), sender)
        return self

    def deliver(self, at: Micros, alerts: tuple[Alert, ...], sender: str = "prometheus") -> None:
        """One delivery, accepted at `at` (wall time)."""
        self.position += 1
        self.pass_to(at)
        self.engine.deliver(sender, alerts, self.position, at)
        self.take()

    def until(self, text: str) -> Self:
        """Let time pass until so long after `START`."""
        self.pass_to(START + parse_duration(text))
        self.take()
        return self

    def pass_to(self, to: Micros) -> None:
        """Let time pass as the fold does: what a timer changed is taken before the next one fires."""
        while (due := self.engine.next_due()) is not None and due <= to:
            self.engine.advance(due)
            self.take()
        self.engine.advance(to)

    def silence(self, source: str, *silences: tuple[str, str, str], readable: bool = True) -> Self:
        """What a source silences now: a node, or `Name@node`, with begin and end after `START`."""
        told = tuple(
            Silence(
                f"silence of {on}",
                source,
                tuple(map(SilenceMatcher, ("on", "alertname"), reversed(on.split("@")))),
                START + parse_duration(begin),
                START + parse_duration(end),
            )
            for on, begin, end in silences
        )
        self.engine.silence(source, readable, told)
        self.take()
        return self

    def maintain(
        self,
        node: str,
        begin: str,
        end: str,
        *,
        below: bool = False,
        schedule: str = "",
        zone: str = "",
        lasts: str = "0",
    ) -> str:
        """Somebody works on a node; its id. With `schedule` and `zone`, `lasts` is how long each time is."""
        self.position += 1
        times = START + parse_duration(begin), START + parse_duration(end) if end else 0
        said = Maintenance("", "jo", "new disks", *times, node, below, (), schedule, zone, parse_duration(lasts))
        self.engine.maintain(said, self.position)
        self.take()
        return identify(self.engine.state.installation, self.position)

    def vanish(self, *who: str) -> Self:
        self.engine.vanish(tuple(self._labels[one] for one in who))
        self.take()
        return self

    def take(self) -> None:
        taken = self.engine.take()
        self.incidents.update((one.id, one) for one in taken.incidents)
        self.flapped.update(one.id for one in taken.incidents if one.flapping)
        self.timeline.extend(taken.timeline)
        self.closed.extend(taken.closed)

    # --- what is known

    def __getitem__(self, who: str) -> AlertView:
        """The alert `Name@node` as it is judged now."""
        view = self.engine.alert(self._labels[who])
        assert view is not None, f"{who} is forgotten"
        return view

    def knows(self, who: str) -> bool:
        return self.engine.alert(self._labels[who]) is not None

    def status(self, who: str) -> str:
        return self[who].status

    def by(self, who: str) -> str:
        """Which alert explains this one, "" for none."""
        return next((name for name, labels in self._labels.items() if labels == self[who].by), "")

    def incident(self, who: str) -> Incident:
        """The incident this alert belongs to."""
        return self.incidents[self[who].incident]

    @property
    def open(self) -> list[Incident]:
        return [one for one in self.incidents.values() if one.status == "open"]

    def happened(self, incident: Incident) -> list[str]:
        """The codes of an incident's timeline."""
        return [one.code for one in self.timeline if one.incident == incident.id]

    def _read(self, when: str, name: str, on: str, rest: str) -> tuple[Micros, str, Alert]:
        at = START + parse_duration(when)
        words = rest.split()
        said = dict(word.split("=", 1) for word in words if "=" in word)
        plain = {word for word in words if "=" not in word}
        assert plain <= SEVERITIES | {"ends", "still", "again"}, f"cannot read {rest!r}"
        sender, lives, since = said.pop("from", "prometheus"), said.pop("lives", ""), said.pop("since", "")
        severity = next(iter(plain & SEVERITIES), "")
        who = f"{name}@{on}"
        if severity:
            self._labels[who] = canonical({"alertname": name, "on": on, "severity": severity, **said})
        labels = self._labels[who]
        known = self.engine.alert(labels)
        repeats = "still" in plain or "ends" in plain or (known is not None and not known.ended_at)
        if since:
            began = START - parse_duration(since[1:]) if since.startswith("-") else START + parse_duration(since)
        elif repeats and "again" not in plain:
            began = self._began.get(labels, at)
        else:
            began = at
        self._began[labels] = began
        ends_at = at if "ends" in plain else at + parse_duration(lives) if lives else 0
        return at, sender, Alert(labels, "ends" not in plain, began, ends_at)
