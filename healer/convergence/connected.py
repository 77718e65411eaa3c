"""Which other roots are the same fault as this one? Asked by `clusters` before an incident opens, and by `regroup` later.

Degraded things are connected where one is above something of the other, or both are above one thing. Two things that are down
are two faults; but where most of what lies beneath one node fails at once, that node is suspected, and they are one.

What is connected depends on what fires, and not on the order in which it came: each of two places finds the other.
"""

from collections.abc import Iterable, Iterator
from heapq import nsmallest
from itertools import islice, pairwise

from healer.convergence import strays
from healer.convergence.episode import Episode, Place
from healer.convergence.naming import SEVERAL, is_down
from healer.convergence.state import State
from healer.times import Micros

MAX_LOOKED = 32
"""Alerts that a root explains from which it is looked, the earliest first."""
MAX_BELOW = 200
"""Nodes beneath a root at which it is looked, the nearest first."""
MAX_CHILDREN = 32
"""Nodes directly beneath one by whose other parents it is looked: what the same thing depends on."""


def neighbours(state: State, place: Place) -> dict[Place, bool]:
    """The places of open incidents that are the same fault as what is wrong here; False where they may yet be two (`apart`)."""
    face = place.face
    if face is None or not may_join(state, place):
        return {}
    found = near(state, place, face)
    home = None if found else strays.home_of(state, place, face)
    if home is not None:
        found[home] = True
    for stray in strays.of(state, place):
        if stray.face is not None and not near(state, stray, stray.face):
            found[stray] = True
    return found


def near(state: State, place: Place, face: Episode) -> dict[Place, bool]:
    """Those of the same kind that edges connect with it."""
    down = is_down(face)
    found: dict[Place, bool] = {}
    if not down and not _knows_of_down(place):
        connected = dict.fromkeys(_connected(state, place, face))
        found.update((one, False) for one in connected if not _knows_of_down(one))
    found.update((one, True) for one in _failed_with(state, place, face))
    return {
        other: sure
        for other, sure in found.items()
        if other is not place and is_open(state, other) and _is_down(other) is down
    }


def may_join(state: State, place: Place) -> bool:
    """Whether this is a node on which something speaks for itself."""
    return state.settings.join and isinstance(place.key, int) and place.face is not None and place.face.node >= 0


def is_open(state: State, place: Place) -> bool:
    """Whether people have an incident that is about this place too, and that goes on."""
    case = place.incident
    return case is not None and case.status == "open" and not case.people.closed_by and may_join(state, place)


def _is_down(place: Place) -> bool:
    return place.face is not None and is_down(place.face)


def _knows_of_down(place: Place) -> bool:
    """Whether something is down here, or beneath, or was so less than `settle` ago: then what is degraded beside it is another
    fault, and what came up for a moment does not make it the same."""
    return any(is_down(one) for one in (*place.unexplained, *symptoms(place)))


def _failed_with(state: State, place: Place, face: Episode) -> Iterator[Place]:
    """What failed in the same way just before or after it, each within `slack` of the next: half of what is beneath one node."""
    down = is_down(face)
    for parent, hops in state.near_above(face.node):
        if hops > 1:
            break
        children = list(_children(state, parent))
        there = (state.places.get(node) for node in children)
        failed = [
            one for one in there if one is not None and one.named and one.face is not None and _is_down(one) is down
        ]
        together = _in_one_row(place, failed, state.settings.slack)
        if len(together) >= SEVERAL and 2 * len(together) >= len(children):
            yield from together


def _in_one_row(place: Place, failed: list[Place], slack: Micros) -> list[Place]:
    """Those of them that failed in one row with this place."""
    failed.sort(key=_onset)
    row: list[Place] = failed[:1]
    for before, after in pairwise(failed):
        if _onset(after) - _onset(before) > slack:
            if place in row:
                break
            row = []
        row.append(after)
    return row if place in row else []


def _onset(place: Place) -> Micros:
    assert place.face is not None, "only what has failed"
    return place.face.onset


def _connected(state: State, place: Place, face: Episode) -> Iterator[Place]:
    """Where the root of one is above something of the other, or both are above one thing, and it began within `window`."""
    roots, explained = list(place.unexplained), symptoms(place)
    for one in (*roots, *explained):
        for above, _ in state.near_above(one.node):
            yield from _with_root_at(state, above, one)
    for below in islice(state.topology.below(face.node), MAX_BELOW):
        yield from _with_any_at(state, below, roots)
    for node in _beside(state, face.node):
        yield from _with_any_at(state, node, roots)
    for one in explained:
        for node in _beside(state, one.node):
            yield from _with_root_at(state, node, one)


def symptoms(place: Place) -> list[Episode]:
    """Some of what is explained from here, the same whatever came first."""
    here = {one: None for one in place.explained if one.by is not None and one.by.place is place}
    return (
        list(here) if len(here) <= MAX_LOOKED else nsmallest(MAX_LOOKED, here, key=lambda one: (one.onset, one.labels))
    )


def _with_root_at(state: State, node: int, one: Episode) -> Iterator[Place]:
    other = state.places.get(node)
    if other is not None and _about_then(state, one, other.unexplained):
        yield other


def _with_any_at(state: State, node: int, roots: list[Episode]) -> Iterator[Place]:
    there = state.at_node.get(node, ())
    for one in (there,) if isinstance(there, Episode) else there:
        other = one.by.place if one.by is not None else one.place
        if other is not None and _about_then(state, one, roots):
            yield other


def _about_then(state: State, one: Episode, others: Iterable[Episode]) -> bool:
    window = state.settings.window
    return any(abs(one.onset - other.onset) <= window for other in others)


def _beside(state: State, node: int) -> dict[int, None]:
    """Nodes on which the same things depend directly."""
    found: dict[int, None] = {}
    for child in _children(state, node):
        found.update((above, None) for above, hops in state.near_above(child) if hops == 1 and above != node)
    return found


def _children(state: State, node: int) -> Iterator[int]:
    """Some of the nodes directly beneath one."""
    below = islice(state.topology.below(node), MAX_CHILDREN)
    return (child for child in below if (node, 1) in state.near_above(child))
