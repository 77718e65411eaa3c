"""What changed lately, and where: the memory that the fold keeps of changes, bounded in all directions. Pure.

News of one deployment are one entry, from when it began to when it was last heard of.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from healer.changes.model import Change, Touched
from healer.changes.touching import MAX_NODES
from healer.times import HOUR, MINUTE, Micros

MAX_CHANGES = 2_000
"""Changes that are remembered, the newest."""
MAX_OF_NODE = 20
"""... of one node."""
MAX_KEYS = 20_000
"""Keys of deliveries by which a repeated one is known, the newest."""
MAX_SHOWN = 5
"""Changes that are shown with one incident, the newest."""
LAPSES: Micros = HOUR
"""A deployment whose end nobody told counts as under way for this long after it was last heard of: hosts try once."""

_COUNT = frozenset({"pushed", "running", "succeeded", "failed"})
"""States in which something was done: not what waits, or was called off."""


class Remembered(msgspec.Struct, frozen=True):
    """What a snapshot carries of it."""

    changes: tuple[Touched, ...] = ()
    keys: tuple[str, ...] = ()


class Recent:
    """The changes of late."""

    def __init__(self, remembered: Remembered | None = None) -> None:
        remembered = remembered or Remembered()
        self._keys: dict[str, None] = dict.fromkeys(remembered.keys)
        self._changes: dict[tuple[str, str, str], Touched] = {}
        self._by_node: dict[str, dict[tuple[str, str, str], None]] = defaultdict(dict)
        self._after: tuple[int, tuple[Touched, ...]] | None = None
        for one in remembered.changes:
            self._keep(one)

    def __len__(self) -> int:
        return len(self._changes)

    def __iter__(self) -> Iterator[Touched]:
        yield from self._changes.values()

    def after(self, floor: Micros) -> tuple[Touched, ...]:
        """The changes that were not over before this instant, and a few more.

        In a storm every incident asks, about nearly the same instant: the answer is kept for its minute.
        """
        minute = floor // MINUTE
        if self._after is None or self._after[0] != minute:
            self._after = minute, tuple(one for one in self._changes.values() if _ended(one) >= minute * MINUTE)
        return self._after[1]

    def remembered(self) -> Remembered:
        return Remembered(tuple(self._changes.values()), tuple(self._keys))

    def knows(self, keys: Iterable[str]) -> bool:
        """Whether a delivery with one of these keys came before."""
        return any(key in self._keys for key in keys)

    def take(self, change: Change, nodes: tuple[str, ...]) -> Touched | None:
        """A delivery: what is known of its change by now; None where it came before, or touches nothing."""
        if self.knows(change.keys):
            return None
        self._keys.update(dict.fromkeys(change.keys))
        while len(self._keys) > MAX_KEYS:
            del self._keys[next(iter(self._keys))]
        before = self._changes.get(change.subject)
        if before is None:
            if not nodes:
                return None
            found = Touched(change, nodes, change.at, change.at)
        else:
            found = _went_on(before, change, nodes)
            self._drop(change.subject)
        self._keep(found)
        return found

    def just_before(self, node: str, onset: Micros, window: Micros) -> Touched | None:
        """The newest change of a node that was within `window` before this instant."""
        there = (self._changes[subject] for subject in self._by_node.get(node, ()))
        return max((one for one in there if was_before(one, onset, window)), key=_since, default=None)

    def newest(self, node: str) -> Touched | None:
        """The change of a node that was heard of last."""
        there = [self._changes[subject] for subject in self._by_node.get(node, ())]
        return max((one for one in there if one.change.state in _COUNT), key=_until, default=None)

    def _keep(self, one: Touched) -> None:
        subject = one.change.subject
        self._after = None
        self._changes[subject] = one
        for node in one.nodes:
            there = self._by_node[node]
            there[subject] = None
            if len(there) > MAX_OF_NODE:
                self._drop(next(iter(there)))
        if len(self._changes) > MAX_CHANGES:
            self._drop(next(iter(self._changes)))

    def _drop(self, subject: tuple[str, str, str]) -> None:
        for node in self._changes.pop(subject).nodes:
            there = self._by_node[node]
            del there[subject]
            if not there:
                del self._by_node[node]


def was_before(one: Touched, onset: Micros, window: Micros) -> bool:
    """Whether a change began before this instant, and was under way or over at most `window` before it."""
    if one.change.state not in _COUNT or one.since > onset:
        return False
    return _ended(one) >= onset - window


def _ended(one: Touched) -> Micros:
    return one.until + LAPSES if one.change.state == "running" else one.until


def is_under_way(one: Touched, now: Micros) -> bool:
    """Whether somebody is still at it; a deployment of which nothing is heard any more counts for `LAPSES`."""
    return one.change.state == "running" and one.until + LAPSES >= now


def heard_at(one: Touched, now: Micros) -> Micros:
    """When something was last done: now, while it is under way."""
    return now if is_under_way(one, now) else one.until


def before_incident(
    changes: Iterable[Touched],
    onset: Micros,
    window: Micros,
    around: Collection[str],
    lies_above: Callable[[str], bool],
) -> tuple[Touched, ...]:
    """The changes to show with an incident, the newest first: in time, and on a node `around`, or above which its own lies."""
    found = {
        one.change.subject: one
        for one in changes
        if was_before(one, onset, window) and any(node in around or lies_above(node) for node in one.nodes)
    }
    return tuple(sorted(found.values(), key=lambda one: (-one.since, one.change.subject))[:MAX_SHOWN])


def _went_on(before: Touched, change: Change, nodes: tuple[str, ...]) -> Touched:
    """News of a deployment. What arrives late and out of order says nothing new of its state."""
    newer = change.at >= before.until
    kept = change if newer else msgspec.structs.replace(before.change, keys=change.keys)
    since = min(before.since, change.at)
    if newer and before.change.state == "pending" and change.state == "running":
        since = change.at  # it had only waited until now
    both = tuple(dict.fromkeys((*before.nodes, *nodes)))[:MAX_NODES]
    return Touched(kept, both, since, max(before.until, change.at))


def _since(one: Touched) -> tuple[Micros, tuple[str, str, str]]:
    return one.since, one.change.subject


def _until(one: Touched) -> tuple[Micros, tuple[str, str, str]]:
    return one.until, one.change.subject
