"""What storms of all families have in common: a system that stays the same, its habits, and one storm being made. Pure."""

from typing import Protocol

from healer.rehearsal.generators.chance import Chance
from healer.rehearsal.generators.storm import Cause, Firing, Storm
from healer.times import DAY, HOUR, SECOND, Micros

EPOCH: Micros = 1_767_571_200 * SECOND
EVALUATION = 60
"""Seconds between evaluations of a rule: what began between two of them is noticed at the same instant."""
OUTAGE = (8, 40)
"""Minutes until a fault is repaired."""
RECOVERS = 3
"""Evaluations at most from the repair to the end of a symptom."""


class System(Protocol):
    """One installation. Edges are what its operators wrote down, `[parent, child]`."""

    nodes: list[str]
    edges: list[tuple[str, str]]

    def strike(self, scene: "Scene") -> str:
        """Let something happen; what it was, in a sentence."""
        ...


class Graph:
    """Nodes and edges being written down, with what lies directly above and beneath each."""

    def __init__(self) -> None:
        self.nodes: list[str] = []
        self.edges: list[tuple[str, str]] = []
        self.below: dict[str, list[str]] = {}
        self.above: dict[str, list[str]] = {}

    def put(self, node: str, *parents: str) -> str:
        """A node beneath these."""
        self.nodes.append(node)
        self.below[node], self.above[node] = [], []
        for parent in parents:
            self.tie(parent, node)
        return node

    def tie(self, parent: str, child: str) -> None:
        """An edge more, unless it is there."""
        if child not in self.below[parent]:
            self.edges.append((parent, child))
            self.below[parent].append(child)
            self.above[child].append(parent)

    def reached(self, node: str) -> set[str]:
        """The node and all beneath it."""
        seen, waiting = {node}, [node]
        while waiting:
            for child in self.below[waiting.pop()]:
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
        return seen


class Habits:
    """What is wrong so often that nobody looks any more: alerts with the percent of storms in which they fire besides."""

    def __init__(self, nodes: list[str], names: tuple[tuple[str, str], ...], chance: Chance) -> None:
        count = max(len(nodes) // 6, 1)
        self._known = [(node, *chance.pick(names), chance.between(10, 60)) for node in chance.some(nodes, count)]
        self._nodes, self._names = nodes, names

    def disturb(self, scene: "Scene", percent: int) -> None:
        """The habitual alerts, and about so many others, in percent of what fires, anywhere."""
        for node, name, severity, often in self._known:
            if scene.chance.happens(often):
                scene.fire(node, name, severity, scene.chance.between(-600, 600), fault=None)
        for _ in range(len(scene.alerts) * percent // (100 - percent)):
            node, (name, severity) = scene.chance.pick(self._nodes), scene.chance.pick(self._names)
            scene.fire(node, name, severity, scene.chance.between(-300, 900), fault=None)


class Scene:
    """One storm of one system."""

    def __init__(self, family: str, seed: int, number: int) -> None:
        self.family, self.seed = family, seed
        self.name = f"{family}-{seed}" + (f"-{number + 1}" if number else "")
        self.chance = Chance(f"{family} {seed} {number}")
        self.begins: Micros = EPOCH + number * DAY + self.chance.below(DAY // HOUR) * HOUR
        self.ends: Micros = self.begins + self.chance.between(*OUTAGE) * 60 * SECOND
        self.alerts: list[Firing] = []
        self.faults: list[tuple[str, Micros, set[int]]] = []
        self._at: dict[tuple[str, str], int] = {}

    def fault(self, node: str, after: int = 0) -> int:
        """Something breaks so many seconds after the storm begins; its number."""
        self.faults.append((node, self.begins + after * SECOND, set()))
        return len(self.faults) - 1

    def fire(self, node: str, name: str, severity: str, after: int, *, fault: int | None = 0, **labels: str) -> None:
        """An alert whose condition holds so many seconds after the storm begins, noticed by the next evaluation.

        `fault` None is noise. An alert that fires already belongs to both faults.
        """
        at = self._at.get((node, name))
        if at is None:
            seconds = (after // EVALUATION + 1) * EVALUATION
            starts = self.begins + seconds * SECOND
            ends = self.ends + self.chance.below(RECOVERS) * EVALUATION * SECOND
            at = self._at[node, name] = len(self.alerts)
            own = {"alertname": name, "node": node, "severity": severity, "job": self.family}
            self.alerts.append(Firing(own | labels, f"{name} on {node}", starts, ends if ends > starts else 0))
        if fault is not None:
            self.faults[fault][2].add(at)

    def storm(self, about: str, system: System) -> Storm:
        order = sorted(range(len(self.alerts)), key=lambda at: (self.alerts[at].starts_at, self.alerts[at].summary))
        place = {at: number for number, at in enumerate(order)}
        return Storm(
            name=self.name,
            kind=self.family,
            about=about,
            nodes=tuple(system.nodes),
            edges=tuple(system.edges),
            alerts=tuple(self.alerts[at] for at in order),
            causes=tuple(
                Cause(node, begins, tuple(sorted(place[at] for at in caused))) for node, begins, caused in self.faults
            ),
            waits={},
        )
