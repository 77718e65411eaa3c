"""Does an alert belong beneath an incident's root although no edge says so? Asked by `connected`.

No topology is complete. Where many alerts of one name went off at once beneath one root, and this is one more of that name, at
that time, on a node of their kind that lacks a parent of the kind by which they are reached, then it is the edge that is missing.
"""

from collections.abc import Iterator
from itertools import islice

from healer.convergence.apart import is_above
from healer.convergence.episode import Episode, Place
from healer.convergence.state import State

LIKE = 5
"""So many alerts of its name have to be explained by the incident's root."""
MAX_PLACES = 256
"""Other places that people have incidents of at which it is looked, those of the latest incidents first."""
MAX_LOOKED = 256
"""Alerts of each that are looked at, the latest first."""
COMPARED = 16
"""Alerts of its name that are looked at more closely."""


def home_of(state: State, place: Place, face: Episode) -> Place | None:
    """The place beneath whose root a node belongs by all but its edges; None where nothing says so."""
    homes = []
    what = face.traits.name, kind(state, face.node)
    for other in _open(state, place):
        if other.suppressed < LIKE or other.face is None or len(_recent(state, other).get(what, ())) < LIKE:
            continue
        like = alike(state, other, face)
        if len(like) >= LIKE and lacks_edge(state, other.face.node, face.node, [one.node for one in like]):
            homes.append((abs(other.face.onset - face.onset), other.face.labels, other))
    return min(homes)[-1] if homes else None


def of(state: State, place: Place) -> Iterator[Place]:
    """The places of which this one is the home."""
    if place.suppressed < LIKE:
        return
    many = {what for what, alerts in _recent(state, place).items() if len(alerts) >= LIKE}
    for other in _open(state, place) if many else ():
        stray = other.face
        if stray is None or (stray.traits.name, kind(state, stray.node)) not in many:
            continue
        if home_of(state, other, stray) is place:
            yield other


def _open(state: State, place: Place) -> Iterator[Place]:
    """What else people have incidents of."""
    left = MAX_PLACES
    for case in reversed(state.cases.values()):
        if case.status != "open" or case.people.closed_by:
            continue
        for one in (case.place, *case.sides):
            if not left:
                return
            left -= 1
            if one is not place and isinstance(one.key, int):
                yield one


def alike(state: State, home: Place, face: Episode) -> list[Episode]:
    """Alerts of the same name that are explained there and that began at the same time, on other nodes of its kind."""
    slack, named = state.settings.slack, _recent(state, home).get((face.traits.name, kind(state, face.node)), [])
    found = (
        one
        for one in reversed(named)
        if abs(one.onset - face.onset) <= slack
        and one.by is not None
        and one.by.place is home
        and one.node != face.node
    )
    return list(islice(found, COMPARED))


def _recent(state: State, home: Place) -> dict[tuple[str, str], list[Episode]]:
    """The latest that was explained there, by its name and the kind of its node; sorted once until something is added."""
    explained = home.explained
    if home.recent is None or home.recent[0] is not explained or home.recent[1] != len(explained):
        # By number, because the order in which they were explained is not kept in snapshots where one came back.
        latest = {one.seq: one for one in islice(reversed(explained), MAX_LOOKED)}
        found: dict[tuple[str, str], list[Episode]] = {}
        for seq in sorted(latest):
            one = latest[seq]
            found.setdefault((one.traits.name, kind(state, one.node)), []).append(one)
        home.recent = explained, len(explained), found
    return home.recent[2]


def lacks_edge(state: State, root: int, node: int, others: list[int]) -> bool:
    """Whether all of the others hang on the root by a kind of parent of which this node has none."""
    if is_above(state, root, node):
        return False
    mine = {kind(state, above) for above in parents(state, node)}
    return all(
        mine.isdisjoint(
            kind(state, above) for above in parents(state, other) if above == root or is_above(state, root, above)
        )
        for other in others
    )


def parents(state: State, node: int) -> list[int]:
    """What lies directly above a node."""
    return [above for above, hops in state.near_above(node) if hops == 1]


def kind(state: State, node: int) -> str:
    """The kind that a node's id says, "" for none."""
    before, slash, _ = state.topology.name(node).partition("/")
    return before if slash else ""
