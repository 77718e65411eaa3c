"""Storms of systems that are no datacentre, made by seed and held out from all tuning. Pure.

    for storm in storms("queues", seed=7, count=20): ...

They are made up, and no substitute for recorded ones: what they have in common with real systems is that causes are not always
seen, that alerts come in the order of evaluations rather than of faults, that some things are always wrong, and that faults
travel against the drawn edges too. `bench.quality` reports them, and nothing in healer may be chosen by how these come out,
but for those in LOOKED_AT.
"""

from collections.abc import Callable, Iterator

from bench.families.calls import Calls
from bench.families.contention import Contention
from bench.families.queues import Queues
from bench.families.replicas import Replicas
from bench.families.system import Scene, System
from bench.families.trees import Trees
from healer.rehearsal.generators.storm import Storm

LOOKED_AT = ("queues",)
"""Families that a signal was chosen by: that a backlog is felt upstream. They are reported, and in no mean."""
FAMILIES: dict[str, tuple[str, Callable[[int], System]]] = {
    "calls": ("one service of a call graph is slow, fails, or dies", Calls),
    "two-calls": ("two services of one call graph, that nobody calls together, fail within two minutes", Calls.twice),
    "queues": ("a consumer, a producer or a broker of a pipeline fails; backpressure travels upstream", Queues),
    "replicas": ("a primary, a replica or a greedy client of a database misbehaves", Replicas),
    "contention": ("one tenant of a shared machine takes what its neighbours need", Contention),
    "trees": ("a feed, a chassis or an uplink fails; some of them nobody watches", Trees),
}
"""By name: what happens, and how the system of a seed is made."""


def storms(family: str, seed: int, count: int = 1) -> Iterator[Storm]:
    """`count` storms of one system, a day apart: one installation's history. Another seed is another system."""
    _, make = FAMILIES[family]
    system = make(seed)
    for number in range(count):
        scene = Scene(family, seed, number)
        about = system.strike(scene)
        yield scene.storm(about, system)
