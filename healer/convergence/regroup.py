"""An incident was calm for a while: is it one fault, by all that fires now, and what is it named after? Called by `engine`.

As alerts arrive, a place joins the oldest incident with which it is connected just then. Once nothing changed for `hold`,
what is connected is found again, whatever came first: incidents that turn out to be one merge, and what turns out to be
another fault gets an incident of its own. So the order of arrival does not show (promise A3).
"""

from collections.abc import Iterable

from healer.convergence import clusters, connected, naming
from healer.convergence.apart import Links, faults
from healer.convergence.episode import Case, Place
from healer.convergence.incidents import crown, look_later, open_case, take_in, worst
from healer.convergence.naming import places_of
from healer.convergence.state import State

MAX_PLACES = 128
"""Places that are looked at together; where more are connected, the rest is left as it is."""
APART = "they are not connected"


def look(state: State, places: Iterable[object]) -> None:
    """Look at the incidents of these places again, if they were calm since that was asked for."""
    state.walked.clear()
    for place in places:
        case = place.incident if isinstance(place, Place) else None
        if case is None or case.status != "open" or case.looks_at > state.now:
            continue
        if look_later(state, case, case.stirred_at):
            continue
        let_empty_go(state, case)
        regroup(state, case)
        if case.status == "open":
            name_anew(state, case)


def let_empty_go(state: State, case: Case) -> None:
    """What was told of a side is explained elsewhere by now: if it is ever told again, it is found anew where it belongs."""
    for side in list(case.sides):
        if not (side.unexplained or side.suppressed or side.ended or side.past):
            del case.sides[side]
            side.incident, side.named = None, False
            # Whether the incident is over may have hung on that side alone: it was flapping.
            state.touched[side] = state.touched[case.place] = None


def regroup(state: State, case: Case) -> None:
    """Let incidents be what is connected."""
    if not state.settings.join:
        return
    parts = faults(state, connections(state, case))
    left: dict[Place, Case] = {}
    for together in parts:
        left.update(leaving(state, together))
    for together in parts:
        make_one(state, together, left)


def connections(state: State, case: Case) -> Links:
    """Each place of this incident, and of those with which it is connected, with what is connected with it."""
    links: Links = {}
    waiting = list(places_of(case))
    for place in waiting:
        if len(links) >= MAX_PLACES:
            break
        own = place.incident
        if place in links or own is None:
            continue
        links[place] = found = connected.neighbours(state, place)
        if place.face is None or not may_part(own):
            found[own.place] = True
        waiting.extend(found)
        waiting.extend(places_of(own))
    return links


def may_part(case: Case) -> bool:
    """Whether what is not connected may leave it: nobody said what its root is, and nothing that connected it is over."""
    people = case.people
    said = people.confirmed_by or people.blamed_by or people.suspect
    return not said and not any(place.ended or place.past for place in places_of(case))


def leaving(state: State, together: list[Place]) -> dict[Place, Case]:
    """Those of them whose incident is about something else, with that incident; they leave it."""
    found = {}
    for place in sorted(together, key=lambda one: one.seq):
        case = place.incident
        if case is None or case.place in together:
            continue
        del case.sides[place]
        place.incident = None
        state.touched[place] = state.touched[case.place] = None
        found[place] = case
    return found


def make_one(state: State, together: list[Place], left: dict[Place, Case]) -> None:
    """One incident for all of them: the oldest that is about one of them, or else a new one."""
    homes = {place.incident.id: place.incident for place in together if place.incident is not None}
    cases = sorted(homes.values(), key=lambda one: (one.opened_at, one.id))
    if cases:
        case = cases[0]
    else:
        first = worst(together)
        if first is None or first.face is None:
            return
        case = open_case(state, first, first.face)
        part(state, left[first], case)
    for younger in cases[1:]:
        if len(case.sides) + len(younger.sides) < clusters.MAX_SIDES:
            take_in(state, case, younger)
    for place in sorted(together, key=lambda one: one.seq):
        if place.incident is None and place.face is not None:
            clusters.join(state, place, case)
            if cases:
                part(state, left[place], case)
            state.touched[place] = None
    crown(state, case)


def part(state: State, before: Case, case: Case) -> None:
    """Say in both where something went."""
    state.changed[before] = None
    state.note(before, "converge", "parted", incident=case.id, reason=APART)
    state.note(case, "converge", "parted from", incident=before.id, reason=APART)


def name_anew(state: State, case: Case) -> None:
    """Weigh it by all that is known now, however little that grew."""
    before = case.naming
    naming.consider(state, case, again=True)
    if (case.naming.how, case.naming.root, case.naming.candidates) != (before.how, before.root, before.candidates):
        state.changed[case] = None
