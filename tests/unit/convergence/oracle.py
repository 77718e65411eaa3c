"""Who is explained by whom, derived slowly and from scratch: what the engine is measured by.

It shares no decision with the service, and imports nothing of it. It knows what happened (alerts began and ended) and the
graph; at every instant it forgets all it concluded about what fires and works it out again, ancestors first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LEVEL = {"info": 0, "warning": 1, "error": 2, "critical": 3}


@dataclass(frozen=True)
class Limits:
    """The settings that decide, in one unit of time."""

    window: int
    slack: int
    settle: int


@dataclass
class Fault:
    """One alert as it was told. `by` is what explained it when it was last looked at; `seen` once it was.

    `always` ones are told whatever explains them.
    """

    key: str
    node: str
    severity: str
    hard: bool
    began: int
    onset: int
    ended: int | None = None
    by: str | None = None
    seen: bool = False
    afresh: bool = False
    always: bool = False

    @property
    def told(self) -> bool:
        """It speaks for itself: nothing explains it, or it is told in any case."""
        return self.by is None or self.always


class Oracle:
    """Tell it what happens, in order of time; ask it who explains whom."""

    def __init__(
        self,
        edges: Iterable[tuple[str, str]],
        limits: Limits,
        groups: Iterable[tuple[str, int, tuple[str, ...]]] = (),
    ) -> None:
        self._parents: dict[str, set[str]] = {}
        self.edges = list(edges)
        self._groups = list(groups)
        for parent, child in self.edges:
            self._parents.setdefault(child, set()).add(parent)
        self.limits = limits
        self.faults: dict[str, Fault] = {}

    def fires(self, key: str, node: str, severity: str, hard: bool, began: int, *, always: bool = False) -> None:
        """It began, goes on, or fires again after it ended: a new interval, if it began later than the one that ended."""
        known = self.faults.get(key)
        if known is None:
            self.faults[key] = Fault(key, node, severity, hard, began, began, always=always)
        elif known.ended is not None:
            known.ended = None
            if began > known.began:
                known.began = known.onset = began
                known.afresh = False
        elif began < known.began:
            known.began = began
            if not known.afresh:
                known.onset = began

    def ends(self, key: str, at: int) -> None:
        known = self.faults.get(key)
        if known is not None and known.ended is None:
            known.ended = at

    def look(self, now: int) -> dict[str, str | None]:
        """Of everything that fires at `now`: the key of what explains it, or None."""
        settle = self.limits.settle
        while due := [fault.ended + settle for fault in self.faults.values() if fault.ended is not None]:
            if min(due) > now:
                break
            self._let_go(min(due))
        self._derive(now)
        return {fault.key: fault.by for fault in self.faults.values() if fault.ended is None}

    def milder(self, key: str, now: int) -> set[str]:
        """What would explain it, were it not more severe."""
        fault = self.faults[key]
        return {
            cause.key
            for cause in self.faults.values()
            if self._stands(cause) and LEVEL[cause.severity] < LEVEL[fault.severity] and self._fits(cause, fault, now)
            if fault.node not in self.above(cause.node)
        }

    def spared(self, key: str, now: int) -> set[str]:
        """What would explain it, were its parents not to stand in for one another."""
        fault = self.faults[key]
        return {
            cause.key for cause in self.faults.values() if self._stands(cause) and self._explains(cause, fault, now)
        }

    def _let_go(self, at: int) -> None:
        """What ended `settle` ago explains no more; what it explained and nothing else does begins, in effect, now."""
        gone = {f.key for f in self.faults.values() if f.ended is not None and f.ended + self.limits.settle <= at}
        left = [f for f in self.faults.values() if f.ended is None and f.by in gone]
        for key in gone:
            del self.faults[key]
        stand = [f for f in self.faults.values() if f.seen and f.by is None and f not in left]
        for fault in left:
            if not fault.always and not self._causes(stand, fault, at):
                fault.onset, fault.afresh = at, True
        self._derive(at)

    def _derive(self, now: int) -> None:
        """Ancestors before descendants: only what nothing explains may explain, and what ended keeps its last verdict."""
        for fault in sorted(self.faults.values(), key=self._turn):
            if fault.ended is not None:
                continue
            causes = self._causes([cause for cause in self.faults.values() if self._stands(cause)], fault, now)
            fault.by = min(causes, key=lambda cause: self._order(cause, fault)).key if causes else None
            fault.seen = True

    def _turn(self, fault: Fault) -> tuple[int, bool, int, int, str]:
        """What is higher up comes first; of a circle what is worse, then what is older."""
        above = self.above(fault.node)
        return (len(above), fault.node not in above, -LEVEL[fault.severity], fault.onset, fault.key)

    def _causes(self, stand: list[Fault], fault: Fault, now: int) -> list[Fault]:
        """Those that explain a fault, past parents that stand in for one another."""
        found = [cause for cause in stand if self._explains(cause, fault, now)]
        if not self._groups:
            return found
        way = self._spread({cause.node for cause in found}, fault.node)
        return [cause for cause in found if self._leads(cause.node, fault.node, way)]

    def _spread(self, hit: set[str], spared: str) -> list[tuple[str, str]]:
        """The edges that let these faults through, to whatever they reach without the spared one's doing."""
        while True:
            shut = set()
            for parent, child in self.edges:
                groups = [group for group in self._groups if group[0] == child and parent in group[2]]
                if groups and all(len(set(group[2]) - hit) >= group[1] for group in groups):
                    shut.add((parent, child))
            way = [edge for edge in self.edges if edge not in shut and edge[0] in hit]
            more = {child for _, child in way} - hit - {spared}
            if not more:
                return way
            hit = hit | more

    @staticmethod
    def _leads(start: str, end: str, way: list[tuple[str, str]]) -> bool:
        there = {start}
        while end not in there:
            more = {child for parent, child in way if parent in there} - there
            if not more:
                return False
            there |= more
        return True

    @staticmethod
    def _stands(fault: Fault) -> bool:
        return fault.seen and fault.by is None

    def _explains(self, cause: Fault, fault: Fault, now: int) -> bool:
        if LEVEL[cause.severity] < LEVEL[fault.severity] or not self._fits(cause, fault, now):
            return False
        return fault.node not in self.above(cause.node) or self._turn(cause) < self._turn(fault)

    def _fits(self, cause: Fault, fault: Fault, now: int) -> bool:
        if cause.node == fault.node or cause.node not in self.above(fault.node):
            return False
        if cause.ended is not None and now >= cause.ended + self.limits.settle:
            return False
        if cause.onset - self.limits.slack <= fault.onset <= cause.onset + self.limits.window:
            return True
        return cause.hard and cause.onset < fault.onset and (cause.ended is None or fault.onset <= cause.ended)

    def _order(self, cause: Fault, fault: Fault) -> tuple[int, int, int, str, str]:
        apart = abs(cause.onset - fault.onset)
        return (-LEVEL[cause.severity], apart, self.above(fault.node)[cause.node], cause.node, cause.key)

    def above(self, node: str) -> Mapping[str, int]:
        """All ancestors with the shortest distance in edges."""
        found: dict[str, int] = {}
        level = {node}
        distance = 0
        while level:
            distance += 1
            level = {parent for one in level for parent in self._parents.get(one, ())} - found.keys()
            found.update(dict.fromkeys(level, distance))
        return found


def groups(faults: Iterable[Fault]) -> set[frozenset[str]]:
    """How firing alerts fall into incidents: those on one node that nothing explains, with all that they explain."""
    firing = [fault for fault in faults if fault.ended is None]
    where = {fault.key: fault.node for fault in firing if fault.told}
    members: dict[str, set[str]] = {}
    for fault in firing:
        node = where.get(fault.key if fault.told or fault.by is None else fault.by)
        if node is not None:
            members.setdefault(node, set()).add(fault.key)
    return {frozenset(keys) for keys in members.values()}
