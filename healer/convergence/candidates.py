"""Which node is the cause? Every node that alerts, and those directly above, scored by seven signals and put in order. Pure.

Called by `naming` for the alerts of one incident. The sum is from docs/quality.md; each signal is a sentence that an
operator can read. All numbers are millionths. Nothing here knows a system, a node or an alert: only words and the graph.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Protocol

import msgspec

from healer.convergence.evidence import Clue, Trouble, trouble
from healer.convergence.fixed import ONE, share
from healer.times import Micros

FADES = 700_000
"""What is left of an explanation with every hop after the first."""
BY_CHANCE = 10
"""Of so many nodes one alerts by chance: where much more of what a node reaches does, it is not its position that explains it."""
MAX_NODES = 100
"""Alerting nodes that are looked at, the earliest first."""
MAX_ABOVE = 128
"""Ancestors of one node that are looked at, the nearest first."""
MAX_BELOW = 1_000
"""Nodes beneath, at most, that are counted to tell how much a position alone would explain."""
SAMPLED = 16
"""Nodes beneath whose hops are counted."""
FAR = 8
"""Hops of a node beneath that does not have the other among its nearest ancestors."""
MAX_CALLERS = 32
MAX_CANDIDATES = 10


class Weights(msgspec.Struct, frozen=True):
    """What each signal counts, in millionths. They sit on a plateau: half or twice of one changes little.

    For a candidate: what it would explain, its own evidence, nothing worse above it, how many kinds of alert it has. Against
    it: perhaps only its caller measures it; nothing but its traffic changed; it has no alert. For it again: something was
    deployed there just before, which counts as much as evidence of its own.
    """

    lift: int = 2 * ONE
    own: int = ONE
    not_worse: int = ONE
    kinds: int = ONE // 2
    measured_outside: int = ONE // 4
    only_traffic: int = ONE
    silent: int = ONE // 2
    changed: int = ONE


WEIGHTS = Weights()


Changed = Callable[[int, Micros], str]
"""What changed on a node shortly before an instant, in a sentence; "" where nothing is known to have."""


def nothing(_node: int, _onset: Micros) -> str:
    """Nobody tells of changes."""
    return ""


class Surroundings(Protocol):
    """The graph around an incident: nodes are small integers."""

    def above(self, node: int) -> Sequence[tuple[int, int]]: ...

    def below(self, node: int) -> Iterator[int]: ...

    def name(self, node: int) -> str: ...


class Scored(msgspec.Struct, frozen=True):
    """One candidate. `silent` when it has no alert; `why` has a sentence for each signal that says something."""

    node: int
    score: int
    silent: bool
    why: tuple[str, ...]


def rank(
    clues: Iterable[Clue],
    graph: Surroundings,
    window: Micros,
    slack: Micros,
    *,
    always: int = -1,
    weights: Weights = WEIGHTS,
    changed: Changed = nothing,
) -> list[Scored]:
    """The candidates, best first, at most MAX_CANDIDATES; a silent one is never the first. Empty without clues.

    A fault may show at most `window` later elsewhere, and at most `slack` earlier. `always` is a node that is not left out.
    """
    return _Ranking(clues, graph, window, slack, always, weights, changed).ranked()


class _Ranking:
    """One incident being weighed."""

    def __init__(
        self,
        clues: Iterable[Clue],
        graph: Surroundings,
        window: Micros,
        slack: Micros,
        always: int,
        weights: Weights,
        changed: Changed,
    ) -> None:
        self.changed = changed
        self.graph, self.window, self.slack, self.always, self.weights = graph, window, slack, always, weights
        by_node: dict[int, list[Clue]] = defaultdict(list)
        for clue in clues:
            by_node[clue.node].append(clue)
        found = [trouble(node, there) for node, there in by_node.items()]
        found.sort(key=lambda one: (one.node != always, one.onset, graph.name(one.node)))
        self.troubles = {one.node: one for one in found[:MAX_NODES]}
        self._above: dict[int, dict[int, int]] = {}
        self._below: dict[int, int] = {}
        self._parents: dict[int, list[int]] = {}
        self._callers: dict[int, list[int]] = {}
        self.from_below = {node for node, one in self.troubles.items() if one.drop or one.backlog}
        """What may be the doing of what lies beneath: who calls no more, or does not take what waits."""
        self.felt: dict[int, list[int]] = defaultdict(list)
        """By node, the alerting nodes directly beneath it."""
        self.beneath: dict[int, list[tuple[Trouble, int]]] = defaultdict(list)
        """By node, itself and the alerting nodes beneath it that did not merely lose their traffic, with their hops."""
        for node, one in self.troubles.items():
            self.beneath[node].append((one, 0))
            for parent in self.parents(node):
                self.felt[parent].append(node)
            if not one.drop:
                for above, hops in self.above(node).items():
                    self.beneath[above].append((one, hops))

    def ranked(self) -> list[Scored]:
        if not self.troubles:
            return []
        self.all = sum(one.classed for one in self.troubles.values())
        self.most = max(one.plain for one in self.troubles.values())
        self.kinds = max(len(one.names) for one in self.troubles.values())
        self.around = max(self._around(), BY_CHANCE * len(self.troubles))
        scored = [self._score(node) for node in self._candidates()]
        scored.sort(key=lambda one: (-one.score, self.graph.name(one.node)))
        first = next(at for at, one in enumerate(scored) if not one.silent)
        ordered = [scored[first], *scored[:first], *scored[first + 1 :]]
        suspect = next((one for one in ordered if one.silent), None)
        return [
            one for at, one in enumerate(ordered) if at < MAX_CANDIDATES or one.node == self.always or one is suspect
        ]

    def _candidates(self) -> list[int]:
        """What alerts, what lies directly above, and what lies beneath a drop of traffic or a backlog."""
        found = dict.fromkeys(self.troubles)
        for one in self.troubles.values():
            found.update(dict.fromkeys(self.parents(one.node)))
            if one.node in self.from_below:
                found.update(dict.fromkeys(self.callers(one.node)))
        return list(found)

    def _around(self) -> int:
        """How many nodes there are in this neighbourhood: beneath whatever lies above what alerts."""
        seen: set[int] = set()
        tops = {above for node in self.troubles for above in (node, *self.above(node))}
        for top in sorted(tops, key=lambda node: (len(self.above(node)), self.graph.name(node))):
            if len(seen) >= MAX_BELOW:
                break
            if top not in seen:
                seen.add(top)
                seen.update(islice(self.graph.below(top), MAX_BELOW - len(seen)))
        return max(len(seen), 1)

    def _score(self, node: int) -> Scored:
        own = self.troubles.get(node)
        onset = self._onset(node, own)
        explained, reached = self._explained(node, onset)
        lift = share(explained, self.all) - share(self.position(node), self.around * ONE)
        strength = share(own.classed, self.most) if own is not None else 0
        worst = self._worst_above(node, own, onset)
        mine = own.plain if own is not None else 0
        not_worse = ONE - share(worst.plain, worst.plain + mine) if worst is not None else ONE
        kinds = share(len(own.names), self.kinds) if own is not None else 0
        # What several callers feel is no fault of one of them.
        mirror = own is not None and own.seen_from_outside and len(self.felt.get(node, ())) <= 1
        outside = mirror and not self.parents(node)
        victim = own is not None and own.drop and bool(self.callers(node))
        weights = self.weights
        score = weights.lift * lift + weights.own * strength + weights.not_worse * not_worse + weights.kinds * kinds
        against = weights.measured_outside * outside + weights.only_traffic * victim + weights.silent * (own is None)
        why = self._why(own, reached, worst, strength, outside=outside, victim=victim)
        changed = self.changed(node, onset)
        for_it = score // ONE + (weights.changed if changed else 0)
        return Scored(node, for_it - against, own is None, (*why, changed) if changed else why)

    def _onset(self, node: int, own: Trouble | None) -> Micros:
        """A node without an alert, or with nothing but less traffic, failed when the first of its neighbours did."""
        if own is not None and not own.drop:
            return own.onset
        near = [*self.felt.get(node, ()), *(one for one in self.parents(node) if one in self.troubles)]
        onsets = [self.troubles[one].onset for one in near]
        return min(onsets, default=0) if own is None else min([own.onset, *onsets])

    def _explained(self, node: int, onset: Micros) -> tuple[int, int]:
        """How much evidence this node would explain, and on how many other nodes. Less traffic and backlogs come from below."""
        explained = reached = 0
        above = ((self.troubles[one], hops) for one, hops in self.above(node).items() if one in self.from_below)
        for one, hops in chain(self.beneath.get(node, ()), above):
            if -self.slack <= one.onset - onset <= self.window:
                explained += faded(one.classed, hops)
                reached += hops > 0
        return explained, reached

    def _worst_above(self, node: int, own: Trouble | None, onset: Micros) -> Trouble | None:
        """The worst trouble among what this node depends on, that was there in time, and is not from below itself."""
        callers = self.callers(node) if own is not None and own.drop else []
        near = [*self.parents(node), *callers]
        found = [self.troubles[one] for one in near if one in self.troubles]
        found = [one for one in found if one.node not in self.from_below and one.onset <= onset + self.slack]
        return max(found, key=lambda one: (one.plain, self.graph.name(one.node)), default=None)

    def _why(
        self, own: Trouble | None, reached: int, worst: Trouble | None, strength: int, *, outside: bool, victim: bool
    ) -> tuple[str, ...]:
        others = len(self.troubles) - (own is not None)
        why = []
        if others:
            why.append(f"a fault here would explain {reached} of the {others} other nodes that alert")
        if own is None:
            why.append("it has no alert itself: a suspect")
        else:
            how = "the strongest evidence" if strength * 10 >= 9 * ONE else "some evidence of its own"
            rare = ", seldom seen here" if own.rarity * 10 >= 8 * ONE else ", which come with many incidents here"
            why.append(f"{how}: {', '.join(own.names[:3])}{rare if own.rarity < ONE else ''}")
        if worst is not None:
            why.append(f"it depends on {self.graph.name(worst.node)}, which is in trouble as well")
        elif own is None or self.parents(own.node):
            why.append("nothing that it depends on is in trouble")
        if outside:
            why.append("only its caller measures it, so that one's faults show here")
        if own is not None and own.backlog and self.callers(own.node):
            why.append("something waits there: who is to take it may be the cause")
        if victim:
            why.append("nothing but its traffic changed, as it does when its callers fail")
        return tuple(why)

    def above(self, node: int) -> dict[int, int]:
        """Ancestors and how many hops they are away."""
        found = self._above.get(node)
        if found is None:
            found = self._above[node] = dict(self.graph.above(node)[:MAX_ABOVE])
        return found

    def parents(self, node: int) -> list[int]:
        found = self._parents.get(node)
        if found is None:
            found = self._parents[node] = [one for one, hops in self.above(node).items() if hops == 1]
        return found

    def callers(self, node: int) -> list[int]:
        """What lies directly beneath."""
        found = self._callers.get(node)
        if found is None:
            near = islice(self.graph.below(node), MAX_CALLERS)
            found = self._callers[node] = [one for one in near if self.above(one).get(node) == 1]
        return found

    def position(self, node: int) -> int:
        """How many nodes a fault here reaches, itself among them, faded as explanations are; in millionths."""
        found = self._below.get(node)
        if found is None:
            beneath = list(islice(self.graph.below(node), MAX_BELOW - 1))
            some = beneath[:: len(beneath) // SAMPLED + 1]
            left = sum(faded(ONE, self.above(one).get(node, FAR)) for one in some)
            found = self._below[node] = ONE + (left * len(beneath) // len(some) if some else 0)
        return found


def faded(whole: int, hops: int) -> int:
    """What is left of it so many hops away."""
    return whole * FADES ** (hops - 1) // ONE ** (hops - 1) if hops else whole
