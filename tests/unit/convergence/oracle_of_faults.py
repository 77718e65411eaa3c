"""Which roots are one fault, derived slowly and from scratch, if nothing ever ended: what joined incidents are measured by.

It knows what the oracle of explanations concluded, the words of the tests' alerts, and nothing of the service.
"""

from itertools import combinations

from tests.unit.convergence.oracle import LEVEL, Fault, Oracle

LIKE = 5
SEVERAL = 3


class Faults:
    """Roots by their node, and which of them belong together."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._parents = {child: {one for one, other in oracle.edges if other == child} for _, child in oracle.edges}
        self._all = [fault for fault in oracle.faults.values() if fault.ended is None]
        self._roots: dict[str, list[Fault]] = {}
        for fault in sorted(self._all, key=rank):
            if fault.told:
                self._roots.setdefault(fault.node, []).append(fault)

    def incidents(self) -> set[frozenset[str]]:
        """The keys of the alerts of each."""
        groups: list[list[str]] = []
        for node in sorted(self._roots, key=lambda node: (self._lies_beneath(node), rank(self._face(node)))):
            home = next((group for group in groups if self._one_fault([node], group)), None)
            if home is None:
                groups.append([node])
            else:
                home.append(node)
        merged = True
        while merged:
            merged = False
            for one, other in combinations(groups, 2):
                if self._one_fault(other, one):
                    groups.remove(other)
                    one.extend(other)
                    merged = True
                    break
        return {frozenset(fault.key for node in group for fault in self._of(node)) for group in groups}

    def _face(self, node: str) -> Fault:
        return self._roots[node][0]

    def _of(self, node: str) -> list[Fault]:
        """The roots at a node, and all that they explain."""
        keys = {fault.key for fault in self._roots[node]}
        return [fault for fault in self._all if fault.key in keys or (not fault.told and fault.by in keys)]

    def _beneath(self, node: str, above: str) -> bool:
        return node != above and above in self._oracle.above(node)

    def _lies_beneath(self, node: str) -> bool:
        return any(above in self._roots for above in self._oracle.above(node))

    # --- one fault, or two

    def _one_fault(self, some: list[str], others: list[str]) -> bool:
        """Both ways: what surely is one, or is connected where no two of the topmost are two faults."""
        pairs = [(one, other) for one in some for other in others]
        if any(self._surely_one(one, other) for one, other in pairs):
            return True
        if not any(self._touch(one, other) for one, other in pairs):
            return False
        mine, theirs = self._topmost(some), self._topmost(others)
        if len(some) == 1 and any(self._beneath(one, other) for one in mine for other in theirs):
            return True
        return not any(self._two(one, other) for one in mine for other in theirs)

    def _topmost(self, nodes: list[str]) -> list[str]:
        return [node for node in nodes if not any(self._beneath(node, other) for other in nodes)]

    def _two(self, one: str, other: str) -> bool:
        if self._beneath(one, other) or self._beneath(other, one):
            return False
        return self._by_itself(one, other) and self._by_itself(other, one)

    def _by_itself(self, one: str, other: str) -> bool:
        """It has something wrong beneath it, at that time, that the other does not reach; or something there is down."""
        face = self._face(one)
        return any(fault.hard for fault in self._all if fault.node == one) or any(
            self._beneath(fault.node, one)
            and fault.node != other
            and not self._beneath(fault.node, other)
            and abs(fault.onset - face.onset) <= self._oracle.limits.window
            for fault in self._all
        )

    def _surely_one(self, one: str, other: str) -> bool:
        return self._in_a_row(one, other) or self._home(one) == other or self._home(other) == one

    # --- connected

    def _touch(self, one: str, other: str) -> bool:
        """Both degraded, and nothing down beneath; something of the one lies beneath the root of the other, or beside it."""
        if any(fault.hard for node in (one, other) for fault in self._of(node)):
            return False
        return self._felt(one, other) or self._felt(other, one)

    def _felt(self, root: str, at: str) -> bool:
        for fault in self._of(at):
            near = any(abs(fault.onset - cause.onset) <= self._oracle.limits.window for cause in self._roots[root])
            both = any(
                {root, fault.node} <= parents and child not in (root, fault.node)
                for child, parents in self._parents.items()
            )
            if near and fault.node != root and (self._beneath(fault.node, root) or both):
                return True
        return False

    # --- most of what lies beneath one node

    def _in_a_row(self, one: str, other: str) -> bool:
        return any({one, other} <= row for down in (True, False) for row in self._rows(down=down))

    def _rows(self, *, down: bool) -> list[set[str]]:
        found: list[set[str]] = []
        for parent in {parent for parent, _ in self._oracle.edges}:
            children = {child for child, parents in self._parents.items() if parent in parents and child != parent}
            faces = [self._face(child) for child in children if child in self._roots]
            rows: list[list[Fault]] = []
            for face in sorted((face for face in faces if face.hard is down), key=lambda fault: fault.onset):
                if rows and face.onset - rows[-1][-1].onset <= self._oracle.limits.slack:
                    rows[-1].append(face)
                else:
                    rows.append([face])
            most = [row for row in rows if len(row) >= SEVERAL and 2 * len(row) >= len(children)]
            found.extend({fault.node for fault in row} for row in most)
        return found

    # --- an edge that is missing

    def _home(self, node: str) -> str | None:
        """Of something that nothing is above: the root that explains many of its like. The tests' nodes are of one kind."""
        face = self._face(node)
        if self._parents.get(node) or any(self._near(node, other) for other in self._roots if other != node):
            return None
        found = [other for other in self._roots if other != node and len(self._alike(face, other)) >= LIKE]
        return min(
            found, key=lambda other: (abs(self._face(other).onset - face.onset), self._face(other).key), default=None
        )

    def _near(self, one: str, other: str) -> bool:
        return self._touch(one, other) or self._in_a_row(one, other)

    def _alike(self, face: Fault, home: str) -> list[Fault]:
        return [
            fault
            for fault in self._of(home)
            if not fault.told
            and fault.node != face.node
            and fault.key.split(",")[0] == face.key.split(",")[0]
            and abs(fault.onset - face.onset) <= self._oracle.limits.slack
        ]


def rank(fault: Fault) -> tuple[int, int, str]:
    """The worst first, then the earliest."""
    return (-LEVEL[fault.severity], fault.onset, fault.key)
