"""What does one fault bring about? From the node that breaks down to all that it reaches, each with its onset. Pure."""

from collections import deque
from collections.abc import Iterable

import msgspec

from healer.rehearsal.generators.alarms import Alarm, Rules, labels_of, raised
from healer.rehearsal.generators.chance import Chance
from healer.rehearsal.generators.datacentre import Datacentre
from healer.rehearsal.generators.storm import Firing
from healer.times import SECOND, Micros
from healer.topology.graph import kind_of

PASSES = {"pod": 60, "database": 90, "dns": 85, "service": 65}
"""Of a hundred faults, how many go on to the next node, by the kind of the one that has it; of other kinds all."""
GREY_PASSES = {"switch": 60, "host": 55, "workload": 70, "pod": 50, "database": 75, "dns": 50, "service": 55}
"""The same of what does not go down but works badly: that is felt here and there."""
QUICKLY = 3
"""Seconds at most until what stands on a machine feels its fault."""
SOFTLY = (5, 40)
"""Seconds until a caller feels the fault of what it calls: time-outs, retries, queues."""
PHASE = 30
"""Seconds at most from onset to the evaluation that notices it."""
RECOVERS = 60
"""Seconds at most from the repair of the cause to the end of a symptom."""


class Fault(msgspec.Struct, frozen=True):
    """A node broke at `begins`; `ends` is its repair, 0 for none. `onsets` holds it and all that felt it, in this order."""

    node: str
    begins: Micros
    ends: Micros
    onsets: dict[str, Micros]


def fault(
    world: Datacentre,
    node: str,
    begins: Micros,
    ends: Micros,
    chance: Chance,
    passes: dict[str, int] = PASSES,
) -> Fault:
    """Break a node: what stands on it fails at once, what calls it a little later, and not always."""
    onsets = {node: begins}
    waiting = deque([node])
    while waiting:
        above = waiting.popleft()
        kind = kind_of(above)
        for child in world.nodes[above]:
            if child in onsets or not chance.happens(passes.get(kind, 100)):
                continue
            delay = chance.between(*SOFTLY) if kind in passes else chance.between(0, QUICKLY)
            onsets[child] = onsets[above] + delay * SECOND
            waiting.append(child)
    return Fault(node, begins, ends, onsets)


def alerts(broken: Fault, rules: Rules, chance: Chance, nodes: Iterable[str] | None = None) -> list[Firing]:
    """What fires because of it, its own alert always. What was repaired before its rule's `for:` had passed never fired."""
    found: list[Firing] = []
    for node in broken.onsets if nodes is None else nodes:
        alarms = raised(rules, node, chance)
        if node == broken.node and not alarms:
            alarms = list(rules[kind_of(node)][:1])
        for alarm in alarms:
            phase = chance.below(PHASE * 1000) * SECOND // 1000
            starts = broken.onsets[node] + phase + alarm.waits
            ends = 0
            if broken.ends:
                ends = broken.ends + (0 if node == broken.node else chance.between(1, RECOVERS) * SECOND)
                if starts >= ends:
                    continue
            found.append(firing(alarm, node, starts, ends))
    return found


def firing(alarm: Alarm, node: str, starts: Micros, ends: Micros = 0) -> Firing:
    """One episode of an alert on a node."""
    return Firing(labels_of(alarm, node), f"{node} {alarm.says}", starts, ends)
