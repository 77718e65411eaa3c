"""The inventory as healer asks it: what stands in which rack, and what runs where. Now and then somebody edits it.

An edit takes an edge out for a while, as when a machine is moved; what really hangs on what stays as it is.
"""

import asyncio
import random
from typing import NamedTuple

from healer.times import SECOND, Micros
from healer.topology.graph import Topology, topology
from healer.topology.source import Unreadable
from tests.simulation.datacentre import SWITCH, Datacentre
from tests.simulation.faults import Faults
from tests.simulation.incarnation import Incarnation
from tests.simulation.options import Options
from tests.simulation.world import SimClock

NAME = "cmdb"
EVERY: Micros = 5 * SECOND


class Edit(NamedTuple):
    """An edge that the inventory does not have from `begins` until `ends`."""

    edge: tuple[str, str]
    begins: Micros
    ends: Micros


class Inventory:
    """What it says, and when. Its file has the nodes and what hangs on the switch; the inventory has the rest."""

    def __init__(self, options: Options, datacentre: Datacentre, clock: SimClock) -> None:
        chance = random.Random(f"inventory {options.seed}")
        whole = datacentre.topology()
        self._nodes = whole.nodes
        self._edges = tuple(edge for edge in whole.edges if edge[0] != SWITCH)
        self.file = topology(whole.nodes, (edge for edge in whole.edges if edge[0] == SWITCH))
        self.edits: list[Edit] = []
        for _ in range(options.edits):
            begins = clock.now() + chance.randrange(options.storm)
            ends = begins + chance.choice((5, 20, 90)) * SECOND
            self.edits.append(Edit(chance.choice(self._edges), begins, ends))

    def at(self, now: Micros) -> Topology:
        missing = {edit.edge for edit in self.edits if edit.begins <= now < edit.ends}
        return topology(self._nodes, (edge for edge in self._edges if edge not in missing))


class Cmdb:
    """`Source` of the topology for one incarnation."""

    name = NAME
    every = EVERY

    def __init__(self, inventory: Inventory, clock: SimClock, faults: Faults, life: Incarnation) -> None:
        self._inventory = inventory
        self._clock = clock
        self._faults = faults
        self._life = life

    async def look(self) -> Topology | None:
        kind = await self._faults.before(self._life, "cmdb.look")
        found = self._inventory.at(self._clock.now())
        await asyncio.sleep(self._faults.delay() / SECOND if kind == "delay" else 0.02)
        await self._faults.after(self._life, kind)
        if kind in ("lost call", "lost answer"):
            raise Unreadable(f"{self._faults.secrets.of_inventory()}: no answer")
        return found
