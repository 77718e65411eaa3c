"""The kinds of storms: what breaks, and what makes it hard to see. Each has one sentence that says what happened. Pure."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from healer.rehearsal.generators.alarms import GREY, LATER, QUICK, STOCK, Rules
from healer.rehearsal.generators.fault import Fault, alerts, fault, firing
from healer.rehearsal.generators.scene import Scene
from healer.rehearsal.generators.storm import Firing, Storm
from healer.times import HOUR, MINUTE, SECOND, Micros
from healer.topology.graph import kind_of

PLAIN = {
    "rack-power": "rack",
    "switch": "switch",
    "dns": "dns",
    "database": "database",
    "deployment": "workload",
}
"""Storms in which one thing breaks and everything is seen, by the kind of node that breaks."""
APART = ("rack", "host", "database", "workload", "dns")
"""Kinds of nodes of which two break without having to do with one another."""
GREY_KINDS = ("switch", "host", "workload", "database", "dns")
"""Kinds of nodes that may work badly without being down."""
ANYTHING = ("rack", "switch", "host", "workload", "database", "dns", "cooling")
"""Kinds of nodes that break on a bad day."""
DOWN, UP = (60, 120), (30, 90)
"""Seconds that a flapping link is down, and up, at a time."""
SAYS = {
    "rack": "{} loses its power: its switch and hosts go dark, and what ran there is missed.",
    "switch": "{} fails: nothing behind it can be reached.",
    "dns": "{} answers no more: services of the region find nobody, one by one.",
    "database": "{} goes down, and its services with it.",
    "workload": "A bad version of {} is rolled out: its pods break, then its callers.",
    "host": "{} dies.",
    "cooling": "{} fails: its racks get too hot and switch off, host by host.",
}


def said(node: str) -> str:
    return SAYS[kind_of(node)].format(node)


def plain(scene: Scene) -> Storm:
    """One thing breaks, and all of it is seen."""
    return scene.storm(said(scene.strike(scene.one(PLAIN[scene.kind])).node))


def others(scene: Scene, first: str, kinds: Sequence[str]) -> list[str]:
    """Nodes of one of these kinds that have nothing to do with the first, and whose fault reaches something."""
    near = scene.world.below([first]) | scene.world.above([first])
    kind = scene.chance.pick(kinds)
    found = [node for node in scene.world.of_kind(kind) if node not in near and scene.world.nodes[node]]
    # A small datacentre has one region, and one of some things.
    return found or [node for node in scene.world.of_kind("rack") if node not in near]


def two_faults(scene: Scene) -> Storm:
    """Two things that have nothing to do with one another break within two minutes."""
    first = scene.one(*APART)
    second = scene.chance.pick(others(scene, first, APART))
    scene.strike(first)
    scene.strike(second, begins=scene.begins + scene.chance.below(120) * SECOND)
    return scene.storm(f"{said(first)} {said(second)} One has nothing to do with the other.")


def flapping(scene: Scene) -> Storm:
    """A rack's uplink goes down and up again; what takes longer than it stays down to be noticed is never noticed."""
    node = scene.chance.pick([node for node in scene.world.of_kind("switch") if not node.endswith("-core")])
    begins, downs = scene.begins, scene.chance.between(6, 10)
    ends = begins + scene.chance.between(*DOWN) * SECOND
    broken = scene.strike(node, begins=begins, ends=ends)
    for _ in range(downs - 1):
        begins = ends + scene.chance.between(*UP) * SECOND
        ends = begins + scene.chance.between(*DOWN) * SECOND
        moved = {one: at - broken.begins + begins for one, at in broken.onsets.items()}
        again = msgspec.structs.replace(broken, begins=begins, ends=ends, onsets=moved)
        scene.add(broken, alerts(again, scene.rules, scene.chance))
    return scene.storm(f"The uplink of {node} goes down and up again, {downs} times.")


def slow_roll(scene: Scene) -> Storm:
    """A cooling unit fails; within an hour one host after another gets too hot and switches itself off."""
    node = scene.one("cooling")
    felt = fault(scene.world, node, scene.begins, 0, scene.chance)
    onsets = {one: at for one, at in felt.onsets.items() if kind_of(one) not in ("rack", "switch")}
    late: dict[str, Micros] = {}
    hosts = [one for one in onsets if kind_of(one) == "host"]
    for order, host in enumerate(scene.chance.some(hosts, len(hosts))):
        # What stands on several hosts fails with the first of them.
        for one in scene.world.below([host]) - late.keys():
            late[one] = 2 * MINUTE + HOUR * order // len(hosts)
    scene.take(Fault(node, scene.begins, 0, {one: at + late.get(one, 0) for one, at in onsets.items()}))
    return scene.storm(said(node))


def clock_skew(scene: Scene) -> Storm:
    """Each Prometheus has its own idea of the time, up to 40 seconds from the true one."""
    broken = scene.strike(scene.one("rack", "switch"))
    scene.skew()
    return scene.storm(f"{said(broken.node)} The clocks of those who tell of it are up to 40 seconds off.")


def late_root(scene: Scene) -> Storm:
    """What watches the cause is slower than what watches its symptoms: some people were told already when it comes."""
    broken = scene.strike(scene.one("rack", "switch"))
    scene.delay(broken)
    return scene.storm(f"{said(broken.node)} Its own alert comes late.")


def long_outage(scene: Scene) -> Storm:
    """A switch stays down for hours, and what it broke goes on breaking in new ways."""
    broken = scene.strike(scene.one("switch"), ends=0)
    more: list[Firing] = []
    for node, onset in broken.onsets.items():
        if node != broken.node and kind_of(node) in LATER and scene.chance.happens(40):
            alarm = scene.chance.pick(LATER[kind_of(node)])
            more.append(firing(alarm, node, onset + scene.chance.between(20, 180) * MINUTE + alarm.waits))
    scene.add(broken, more)
    return scene.storm(f"{said(broken.node)} It lasts for hours, and new symptoms come all the time.")


def for_times(scene: Scene) -> Storm:
    """A host or a rack dies under the stock rules: the symptoms of services come in a minute, NotReady after fifteen."""
    broken = scene.strike(scene.one("host", "rack"), ends=0)
    return scene.storm(f"{said(broken.node)} The rules are the stock ones, most of which wait 15 minutes.")


def missing_edges(scene: Scene) -> Storm:
    """One thing breaks, and a fifth of the topology's edges is unknown."""
    broken = scene.strike(scene.one(*PLAIN.values()))
    scene.hide(20)
    return scene.storm(f"{said(broken.node)} A fifth of all edges is missing from the topology.")


def noise(scene: Scene) -> Storm:
    """One thing breaks while other things, that have nothing to do with it, are wrong as well: a fifth of all alerts."""
    broken = scene.strike(scene.one("rack", "dns", "database", "workload"))
    scene.disturb(20)
    return scene.storm(f"{said(broken.node)} A fifth of the alerts has nothing to do with it.")


def silent_root(scene: Scene) -> Storm:
    """What breaks is not watched: only what it broke is heard of."""
    broken = scene.strike(scene.one("rack", "switch", "database", "workload"))
    seen = "" if scene.blind(broken) else " At least it is watched."
    return scene.storm(f"{said(broken.node)} Nobody watches it.{seen}")


def grey(scene: Scene) -> Storm:
    """One thing works badly without being down, and is felt here and there."""
    broken = scene.strike(scene.one(*GREY_KINDS), grey=True)
    scene.habits()
    return scene.storm(f"{broken.node} works badly; what depends on it feels it here and there.")


def two_grey(scene: Scene) -> Storm:
    """Two things work badly at once, neither beneath the other; what depends on both feels both."""
    first = scene.one(*GREY_KINDS)
    second = scene.chance.pick(others(scene, first, GREY_KINDS))
    scene.strike(first, grey=kind_of(first) in GREY)
    scene.strike(second, begins=scene.begins + scene.chance.below(120) * SECOND, grey=kind_of(second) in GREY)
    return scene.storm(f"{first} and {second} work badly at once. One has nothing to do with the other.")


def bad_day(scene: Scene) -> Storm:
    """As it comes in real life: one fault or two, hard or grey, and several of all that makes it hard to see."""
    chance, about = scene.chance, []
    node, second = scene.one(*ANYTHING), ""
    if chance.happens(35) and (apart := others(scene, node, ANYTHING)):
        second = chance.pick(apart)
    for at, broken_node in enumerate(one for one in (node, second) if one):
        soft = kind_of(broken_node) in GREY and chance.happens(40)
        broken = scene.strike(broken_node, begins=scene.begins + at * chance.below(120) * SECOND, grey=soft)
        about.append(f"{broken_node} works badly." if soft else said(broken_node))
        if chance.happens(25) and scene.blind(broken):
            about.append("Nobody watches it.")
        elif chance.happens(25):
            scene.delay(broken)
            about.append("Its own alert comes late.")
    if chance.happens(50):
        missing = chance.between(5, 20)
        scene.hide(missing)
        about.append(f"{missing} % of the edges are missing.")
    if chance.happens(30):
        scene.skew()
        about.append("Clocks are wrong.")
    if chance.happens(50):
        scene.disturb(chance.between(5, 20))
        about.append("Other things are wrong as well.")
    scene.habits()
    return scene.storm(" ".join(about))


class Kind(NamedTuple):
    """How a kind of storm is made, under which alert rules, and what it is in a sentence."""

    make: Callable[[Scene], Storm]
    says: str
    rules: Rules = QUICK


KINDS = {
    "rack-power": Kind(plain, "a rack loses its power, with all that runs on its hosts"),
    "switch": Kind(plain, "a rack's switch fails, or the region's core switch"),
    "dns": Kind(plain, "name resolution fails: every service of the region may feel it"),
    "database": Kind(plain, "a database goes down, and its services and their callers with it"),
    "deployment": Kind(plain, "a bad version is rolled out: its pods break, then the callers"),
    "two-faults": Kind(two_faults, "two things break within two minutes and have nothing to do with one another"),
    "flapping": Kind(flapping, "a rack's uplink goes down and up, again and again"),
    "slow-roll": Kind(slow_roll, "cooling fails: within an hour one host after another switches itself off"),
    "clock-skew": Kind(clock_skew, "the clocks of those who send alerts are up to 40 seconds off"),
    "late-root": Kind(late_root, "the cause's own alert comes when its symptoms were told already"),
    "long-outage": Kind(long_outage, "a switch stays down for hours, and new symptoms come all the time"),
    "for-times": Kind(for_times, "a host or rack dies under the stock rules, most of which wait 15 minutes", STOCK),
    "missing-edges": Kind(missing_edges, "a fifth of the edges is missing from the topology"),
    "noise": Kind(noise, "a fifth of the alerts has nothing to do with it"),
    "silent-root": Kind(silent_root, "what breaks is not watched: only what it broke is heard of"),
    "grey": Kind(grey, "one thing works badly without being down, among what is always wrong"),
    "two-grey": Kind(two_grey, "two things work badly at once, and some callers feel both"),
    "bad-day": Kind(bad_day, "one fault or two, hard or grey, with several of the difficulties above at once"),
    "bad-night": Kind(bad_day, "the same under the stock rules, most of which wait 15 minutes", STOCK),
}
"""By name."""
