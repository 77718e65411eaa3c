"""A person says something of an incident: it is noted in the timeline, and made so at once. Called by `engine`.

What comes too late (the incident is over, or another speaks for it) is noted and changes nothing.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

import msgspec

from healer.alerts.silences import Silence
from healer.convergence import intake, naming
from healer.convergence.episode import Case, Episode, Status
from healer.convergence.judge import outranks
from healer.convergence.naming import places_of
from healer.convergence.outcome import Happening
from healer.convergence.people import APART, Said
from healer.convergence.record import kind_of
from healer.convergence.settle import leave
from healer.convergence.state import State
from healer.times import format_rfc3339

NOTED = {
    "ack": "acknowledged",
    "confirm": "confirmed",
    "blame": "blamed",
    "split": "split",
    "merge": "merged by hand",
    "note": "noted",
    "close": "closed",
}
"""The timeline's codes of what people said."""


def say(state: State, said: Said, position: int) -> None:
    """Note it, and mark what it changes; the engine judges and derives after it. A key that was heard before changes nothing."""
    if state.people.heard(said.key):
        return
    note(state, said)
    case = state.cases.get(said.incident)
    if said.verb in ("confirm", "blame"):
        count(state, case, said)
    if case is None:
        return
    state.changed[case] = None
    if said.verb == "confirm":
        case.people = msgspec.structs.replace(case.people, confirmed_by=said.by, blamed_by="")
        naming.consider(state, case)
    elif case.status != "open":
        return
    elif said.verb == "ack":
        case.people = msgspec.structs.replace(case.people, acked_by=said.by, acked_at=state.wall)
    elif said.verb == "blame":
        blame(state, case, said)
    elif said.verb == "split":
        split(state, case, said, position)
    elif said.verb == "merge":
        merge(state, case, said)
    elif said.verb == "close":
        close(state, case, said)


def hushed(state: State, incident: str, said: Silence) -> None:
    """Somebody silenced what an incident is about."""
    ends_at = 0 if said.incident else said.ends_at
    until = {"until": format_rfc3339(ends_at)} if ends_at else {}
    state.timeline.append(Happening(incident, state.wall, "converge", "silenced", {"by": said.created_by, **until}))
    case = state.cases.get(incident)
    if case is not None and case.status == "open":
        case.people = msgspec.structs.replace(case.people, silenced_by=said.created_by, silenced_until=ends_at)
        state.changed[case] = None


def note(state: State, said: Said) -> None:
    """Write down who said what; also of an incident that only the store remembers."""
    facts = {"by": said.by, "comment": said.comment, "node": said.node, "incident": said.other}
    if said.alerts:
        facts["alerts"] = str(len(said.alerts))
    given = {name: value for name, value in facts.items() if value}
    state.timeline.append(Happening(said.incident, state.wall, "converge", NOTED[said.verb], given))


def count(state: State, case: Case | None, said: Said) -> None:
    """What people say of a root goes into the record once for each incident; who thinks again takes the first word back."""
    right = said.verb == "confirm"
    how = said.how
    if case is not None:
        before = case.people
        how = before.how or kind_of(case.naming)
        case.people = msgspec.structs.replace(before, how=how)
        if before.confirmed_by if right else before.blamed_by:
            return
        if before.confirmed_by or before.blamed_by:
            state.people.count(how, -int(not right), -int(right))
    state.people.count(how, int(right), int(not right))


def blame(state: State, case: Case, said: Said) -> None:
    """The root is that node: by the best of its alerts, or, where it has none, by name."""
    case.people = msgspec.structs.replace(case.people, blamed_by=said.by, confirmed_by="")
    naming.consider(state, case)
    let_suspect_go(state, case)
    root = best(alerts_on(state, state.topology.id(said.node)), case)
    if root is not None:
        name_root(state, case, root, said.by)
        return
    case.people = msgspec.structs.replace(case.people, suspect=said.node)
    state.people.suspects[case.id] = said.node


def name_root(state: State, case: Case, root: Episode, by: str) -> None:
    """What is unexplained in this incident comes from that alert, and so does what fires on beneath a cause that ended."""
    fires = [one for one in alerts_of(case) if not one.ended_at]
    going = [one for one in fires if one.by is None]
    if not root.ended_at and (left := [one for one in fires if one.by is not None and one.by.ended_at]):
        going += left
        state.moved[case.place] = root
    put(state, root, b"", by)
    for one in going:
        if one is not root:
            put(state, one, root.labels, by)
    state.touched[case.place] = None


def look_for_suspects(state: State) -> None:
    """After alerts arrived: where one sits on a node that was blamed while it was silent, it is the root."""
    for id, node in list(state.people.suspects.items()):
        case = state.cases.get(id)
        if case is None or case.status != "open":
            del state.people.suspects[id]
            continue
        root = best((one for one in alerts_on(state, state.topology.id(node)) if one.traits.suppressor), case)
        if root is not None:
            by = case.people.blamed_by or case.people.confirmed_by
            let_suspect_go(state, case)
            state.changed[case] = None
            name_root(state, case, root, by)


def let_suspect_go(state: State, case: Case) -> None:
    """Nobody without an alert is the root any more."""
    state.people.suspects.pop(case.id, None)
    case.people = msgspec.structs.replace(case.people, suspect="")


def split(state: State, case: Case, said: Said, position: int) -> None:
    """These alerts have nothing to do with it: an incident of their own, for as long as they fire. The root stays."""
    stays = (case.face, case.face.by)  # a root that is silenced is no face, and has the last one beneath it
    wanted = (state.episodes.get(labels) for labels in said.alerts)
    going = [one for one in wanted if one is not None and not one.ended_at and one not in stays and is_of(one, case)]
    over = {node for node, _ in state.above(case.face.node)} if case.face.node >= 0 else set()
    beneath = state.people.is_beneath(case.face.labels, {one.labels for one in going})
    if beneath or any(one.node in over for one in going):
        # It is no cause of the root, whatever the topology says, or people said before.
        put(state, case.face, b"", said.by)
    for one in going:
        if one.place is not None:
            leave(state, one)
            one.status = Status.NEW
        state.people.split(one, f"{case.id} {position}", said.by)
        state.dirty[one] = None


def split_off(state: State, said: Said, position: int) -> None:
    """After it was judged: say in both timelines where they went."""
    place = state.places.get((APART, f"{said.incident} {position}"))
    case = place.incident if place is not None else None
    old = state.cases.get(said.incident)
    if said.verb != "split" or case is None or old is None:
        return
    state.note(old, "converge", "split off", incident=case.id, by=said.by)
    state.note(case, "converge", "split from", incident=old.id, by=said.by)


def merge(state: State, case: Case, said: Said) -> None:
    """The other incident is part of this one, whichever is older; so it stays while both roots fire."""
    other = state.cases.get(said.other)
    if other is None or other.status != "open" or other is case:
        return
    unexplained = [one for one in unexplained_of(other) if not one.ended_at]
    going = unexplained or [one for one in alerts_of(other) if not one.ended_at]
    state.people.gives_way[other.id] = case.id
    for one in going:
        was_apart = one.labels in state.people.apart
        state.people.rejoin(one)
        if was_apart and one.place is not None:
            leave(state, one)
            one.status = Status.NEW
        put(state, one, case.face.labels, said.by)


def close(state: State, case: Case, said: Said) -> None:
    """It is over, whatever still fires: that counts again when it ended and began anew."""
    case.people = msgspec.structs.replace(case.people, closed_by=said.by)
    let_suspect_go(state, case)
    for one in alerts_of(case):
        if not one.ended_at:
            state.people.close(one, state.wall)
            intake.end(state, one, "person")


def put(state: State, episode: Episode, under: bytes, by: str) -> None:
    """Put an alert beneath another, and judge it."""
    state.people.put(episode, under, by)
    if not episode.ended_at:
        state.dirty[episode] = None


def alerts_on(state: State, node: int) -> Iterable[Episode]:
    """What fires on a node."""
    there = state.at_node.get(node, ())
    return [one for one in ((there,) if isinstance(there, Episode) else there) if not one.ended_at]


def best(alerts: Iterable[Episode], case: Case) -> Episode | None:
    """The alert to name: of this incident rather than not, of those that are told, then the most severe and earliest."""
    found: Episode | None = None
    for one in alerts:
        if one.traits.ignored:
            continue
        if found is None or (is_of(one, case), outranks(one, found)) > (is_of(found, case), False):
            found = one
    return found


def unexplained_of(case: Case) -> list[Episode]:
    """The roots of an incident."""
    return [one for place in places_of(case) for one in place.unexplained]


def is_of(episode: Episode, case: Case) -> bool:
    """Whether an alert belongs to an incident."""
    place = episode.by.place if episode.by is not None else episode.place
    return place is case.place or place in case.sides


def alerts_of(case: Case) -> Sequence[Episode]:
    """The alerts of an incident: its own, and those that they explain."""
    here = (one for place in places_of(case) for one in chain(place.unexplained, place.explained))
    return list(dict.fromkeys(one for one in here if is_of(one, case)))
