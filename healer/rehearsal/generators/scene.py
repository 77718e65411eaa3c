"""A storm being made: a datacentre, what broke in it, and what fires. Used by the kinds of storms. Pure."""

from collections.abc import Iterable, Iterator

import msgspec

from healer.rehearsal.generators.alarms import GREY, LATER, NOISE, QUICK, Rules, raised
from healer.rehearsal.generators.chance import Chance
from healer.rehearsal.generators.datacentre import Datacentre, datacentre
from healer.rehearsal.generators.fault import GREY_PASSES, PASSES, Fault, alerts, fault, firing
from healer.rehearsal.generators.storm import Cause, Firing, Storm
from healer.times import DAY, HOUR, MINUTE, SECOND, Micros
from healer.topology.graph import kind_of

EPOCH: Micros = 1_767_571_200 * SECOND
"""2026-01-05T00:00:00Z, a Monday: the first storm of an installation is on it, each next one a day later."""
OUTAGE = (12, 45)
"""Minutes that a fault lasts, where it ends."""
ENDS = 50
"""Of a hundred faults, how many are repaired before the recording stops."""

HABITS = 12
"""One of so many nodes has an alert that fires again and again, whatever else happens."""
SKEW = 40
"""Seconds, at most, that the clock of a sender is off."""
LATE = (60, 100)
"""Seconds after a fault until its own alert comes, where that is late."""
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

    def strike(self, node: str, *, begins: Micros = 0, ends: Micros | None = None, grey: bool = False) -> Fault:
        """Break a node, and have fire what then fires. `grey`: it does not go down, but works badly."""
        begins = begins or self.begins
        ends = self.ends(begins) if ends is None else ends
        broken = fault(self.world, node, begins, ends, self.chance, GREY_PASSES if grey else PASSES)
        return self.take(broken, GREY if grey else self.rules)

    def take(self, broken: Fault, rules: Rules | None = None) -> Fault:
        """Have fire what fires because of this fault, by these rules or those of the scene."""
        self.faults.append((broken, alerts(broken, self.rules if rules is None else rules, self.chance)))
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

    def skew(self) -> None:
        """Give each sender an idea of its own of the time."""
        skews: dict[str, int] = {}
        for _, found in self.faults:
            for index, one in enumerate(found):
                skew = skews.setdefault(one.labels["job"], self.chance.between(-SKEW, SKEW)) * SECOND
                found[index] = msgspec.structs.replace(
                    one,
                    starts_at=one.starts_at + skew,
                    ends_at=one.ends_at + skew if one.ends_at else 0,
                    arrives_at=one.starts_at,
                )

    def delay(self, broken: Fault) -> None:
        """Let what watches the cause be slower than what watches its symptoms."""
        found = next(found for one, found in self.faults if one is broken)
        late = broken.begins + self.chance.between(*LATE) * SECOND
        for index, one in enumerate(found):
            at = late + self.waits()[one.labels["alertname"]]
            if one.labels["node"] == broken.node and (not one.ends_at or at < one.ends_at):
                found[index] = msgspec.structs.replace(one, starts_at=at)

    def blind(self, broken: Fault) -> bool:
        """Let nobody watch the cause itself. False where nothing else would fire: then it is watched after all."""
        found = next(found for one, found in self.faults if one is broken)
        rest = [one for one in found if one.labels["node"] != broken.node]
        if len(rest) > 1:
            found[:] = rest
        return len(rest) > 1

    def habits(self) -> None:
        """What is always wrong in this installation, in every one of its storms and anywhere: half of it at a time."""
        always = Chance(f"habits {self.name.partition('-')[0]} {len(self.world.nodes)}")
        nodes = [node for node in self.world.nodes if kind_of(node) in NOISE]
        for node in always.some(nodes, min(len(nodes) // HABITS, 20)):
            alarm = always.pick(NOISE[kind_of(node)])
            if self.chance.happens(50):
                starts = self.begins + self.chance.between(-HOUR // 2, HOUR // 2)
                ends = starts + self.chance.between(5, 60) * MINUTE if self.chance.happens(50) else 0
                self.noise.append(firing(alarm, node, starts, ends))

    def waits(self) -> dict[str, Micros]:
        """By alertname, the `for:` of its rule; where two tables have one, that of the scene's own rules counts."""
        tables = (NOISE, LATER, GREY, QUICK, self.rules)
        return {alarm.name: alarm.waits for table in tables for some in table.values() for alarm in some}

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
        alarms = self.waits()
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
