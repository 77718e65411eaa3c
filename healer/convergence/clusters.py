"""Does what was just found wrong belong to an incident that is open already? Called by `incidents` before one opens.

Where things are degraded and none is down, several roots that are connected are mostly one fault seen from several sides:
they become one incident with ranked candidates. Two things that are down, neither above the other, are two faults; where
most of what lies beneath a node without an alert goes down at once, that node is suspected, and they are one.
"""

from collections.abc import Iterator
from itertools import islice

from healer.convergence import strays
from healer.convergence.apart import is_above, one_fault
from healer.convergence.episode import Case, Episode, Place
from healer.convergence.naming import is_down, places_of
from healer.convergence.state import State

MAX_LOOKED = 32
"""Nodes of the new incident from which it is looked."""
MAX_ABOVE = 64
"""Ancestors of each at which it is looked, the nearest first."""
MAX_BELOW = 200
"""Nodes beneath the new root at which it is looked, the nearest first."""
MAX_CHILDREN = 32
"""Nodes directly beneath the new root by whose other parents it is looked: what the same thing depends on."""
SEVERAL = 3
"""So many of the things beneath a silent node have to be down together, and half of all, for it to be suspected."""
MAX_SIDES = 1_000
"""Places that join one incident."""


def companion(state: State, place: Place, face: Episode) -> Case | None:
    """The oldest open incident with which this place is connected, and nothing says that they are two faults."""
    if not state.settings.join or not isinstance(place.key, int) or face.node < 0:
        return None
    if is_down(face):
        return beneath_one_suspect(state, place, face) or strays.home_of(state, place, face)
    found: dict[str, Case] = {}
    asked = {place.incident}
    for one, other in _connected(state, place, face):
        if abs(one.onset - other.onset) <= state.settings.window and (case := _case_of(other)) not in asked:
            asked.add(case)
            if case is not None and _takes(case) and one_fault(state, place, face, case):
                found[case.id] = case
    if found:
        return min(found.values(), key=lambda case: (case.opened_at, case.id))
    return beneath_one_suspect(state, place, face) or strays.home_of(state, place, face)


def beneath_one_suspect(state: State, place: Place, face: Episode) -> Case | None:
    """The oldest open incident of what failed beside this: most of what lies directly beneath one silent node, at once.

    Where this is down, so are they; where it is degraded, nothing explains any of them.
    """
    for parent, hops in state.above(face.node)[:MAX_ABOVE]:
        if hops > 1:
            break
        if parent in state.at_node:
            continue
        near = islice(state.topology.below(parent), MAX_CHILDREN)
        children = [node for node in near if (parent, 1) in state.above(node)[:MAX_ABOVE]]
        fallen = [one for node in children if (one := _fallen(state, parent, node, face)) is not None]
        if len(fallen) < SEVERAL or 2 * len(fallen) < len(children):
            continue
        cases = {case.id: case for one in fallen if (case := _case_of(one)) is not None and case is not place.incident}
        found = [case for case in cases.values() if case.status == "open" and not case.people.closed_by]
        if found:
            return min(found, key=lambda case: (case.opened_at, case.id))
    return None


def _fallen(state: State, parent: int, node: int, face: Episode) -> Episode | None:
    """What says that a node failed with this one, and is explained by nothing elsewhere."""
    return next(
        (
            one
            for one in _at(state, node)
            if not one.ended_at
            and is_down(one) == is_down(face)
            and _near(state, one, face)
            and (one.by is None or is_above(state, parent, one.by.node))
        ),
        None,
    )


def _near(state: State, one: Episode, other: Episode) -> bool:
    return abs(one.onset - other.onset) <= state.settings.slack


def join(state: State, place: Place, case: Case) -> None:
    """Let what is wrong at a place be part of an open incident."""
    assert place.face is not None
    place.incident = case
    case.sides[place] = None
    state.changed[case] = None
    face = place.face
    state.note(case, "converge", "joined", alertname=face.traits.name, node=state.node_name(face.node))


def hand_over(case: Case, survivor: Case) -> None:
    """The places of an incident join the one that speaks for it from now on."""
    for place in places_of(case):
        if place.incident is case and place is not survivor.place:
            place.incident = survivor
            survivor.sides[place] = None
    case.sides = {}


def let_go(state: State, case: Case) -> None:
    """The incident is forgotten: what joined it is free again."""
    for side in case.sides:
        side.incident, side.named = None, False
        state.touched[side] = None


def quiet(case: Case) -> bool:
    """Whether nothing fires in it any more."""
    return not any(place.firing or place.suppressed for place in places_of(case))


def _takes(case: Case) -> bool:
    """Whether what is connected may join: not where something is, or was, down."""
    return (
        case.status == "open"
        and not is_down(case.face)
        and case.naming.how not in ("direct", "silent")
        and len(case.sides) < MAX_SIDES
        and not case.people.closed_by
    )


def _connected(state: State, place: Place, face: Episode) -> Iterator[tuple[Episode, Episode]]:
    """Alerts of this place, each with one elsewhere above or beneath it."""
    mine = {face.node: face}
    for one in islice(place.explained, MAX_LOOKED):
        if one.by is not None and one.by.place is place:
            mine.setdefault(one.node, one)
    for node, one in mine.items():
        for above, _ in state.above(node)[:MAX_ABOVE]:
            for other in _at(state, above):
                yield one, other
    beside: dict[int, None] = {}
    for count, below in enumerate(islice(state.topology.below(face.node), MAX_BELOW)):
        for other in _at(state, below):
            yield face, other
        if count < MAX_CHILDREN:
            near = [above for above, hops in state.above(below)[:MAX_ABOVE] if hops == 1]
            beside.update(dict.fromkeys(near if face.node in near else ()))
    for node in beside:
        for other in _at(state, node):
            yield face, other


def _at(state: State, node: int) -> Iterator[Episode]:
    there = state.at_node.get(node, ())
    yield from (there,) if isinstance(there, Episode) else there


def _case_of(episode: Episode) -> Case | None:
    place = episode.by.place if episode.by is not None else episode.place
    return place.incident if place is not None else None
