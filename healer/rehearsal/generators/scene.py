"""A storm being made: a datacentre, what broke in it, and what fires. Used by the kinds of storms. Pure."""

from collections.abc import Iterable, Iterator

import msgspec

from healer.rehearsal.generators.alarms import LATER, NOISE, Rules, raised
from healer.rehearsal.generators.chance import Chance
from healer.rehearsal.generators.datacentre import Datacentre, datacentre
from healer.rehearsal.generators.fault import Fault, alerts, fault, firing
from healer.rehearsal.generators.storm import Cause, Firing, Storm
from healer.times import DAY, HOUR, MINUTE, SECOND, Micros
from healer.topology.index import kind_of

EPOCH: Micros = 1_767_571_200 * SECOND
"""2026-01-05T00:00:00Z, a Monday: the first storm of an installation is on it, each next one a day later."""
OUTAGE = (12, 45)
"""Minutes that a fault lasts, where it ends."""
ENDS = 50
"""Of a hundred faults, how many are repaired before the recording stops."""

CORES = 25
"""Of a hundred switches that fail, at least so many are core switches."""


class Scene:
    """One storm of one kind. `number` counts the storms of an installation, whose datacentre stays the same."""

    def __init__(self, kind: str, seed: int, size: int, number: int, rules: Rules) -> None:
        self.kind = kind
        self.rules = rules
        self.name = f"{kind}-{seed}-{size}" + (f"-{number + 1}" if number else "")
        self.world: Datacentre = datacentre(seed, size)
        self.chance = Chance(f"{kind} {seed} {size} {number}")
        self.begins: Micros = EPOCH + number * DAY + self.chance.below(DAY // SECOND) * SECOND
        self.faults: list[tuple[Fault, list[Firing]]] = []
        self.noise: list[Firing] = []
        self.hidden: set[tuple[str, str]] = set()
        """Edges that are there and that nobody told healer of."""

    def one(self, *kinds: str) -> str:
        """A node of one of these kinds whose fault reaches something; each kind is as likely as the others.

        Of a large datacentre's switches hardly any is a core switch, but it is those that people remember.
        """
        nodes = [node for node in self.world.of_kind(self.chance.pick(kinds)) if self.world.nodes[node]]
        cores = [node for node in nodes if node.endswith("-core")]
        return self.chance.pick(cores if cores and self.chance.happens(CORES) else nodes)

    def ends(self, begins: Micros) -> Micros:
        """When a fault is repaired; 0 for not before the recording stops."""
        return begins + self.chance.between(*OUTAGE) * MINUTE if self.chance.happens(ENDS) else 0

    def strike(self, node: str, *, begins: Micros = 0, ends: Micros | None = None) -> Fault:
        """Break a node, and have fire what then fires."""
        begins = begins or self.begins
        return self.take(fault(self.world, node, begins, self.ends(begins) if ends is None else ends, self.chance))

    def take(self, broken: Fault) -> Fault:
        """Have fire what fires because of this fault."""
        self.faults.append((broken, alerts(broken, self.rules, self.chance)))
        return broken

    def add(self, broken: Fault, more: Iterable[Firing]) -> None:
        """More alerts of a fault."""
        next(found for one, found in self.faults if one is broken).extend(more)

    def disturb(self, percent: int) -> None:
        """Noise that is so much of all alerts, on nodes that no fault of the scene reaches and that reach no broken one."""
        broken = [one.node for one, _ in self.faults]
        near = self.world.below(broken) | self.world.above(broken)
        nodes = [node for node in self.world.nodes if node not in near and kind_of(node) in NOISE]
        count = sum(len(found) for _, found in self.faults) * percent // (100 - percent)
        for node in self.chance.some(nodes, count):
            starts = self.begins + self.chance.between(-HOUR // 2, HOUR // 2)
            ends = starts + self.chance.between(5, 60) * MINUTE if self.chance.happens(50) else 0
            self.noise.append(firing(self.chance.pick(raised(NOISE, node, self.chance)), node, starts, ends))

    def hide(self, percent: int) -> None:
        """Leave so much of the edges out of the topology."""
        self.hidden = {edge for edge in self.world.edges() if self.chance.happens(percent)}

    def storm(self, about: str) -> Storm:
        """All of it in the order in which it began. What several faults brought about belongs to each of them."""
        told: list[tuple[Firing, frozenset[int]]] = [(one, frozenset()) for one in self.noise]
        for number, (_, found) in enumerate(self.faults):
            told += [(one, frozenset({number})) for one in found]
        listed = sorted(_joined(told), key=lambda one: (one[0].starts_at, one[0].summary, one[0].labels["alertname"]))
        of: list[list[int]] = [[] for _ in self.faults]
        for index, (_, causes) in enumerate(listed):
            for number in causes:
                of[number].append(index)
        fired = {one.labels["alertname"] for one, _ in listed}
        alarms = {
            alarm.name: alarm.waits for table in (NOISE, LATER, self.rules) for some in table.values() for alarm in some
        }
        return Storm(
            name=self.name,
            kind=self.kind,
            about=about,
            nodes=tuple(self.world.nodes),
            edges=tuple(edge for edge in self.world.edges() if edge not in self.hidden),
            alerts=tuple(one for one, _ in listed),
            causes=tuple(Cause(one.node, one.begins, tuple(of[n])) for n, (one, _) in enumerate(self.faults)),
            waits={name: alarms[name] for name in sorted(fired)},
        )


def _joined(told: Iterable[tuple[Firing, frozenset[int]]]) -> Iterator[tuple[Firing, frozenset[int]]]:
    """Overlapping intervals of one alert are one episode, and it belongs to all whose it was."""
    by_alert: dict[tuple[str, str], list[tuple[Firing, frozenset[int]]]] = {}
    for one in told:
        by_alert.setdefault((one[0].labels["node"], one[0].labels["alertname"]), []).append(one)
    for those in by_alert.values():
        those.sort(key=lambda one: one[0].starts_at)
        last, causes = those[0]
        for next_, more in those[1:]:
            if last.ends_at and last.ends_at < next_.starts_at:
                yield last, causes
                last, causes = next_, more
            else:
                ends = max(last.ends_at, next_.ends_at) if last.ends_at and next_.ends_at else 0
                last, causes = msgspec.structs.replace(last, ends_at=ends), causes | more
        yield last, causes
