"""Are two degraded things two faults? Asked by `clusters` before what is connected becomes one incident.

Roots of one incident that lie one above the other are one fault. Of others, one may still be the other's doing: what only its
callers measure lights up for their faults, and what is called no more loses its traffic. But what is full, or has something
beneath it that the other does not reach, did not fail because of the other; where that holds both ways, they are two.
"""

from collections.abc import Iterator
from itertools import combinations, islice

from healer.convergence.episode import Case, Episode, Place
from healer.convergence.evidence import Class, class_of
from healer.convergence.naming import places_of
from healer.convergence.state import State
from healer.times import Micros

MAX_HEADS = 8
"""Roots of one incident that are compared, the worst of them."""
MAX_BELOW = 200
"""Nodes beneath each root at which it is looked, the nearest first."""


def one_fault(state: State, place: Place, face: Episode, case: Case) -> bool:
    """Whether nothing says that what is wrong at this place, and what an incident is about, are two faults."""
    theirs = heads(state, case)
    if place.incident is None and any(is_above(state, other.node, face.node) for other in theirs):
        return True
    mine = [face] if place.incident is None else heads(state, place.incident)
    return not any(two_faults(state, one, other) for one in mine for other in theirs)


def heads(state: State, case: Case) -> list[Episode]:
    """The topmost of what is wrong in an incident."""
    return topmost(state, [one.face for one in places_of(case) if one.face is not None and one.face.node >= 0])


def topmost(state: State, faces: list[Episode]) -> list[Episode]:
    """Those of them that lie beneath no other, the worst of them where there are many."""
    some = sorted(faces, key=rank)[:MAX_HEADS]
    return [one for one in some if not any(is_above(state, other.node, one.node) for other in some)]


def rank(face: Episode) -> tuple[int, Micros, bytes]:
    """The most severe first, then the earliest."""
    return (-face.traits.level, face.onset, face.labels)


Links = dict[Place, dict[Place, bool]]
"""Of each place those with which it is connected; True where that says for sure that they are one fault."""


def faults(state: State, links: Links) -> list[list[Place]]:
    """These places, each with those that are one fault with it: the same whatever came first."""
    both: Links = {place: {} for place in links}
    for place, found in links.items():
        for other, sure in found.items():
            if other in both:
                both[place][other] = both[other][place] = sure or both[place].get(other, False)
    groups: list[list[Place]] = []
    for place in _in_order(state, both):
        fits = next((group for group in groups if _is_one(state, [place], group, both)), None)
        if fits is None:
            groups.append([place])
        else:
            fits.append(place)
    while (pair := _next_pair(state, groups, both)) is not None:
        first, second = pair
        groups.remove(second)
        first.extend(second)
    return groups


def _in_order(state: State, links: Links) -> list[Place]:
    """What lies beneath nothing else that is wrong comes first, then what is worse; last what nothing fires at."""
    nodes = {place.face.node for place in links if place.face is not None}

    def order(place: Place) -> tuple[int, tuple[int, Micros, bytes]]:
        if place.face is None:
            return 2, (0, place.seq, b"")
        # An alert without a node lies beneath nothing.
        over = state.near_above(place.face.node) if place.face.node >= 0 else ()
        return int(any(above in nodes for above, _ in over)), rank(place.face)

    return sorted(links, key=order)


def _next_pair(state: State, groups: list[list[Place]], links: Links) -> tuple[list[Place], list[Place]] | None:
    """Two groups that turn out to be one fault."""
    return next(((one, other) for one, other in combinations(groups, 2) if _is_one(state, other, one, links)), None)


def _is_one(state: State, some: list[Place], others: list[Place], links: Links) -> bool:
    """Whether they are connected, and are not two faults."""
    found = [links[one][other] for one in some for other in others if other in links[one]]
    if not found or any(found):
        return bool(found)
    mine, theirs = (topmost(state, [one.face for one in part if one.face is not None]) for part in (some, others))
    if len(some) == 1 and any(is_above(state, other.node, one.node) for one in mine for other in theirs):
        return True
    return not any(two_faults(state, one, other) for one in mine for other in theirs)


def two_faults(state: State, one: Episode, other: Episode) -> bool:
    """Whether neither of two degraded nodes can be the other's doing."""
    if one.node == other.node or is_above(state, one.node, other.node) or is_above(state, other.node, one.node):
        return False
    return by_itself(state, one, other) and by_itself(state, other, one)


def by_itself(state: State, one: Episode, other: Episode) -> bool:
    """Whether this node is full, or something beneath it is wrong that the other one does not reach."""
    if any(class_of(each.traits.name) in (Class.SATURATION, Class.DOWN) for each in firing_at(state, one.node)):
        return True
    window = state.settings.window
    return any(
        node != other.node
        and not is_above(state, other.node, node)
        and any(abs(each.onset - one.onset) <= window for each in firing_at(state, node))
        for node in islice(state.topology.below(one.node), MAX_BELOW)
        if node in state.at_node
    )


def is_above(state: State, above: int, node: int) -> bool:
    """Whether a fault of the first reaches the second."""
    return node >= 0 and any(one == above for one, _ in state.near_above(node))


def firing_at(state: State, node: int) -> Iterator[Episode]:
    """What fires on a node."""
    there = state.at_node.get(node, ())
    yield from (one for one in ((there,) if isinstance(there, Episode) else there) if not one.ended_at)
