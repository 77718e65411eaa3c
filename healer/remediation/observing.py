"""What guards decide by, looked up when they are asked: the incident, the target, and what stands around it.

Called by the runner before it writes an intent, and again when the target is ready. Decides nothing.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Protocol

from healer.convergence.outcome import AlertView
from healer.remediation.guards.counted import Place
from healer.remediation.guards.observed import Frozen, Group, Held, Observed
from healer.remediation.home import Home
from healer.remediation.model import PlanStep, Remediation
from healer.remediation.nodes import node_fact
from healer.remediation.situation import Situation
from healer.remediation.surroundings import Around
from healer.times import SECOND, Micros
from rules import NodeFact

MAX_GROUP = 5_000
"""Nodes of a group that are looked at: of more, only so many can stand in for one another."""
MAX_NODES = 20_000
"""Nodes of a topology without edges that are looked through for those of a kind."""
KEPT: Micros = 4 * SECOND
"""For how long a group that was looked at is not looked at again; far less than an observation may be old."""
CORDONS = frozenset({"cordon_node", "drain_node"})
"""Actions that take a node out of service: what healer did itself is nobody else's word."""
_TRUE = frozenset({"true", "yes", "1"})


class Clock(Protocol):
    """What time it is; `healer.seams.Clock` is one."""

    def now(self) -> Micros: ...

    def monotonic(self) -> Micros: ...


Halted = Callable[[str], str]
"""Why a file with this path says that nothing may be begun, or "" where there is none."""
Silent = Callable[[], str]
"""Why nobody should act on the word of those who send alerts, or "" where they are alive."""


class Observing:
    """Looks, for guards. `home` is what healer stands on; `halted` looks for the pause file, `silent` for signs of life."""

    def __init__(
        self, situation: Situation, clock: Clock, home: Home, halted: Halted, silent: Silent = lambda: ""
    ) -> None:
        self._situation = situation
        self._clock = clock
        self._home = home
        self._halted = halted
        self._silent = silent
        self._groups: dict[tuple[str, str], tuple[Micros, Group]] = {}

    def halted(self) -> str:
        """Why a file says that nothing may be begun now, or ""."""
        path = self._situation.charter.guards.pause_file
        return self._halted(path) if path else ""

    def observe(self, remediation: Remediation, step: PlanStep, held: Held | None) -> Observed:
        """Everything that observed guards ask, now. `held` is when the rule's condition was looked at last."""
        situation, topology = self._situation, self._situation.topology
        bounds = situation.charter.guards
        age, readable = situation.silences()
        known = topology.index.id(step.node) >= 0
        node = node_fact(topology, topology.index.id(step.node)) if known else None
        return Observed(
            now=self._clock.now(),
            incident=situation.incident(remediation.plan.incident),
            root=situation.alert(remediation.plan.root),
            on_target=tuple(situation.on_node(step.node)),
            above_target=tuple(situation.above_node(step.node)),
            silences_age=age,
            silences_readable=readable,
            at_work=situation.at_work(step.node),
            bounds=bounds,
            halted=self.halted(),
            silent=self._silent(),
            known=known,
            own=self._home.stands_on(topology, step.node, bounds.own_nodes),
            frozen=self._frozen(bounds.freeze),
            cordoned=_cordoned(node, remediation) if node is not None else "",
            deploying=self._deploying(step.node),
            held=held,
            floor=self._of_its_kind(node) if node is not None else None,
        )

    def place(self, rule: str, node: str) -> Place:
        """Where a target stands: what T3 needs that is not in the store."""
        topology = self._situation.topology
        number = topology.index.id(node)
        if number < 0:
            return Place(("all", f"rule:{rule}"))
        above = tuple(topology.index.name(one) for one, _ in topology.above(number))
        fact = node_fact(topology, number)
        clusters = [fact.attributes["cluster"]] if "cluster" in fact.attributes else []
        clusters += [name for id in (node, *above) if id.startswith("cluster/") for name in (id, id.partition("/")[2])]
        siblings = Around(topology, lambda _: False).siblings(node)
        return Place(
            scopes=("all", f"rule:{rule}", *(f"cluster:{name}" for name in dict.fromkeys(clusters))),
            above=above,
            siblings=self._group(f"siblings of {node}", above[0] if above else "", siblings),
            control_plane=self._control_plane(fact),
        )

    def _frozen(self, calendars: Iterable[str]) -> Frozen | None:
        now, known = self._clock.now(), self._situation.charter.calendars
        for name in calendars:
            until = max((end for begin, end in known.get(name, ()) if begin <= now < end), default=0)
            if until:
                return Frozen(name, until)
        return None

    def _deploying(self, node: str) -> str:
        touched = self._situation.deploying(node)
        if touched is None:
            return ""
        change = touched.change
        return f"{change.repo} is being deployed to {', '.join(touched.nodes[:3])} by {change.actor or 'somebody'}"

    def _of_its_kind(self, node: NodeFact) -> Group:
        """All of its kind beneath the topmost node above it; where nothing is above it, of the whole topology."""
        index = self._situation.topology.index
        above = index.above(index.id(node.id))
        top = above[-1][0] if above else -1
        some = index.below(top) if above else range(min(len(index), MAX_NODES))
        names = (index.name(one) for one in some if index.kind(one) == node.kind)
        where = f"{node.kind} beneath {index.name(top)}" if above else node.kind
        name = f"nodes of kind {node.kind}"
        return self._group(name, where, names) or Group(name, frozenset(), frozenset())

    def _control_plane(self, node: NodeFact) -> Group | None:
        """The control plane that a node belongs to, by the attribute `role`: of its cluster, where that is known."""
        if node.attributes.get("role") != "control-plane":
            return None
        topology = self._situation.topology
        facts = (node_fact(topology, one) for one in topology.index.by_attribute("role", "control-plane"))
        cluster = node.attributes.get("cluster", "")
        names = [fact.id for fact in facts if fact.attributes.get("cluster", "") == cluster]
        return self._group("control-plane nodes", cluster, names)

    def _group(self, name: str, of: str, nodes: Iterable[str]) -> Group | None:
        now = self._clock.monotonic()
        at, kept = self._groups.get((name, of), (0, None))
        if kept is not None and now < at + KEPT:
            return kept
        found = frozenset(islice(nodes, MAX_GROUP))
        if not found:
            return None
        unwell = frozenset(node for node in found if any(map(is_unwell, self._situation.on_node(node))))
        self._groups = {key: value for key, value in self._groups.items() if now < value[0] + KEPT}
        self._groups[name, of] = now, Group(name, found, unwell)
        return self._groups[name, of][1]


def is_unwell(alert: AlertView) -> bool:
    """An alert that fires, whatever is said of it; and one of which nobody said that it ended: then nobody knows."""
    return alert.status != "resolved" or alert.resolution in ("expired", "vanished")


def _cordoned(node: NodeFact, remediation: Remediation) -> str:
    """Who took it out of service, as the topology has it; "" where nobody did, or this remediation itself."""
    sequence = remediation.plan.sequence
    if any(sequence[one].action in CORDONS and sequence[one].node == node.id for one in remediation.done):
        return ""
    by = node.attributes.get("cordoned_by", "")
    flags = (node.attributes.get(name, "").lower() for name in ("unschedulable", "cordoned"))
    return by or ("somebody" if any(flag in _TRUE for flag in flags) else "")
