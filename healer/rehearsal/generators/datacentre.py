"""The world in which storms are generated: regions, racks, switches, hosts, pods, services and databases. Pure.

The same seed and size give the same datacentre; each kind of storm then breaks something in it. Ids carry their kind
(`host/eu1-r03-h07`), and every edge goes from what can fail to what its fault reaches.
"""

from collections.abc import Iterable, Iterator

import msgspec

from healer.rehearsal.generators.chance import Chance
from healer.topology.graph import kind_of

PLACES = ("eu1", "us1", "ap1", "eu2", "us2", "ap2")
"""Names of regions; there are no more than these."""
HOSTS_PER_RACK = 12
RACKS_PER_COOLING = 4
PODS_PER_HOST = 6
NODES_PER_HOST = 10
"""A host with its pods, and its share of racks, services and databases."""
FEW_NODES = 100
"""Below this there is no datacentre worth the name; a smaller size gives this many."""
ONE_REGION = 3_000
"""Nodes up to which one region holds everything."""
PER_REGION = 20_000
_APPS = (
    "cart checkout catalog search pricing orders payments accounts login sessions mail invoices stock shipping returns "
    "reviews media feed recommend geo tax fraud ledger notify export import audit quotes coupons gateway"
)
TEAMS = ("shop", "pay", "ship", "user", "data")


class Datacentre(msgspec.Struct, frozen=True):
    """`nodes` by id with what lies directly beneath each, in the order of their making."""

    nodes: dict[str, list[str]]

    def edges(self) -> Iterator[tuple[str, str]]:
        for parent, children in self.nodes.items():
            for child in children:
                yield parent, child

    def of_kind(self, kind: str) -> list[str]:
        return [node for node in self.nodes if kind_of(node) == kind]

    def below(self, nodes: Iterable[str]) -> set[str]:
        """The nodes and all that their fault can reach."""
        seen = set(nodes)
        waiting = list(seen)
        while waiting:
            for child in self.nodes[waiting.pop()]:
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
        return seen

    def above(self, nodes: Iterable[str]) -> set[str]:
        """The nodes and all whose fault can reach them."""
        parents: dict[str, list[str]] = {}
        for parent, child in self.edges():
            parents.setdefault(child, []).append(parent)
        seen = set(nodes)
        waiting = list(seen)
        while waiting:
            for parent in parents.get(waiting.pop(), ()):
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return seen


def datacentre(seed: int, size: int) -> Datacentre:
    """About `size` nodes, at least a hundred."""
    size = max(size, FEW_NODES)
    regions = 1 if size <= ONE_REGION else min(len(PLACES), 2 + size // PER_REGION)
    chance = Chance(f"datacentre {seed} {size}")
    nodes: dict[str, list[str]] = {}
    for place in PLACES[:regions]:
        hosts = _machines(nodes, place, max(2 * HOSTS_PER_RACK, size // regions // NODES_PER_HOST))
        _software(nodes, place, hosts, chance)
    return Datacentre(nodes)


def _put(nodes: dict[str, list[str]], node: str, *parents: str) -> str:
    nodes[node] = []
    for parent in parents:
        nodes[parent].append(node)
    return node


def _machines(nodes: dict[str, list[str]], place: str, count: int) -> list[str]:
    """Cooling, racks with their power, switches and hosts of one region."""
    region = _put(nodes, f"region/{place}")
    core = _put(nodes, f"switch/{place}-core", region)
    hosts = []
    for number in range(count):
        rack_number, host_number = divmod(number, HOSTS_PER_RACK)
        name = f"{place}-r{rack_number + 1:02}"
        if host_number == 0:
            if rack_number % RACKS_PER_COOLING == 0:
                cooling = _put(nodes, f"cooling/{place}-c{rack_number // RACKS_PER_COOLING + 1}", region)
            rack = _put(nodes, f"rack/{name}", cooling)
            switch = _put(nodes, f"switch/{name}", core, rack)
        hosts.append(_put(nodes, f"host/{name}-h{host_number + 1:02}", rack, switch))
    return hosts


def _software(nodes: dict[str, list[str]], place: str, hosts: list[str], chance: Chance) -> None:
    """Name resolution, databases, and applications with their pods; callers come after what they call."""
    dns = _put(nodes, f"dns/{place}", f"region/{place}")
    apps = _APPS.split()
    services: list[str] = []
    databases: list[str] = []
    free = len(hosts) * PODS_PER_HOST
    while free > 0:
        number = len(services)
        round_, which = divmod(number, len(apps))
        app = f"{place}-{apps[which]}" + (f"-{round_ + 1}" if round_ else "")
        team = TEAMS[number % len(TEAMS)]
        if number % 5 == 0:
            databases.append(_put(nodes, f"database/{app}", chance.pick(hosts)))
        workload = _put(nodes, f"workload/{team}/{app}")
        service = _put(nodes, f"service/{team}/{app}", dns)
        for host in chance.some(hosts, min(free, chance.between(3, 8))):
            pod = _put(nodes, f"pod/{team}/{app}-{chance.below(16**5):05x}", host, workload)
            nodes[pod].append(service)
            free -= 1
        if chance.happens(60) or number % 5 == 0:
            nodes[databases[-1]].append(service)
        # What is called lies near, so that a fault of one application does not reach all of them.
        for callee in chance.some(services[-12:], chance.below(3)):
            nodes[callee].append(service)
        services.append(service)
