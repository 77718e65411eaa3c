"""Does what was just found wrong belong to an incident that is open already? Called by `incidents` before one opens.

Several roots that are connected are mostly one fault seen from several sides (`connected`), unless something says that they
are two (`apart`); they become one incident with ranked candidates.
"""

from healer.convergence.apart import one_fault
from healer.convergence.beside import refer
from healer.convergence.connected import neighbours
from healer.convergence.episode import Case, Episode, Place
from healer.convergence.naming import places_of
from healer.convergence.state import State

MAX_SIDES = 1_000
"""Places that join one incident."""


def companion(state: State, place: Place, face: Episode) -> Case | None:
    """The oldest other open incident with which this place is connected, and nothing says that they are two faults."""
    state.walked.clear()
    cases: dict[Case, bool] = {}
    for other, sure in neighbours(state, place).items():
        if other.incident is not None and other.incident is not place.incident:
            cases[other.incident] = sure or cases.get(other.incident, False)
    found = [
        case
        for case, sure in cases.items()
        if len(case.sides) < MAX_SIDES and (sure or one_fault(state, place, face, case))
    ]
    return min(found, key=lambda case: (case.opened_at, case.id), default=None)


def join(state: State, place: Place, case: Case) -> None:
    """Let what is wrong at a place be part of an open incident."""
    assert place.face is not None
    place.incident = case
    case.sides[place] = None
    state.changed[case] = None
    if state.beneath:
        refer(state, place)
    face = place.face
    state.note(case, "converge", "joined", alertname=face.traits.name, node=state.node_name(face.node))


def hand_over(state: State, case: Case, survivor: Case) -> None:
    """The places of an incident join the one that speaks for it from now on."""
    for place in places_of(case):
        if place.incident is case and place is not survivor.place:
            place.incident = survivor
            survivor.sides[place] = None
        if state.beneath:
            refer(state, place)
    case.sides = {}


def let_go(state: State, case: Case) -> None:
    """The incident is forgotten: what joined it is free again."""
    for side in case.sides:
        side.incident, side.named = None, False
        state.touched[side] = None
        if state.beneath:
            refer(state, side)


def quiet(case: Case) -> bool:
    """Whether nothing fires in it any more."""
    return not any(place.firing or place.suppressed for place in places_of(case))
