"""Are two degraded things two faults? Asked by `clusters` before what is connected becomes one incident.

Roots of one incident that lie one above the other are one fault. Of others, one may still be the other's doing: what only its
callers measure lights up for their faults, and what is called no more loses its traffic. But what is full, or has something
beneath it that the other does not reach, did not fail because of the other; where that holds both ways, they are two.
"""

from collections.abc import Iterator
from itertools import islice

from healer.convergence.episode import Case, Episode, Place
from healer.convergence.evidence import Class, class_of
from healer.convergence.naming import places_of
from healer.convergence.state import State

MAX_HEADS = 8
"""Roots of one incident that are compared, the first that joined it."""
MAX_ABOVE = 64
"""Ancestors of each node at which it is looked, the nearest first."""
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
    faces = [one.face for one in islice(places_of(case), MAX_HEADS) if one.face is not None and one.face.node >= 0]
    return [one for one in faces if not any(is_above(state, other.node, one.node) for other in faces)]


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
    return any(one == above for one, _ in state.above(node)[:MAX_ABOVE])


def firing_at(state: State, node: int) -> Iterator[Episode]:
    """What fires on a node."""
    there = state.at_node.get(node, ())
    yield from (one for one in ((there,) if isinstance(there, Episode) else there) if not one.ended_at)
