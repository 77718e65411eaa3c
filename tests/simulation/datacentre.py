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


FOR: dict[str, Micros] = {"SwitchDown": 0, "HostDown": 10 * SECOND, "HostNotReady": 0, "ServiceDown": 5 * SECOND}
"""By alertname, the `for:` of its rule."""
SEVERITY = {"SwitchDown": "critical", "HostDown": "critical", "HostNotReady": "critical", "ServiceDown": "error"}


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

    def reachable(self) -> bool:
        """Whether packets reach the racks."""
        return not self.broken(SWITCH, "down")

    def healthy(self, host: str) -> bool:
        return self.reachable() and not self.broken(host, "wedged")

    def condition(self, alarm: Alarm) -> bool:
        """Is it true now, what this alert is about?"""
        node = alarm.node
        if alarm.name == "SwitchDown":
            return not self.reachable()
        if alarm.name == "HostDown":
            return not self.reachable()
        if alarm.name == "HostNotReady":
            return self.broken(node, "wedged")
        return self.broken(node, "down") or not self.healthy(self.parents[node])

    def perform(self, order: Order) -> Ran:
        """A command starts on a machine; when it works, what is wedged there is well when it ends."""
        if self._chance.randrange(100) < self._options.effect_fails:
            return Ran(exit_code=1, takes=self._options.effect_takes)
        ends = self._clock.now() + self._options.effect_takes
        if self._chance.randrange(100) < self._options.effect_helps:
            for one in self.troubles:
                if one.node == order.target and one.kind == "wedged" and one.lasts(self._clock.now()):
                    one.ends = min(one.ends, ends)
        return Ran(takes=self._options.effect_takes)

    def repair(self) -> None:
        """The storm is over: what is still broken, people repair."""
        now = self._clock.now()
        for one in self.troubles:
            one.ends = min(one.ends, now)

    def _alarms(self) -> Iterator[Alarm]:
        for node in (SWITCH, *self.parents):
            kind = node.partition("/")[0]
            for name in {
                "switch": ("SwitchDown",),
                "host": ("HostDown", "HostNotReady"),
                "service": ("ServiceDown",),
            }.get(kind, ()):
                yield Alarm(name, node, SEVERITY[name], FOR[name])

    def _troubles(self) -> Iterator[Trouble]:
        chance, now, storm = self._chance, self._clock.now(), self._options.storm
        hosts = [node for node in self.parents if node.startswith("host/")]
        services = [node for node in self.parents if node.startswith("service/")]
        for _ in range(self._options.troubles):
            begins = now + chance.randrange(SECOND, storm * 2 // 3)
            lasts = chance.choice((8, 30, 90, 600)) * SECOND
            which = chance.choice(("switch", "wedged", "wedged", "wedged", "service", "flapping switch"))
            if which == "wedged":
                yield Trouble("wedged", chance.choice(hosts), begins, begins + max(lasts, 60 * SECOND))
            elif which == "service" and services:
                yield Trouble("down", chance.choice(services), begins, begins + lasts)
            elif which == "switch":
                yield Trouble("down", SWITCH, begins, begins + lasts)
            else:
                for _ in range(chance.randrange(2, 5)):
                    up = chance.choice((6, 25, 70)) * SECOND
                    yield Trouble("down", SWITCH, begins, begins + lasts % (40 * SECOND) + 5 * SECOND)
                    begins += lasts % (40 * SECOND) + 5 * SECOND + up
