"""The world that the service watches and heals: a switch, racks, hosts, services, and what is broken in it when.

The truth of a run. Alerts, samples and the effects of commands follow from it; nothing here knows of healer's decisions.
"""

import random
from collections.abc import Iterator
from typing import Literal, NamedTuple

from healer.executors.register import Ran
from healer.executors.target import Order
from healer.times import SECOND, Micros
from healer.topology.graph import Node, Topology, topology
from tests.simulation.options import Options
from tests.simulation.world import SimClock

SWITCH = "switch/s1"


class Alarm(NamedTuple):
    """An alert rule on one node: its condition must hold for `holds` before it fires."""

    name: str
    node: str
    severity: str
    holds: Micros


FOR: dict[str, Micros] = {
    "SwitchDown": 0,
    "RackDown": 0,
    "HostDown": 10 * SECOND,
    "HostNotReady": 0,
    "ServiceDown": 5 * SECOND,
}
"""By alertname, the `for:` of its rule."""
RULES = {
    "switch": ("SwitchDown",),
    "rack": ("RackDown",),
    "host": ("HostDown", "HostNotReady"),
    "service": ("ServiceDown",),
}
"""By kind of node, what alerts on it."""


class Trouble:
    """One thing that is broken from `begins` until `ends`; a command may end a wedged host's earlier."""

    def __init__(self, kind: Literal["down", "wedged"], node: str, begins: Micros, ends: Micros) -> None:
        self.kind = kind
        self.node = node
        self.begins = begins
        self.ends = ends

    def lasts(self, now: Micros) -> bool:
        return self.begins <= now < self.ends


class Datacentre:
    """Built by a seed's options. Instants are the clock's wall time."""

    def __init__(self, options: Options, clock: SimClock) -> None:
        self._options = options
        self._clock = clock
        self._chance = random.Random(f"datacentre {options.seed}")
        self.half_done = 0
        """Commands that failed, and had their effect all the same."""
        self.parents: dict[str, str] = {}
        for rack in range(options.racks):
            self.parents[f"rack/r{rack}"] = SWITCH
            for host in range(options.hosts):
                self.parents[f"host/h{rack}{host}"] = f"rack/r{rack}"
                for service in range(options.services):
                    self.parents[f"service/v{rack}{host}{service}"] = f"host/h{rack}{host}"
        self.alarms = tuple(self._alarms())
        self.troubles = sorted(self._troubles(), key=lambda one: one.begins)

    def topology(self) -> Topology:
        nodes = [Node(SWITCH, "switch"), *(Node(id, id.partition("/")[0]) for id in self.parents)]
        return topology(nodes, ((parent, child) for child, parent in self.parents.items()))

    def above(self, node: str) -> Iterator[str]:
        """The ancestors of a node, nearest first."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def broken(self, node: str, kind: str) -> bool:
        now = self._clock.now()
        return any(one.node == node and one.kind == kind and one.lasts(now) for one in self.troubles)

    def reachable(self, host: str) -> bool:
        """Whether packets reach it."""
        return not any(self.broken(above, "down") for above in self.above(host))

    def healthy(self, host: str) -> bool:
        return self.reachable(host) and not self.broken(host, "wedged")

    def condition(self, alarm: Alarm) -> bool:
        """Is it true now, what this alert is about?"""
        node = alarm.node
        if alarm.name == "HostDown":
            return not self.reachable(node)
        if alarm.name == "HostNotReady":
            return self.broken(node, "wedged")
        if alarm.name == "ServiceDown":
            return self.broken(node, "down") or not self.healthy(self.parents[node])
        return self.broken(node, "down")

    def perform(self, order: Order) -> Ran:
        """A command starts on a machine; when it works, what is wedged there is well when it ends."""
        fails = self._chance.randrange(100) < self._options.effect_fails
        half_done = fails and self._chance.random() < 0.5
        self.half_done += half_done
        if fails and not half_done:
            return Ran(exit_code=1, takes=self._options.effect_takes)
        ends = self._clock.now() + self._options.effect_takes
        if "unwedge" in order.argv[0] and self._chance.randrange(100) < self._options.effect_helps:
            for one in self.troubles:
                if one.node == order.target and one.kind == "wedged" and one.lasts(self._clock.now()):
                    one.ends = min(one.ends, ends)
        return Ran(exit_code=int(fails), takes=self._options.effect_takes)

    def repair(self) -> None:
        """The storm is over: what is still broken, people repair."""
        now = self._clock.now()
        for one in self.troubles:
            one.ends = min(one.ends, now)

    def _alarms(self) -> Iterator[Alarm]:
        for node in (SWITCH, *self.parents):
            for name in RULES[node.partition("/")[0]]:
                yield Alarm(name, node, "error" if name == "ServiceDown" else "critical", FOR[name])

    def _troubles(self) -> Iterator[Trouble]:
        """Each begins in the first two thirds of the storm; what nobody heals lasts from 8 seconds to 10 minutes."""
        chance, storm = self._chance, self._options.storm
        racks, hosts, services = (
            [node for node in self.parents if node.startswith(kind)] for kind in ("rack/", "host/", "service/")
        )
        for _ in range(self._options.troubles):
            begins = self._clock.now() + chance.randrange(SECOND, storm * 2 // 3)
            ends = begins + chance.choice((8, 30, 90, 600)) * SECOND
            which = chance.choice(
                ("wedged", "wedged", "wedged", "switch", "service", "flapping", "relay", "wobbly", "outage")
            )
            if which == "wedged":
                yield Trouble("wedged", chance.choice(hosts), begins, max(ends, begins + 60 * SECOND))
            elif which == "service" and services:
                yield Trouble("down", chance.choice(services), begins, ends)
            elif which == "flapping":
                yield from self._flapping(begins)
            elif which == "wobbly":
                yield from self._wobbly(chance.choice(hosts), begins)
            elif which == "outage":
                for node in (*hosts, *services):
                    broke = begins + chance.randrange(12) * SECOND
                    yield Trouble("wedged" if node in hosts else "down", node, broke, broke + ends - begins)
            elif which == "relay":
                turn = begins + chance.randrange(20, 120) * SECOND
                yield Trouble("down", chance.choice(racks), begins, turn)
                yield Trouble("down", SWITCH, turn, turn + ends - begins)
            else:
                yield Trouble("down", SWITCH, begins, ends)

    def _wobbly(self, node: str, begins: Micros) -> Iterator[Trouble]:
        """A host is wedged again and again, whoever helps it."""
        chance = self._chance
        for _ in range(chance.randrange(3, 7)):
            ends = begins + chance.choice((6, 12, 20)) * SECOND
            yield Trouble("wedged", node, begins, ends)
            begins = ends + chance.choice((6, 10, 25)) * SECOND

    def _flapping(self, begins: Micros) -> Iterator[Trouble]:
        """The switch goes down again and again."""
        chance = self._chance
        for _ in range(chance.randrange(2, 5)):
            ends = begins + chance.randrange(5, 45) * SECOND
            yield Trouble("down", SWITCH, begins, ends)
            begins = ends + chance.choice((6, 25, 70)) * SECOND
