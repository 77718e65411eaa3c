"""Incidents, derived from verdicts: what opens, reopens, resolves and merges is the difference to what was there before.

A place where an unexplained alert was named has one incident, which speaks for all that its alerts explain.
"""

from collections.abc import Iterable
from hashlib import blake2b
from itertools import chain

import msgspec

from healer.convergence import clusters, flapping, naming, quiet, storms, strays
from healer.convergence.beside import incident_beside, refer
from healer.convergence.episode import Case, Episode, Place, Status
from healer.convergence.judge import outranks
from healer.convergence.outcome import Incident, Root
from healer.convergence.record import confidence, kind_of
from healer.convergence.settle import name
from healer.convergence.state import TURN, State
from healer.convergence.timers import Kind
from healer.times import MINUTE, SECOND, Micros


def derive(state: State) -> None:
    """Bring the incidents of all touched places up to date."""
    touched, state.touched = state.touched, {}
    # An incident that moves to another place takes it before a new one opens there.
    for place in sorted(touched, key=lambda one: one.incident is None) if state.people.who else touched:
        update(state, place)
    if state.moved:
        state.moved.clear()


def update(state: State, place: Place) -> None:
    """One place's incident: open, merge, reopen or resolve it, or find that nothing changed but its numbers."""
    case = place.incident
    if case is None:
        if place.named and place.face is not None:
            open_or_join(state, place, place.face)
        elif not place.unexplained and state.places.get(place.key) is place:
            del state.places[place.key]
        return
    state.changed[case] = None
    if case.status == "open":
        look_later(state, case, state.now)
        crown(state, case)
    if case.place is not place:
        conclude(state, place, case)
        return
    if case.status == "open" and not place.firing and (elsewhere := followed(state, place, case)) is not None:
        merge(state, place, case, elsewhere)
        return
    if place.face is not None:
        case.face = place.face
    case.silent = place.face is None and place.firing > sum(one in place.unexplained for one in state.contested)
    case.silent &= not any(side.face is not None for side in case.sides)
    conclude(state, place, case)


def followed(state: State, place: Place, case: Case) -> Place | None:
    """Where what was told of an incident fires on, beneath a cause elsewhere or on another node; None where nothing does.

    Where the incident moved already, its new root may be over or silenced, and the one it took over its face still. Where its
    face ended in the very record that explained what else was told of it, that is what it follows. To a side of its own it need
    not go: that is crowned in its turn.
    """
    for one in (case.face, state.moved.get(place)):
        if one is not None and not one.ended_at:
            there = one.by.place if one.by is not None and one.by.place is not place else one.place
            if there is not None and there is not place and there not in case.sides:
                return there
    return None


def conclude(state: State, place: Place, case: Case) -> None:
    """Reopen, name or resolve an incident at one of whose places something changed."""
    if case.status == "resolved" and fires_again(state, place):
        reopen(state, case)
    if case.status == "open":
        if naming.consider(state, case):
            case = absorb(state, case)
        quiet = clusters.quiet(case)
        if quiet and place is not case.place:
            # Its own place knows whether it is over, or what explains all of it by now.
            state.touched[case.place] = None
            return
        if quiet and not flapping.unsettled(state, case):
            resolve(state, case.place, case)
        elif case.lull and not quiet:
            case.reopened += 1
            flapping.returned(state, case)
        case.lull = quiet and case.status == "open"


def absorb(state: State, case: Case) -> Case:
    """More is known of an incident: those with which it is connected by now become one with it. Returns the oldest of them."""
    while case.place.incident is case and case.place.face is not None:
        other = clusters.companion(state, case.place, case.place.face)
        if other is None:
            break
        case, younger = sorted((case, other), key=lambda one: (one.opened_at, one.id))
        take_in(state, case, younger)
        crown(state, case)
    return case


def take_in(state: State, case: Case, younger: Case) -> None:
    """What people heard of as two turns out to be one."""
    younger.place.incident = case
    case.sides[younger.place] = None
    close_merged(state, younger, case, "they are connected")
    state.touched[case.place] = None


def crown(state: State, case: Case) -> None:
    """Of several places that are one incident, the worst is the one it is about, and gives it title and severity.

    What ended stays its root for `settle`, unless something worse fires, or people name another: it may fire again.
    """
    if not case.sides:
        return
    place, best = case.place, worst(one for one in naming.places_of(case) if not is_stray(state, one, case))
    lately = case.face if case.face.ended_at and case.face in place.unexplained else None
    if best is None or best is place or best.face is None:
        return
    root = place.face or (lately if not state.people.alone(best.face) else None)
    if root is not None and not outranks(best.face, root):
        return
    del case.sides[best]
    case.sides[place] = None
    case.place, case.face = best, best.face
    state.touched[best] = None
    state.note(case, "converge", "took root", alertname=best.face.traits.name, node=state.node_name(best.face.node))
    if state.beneath:
        refer(state, best)
        refer(state, place)


def is_stray(state: State, place: Place, case: Case) -> bool:
    """Whether it is part of this incident only because an edge seems to be missing."""
    if place is case.place or place.face is None or case.place.suppressed < strays.LIKE:
        return False
    state.walked.clear()
    return strays.home_of(state, place, place.face) is case.place


def worst(places: Iterable[Place]) -> Place | None:
    """The place whose face is the most severe, then the earliest."""
    faces = [(-one.face.traits.level, one.face.onset, one.face.labels, one) for one in places if one.face is not None]
    return min(faces)[-1] if faces else None


def look_later(state: State, case: Case, stirred_at: Micros) -> bool:
    """Something changed in an incident at that instant: look at it again once it was calm for `hold`. False: it was."""
    case.stirred_at = stirred_at
    due = stirred_at + max(state.settings.hold.default, SECOND)
    if due <= state.now:
        return False
    if case.looks_at <= state.now:
        case.looks_at = due
        state.timers.set(due, Kind.REGROUP, case.place)
    return True


def open_or_join(state: State, place: Place, face: Episode) -> None:
    """People are to hear of this place: with an incident that is open already, or by one of its own."""
    case = clusters.companion(state, place, face)
    if case is None:
        case = open_case(state, place, face)
    else:
        clusters.join(state, place, case)
        crown(state, case)
    look_later(state, case, state.now)
    naming.consider(state, case)


def open_case(state: State, place: Place, face: Episode) -> Case:
    """Nothing explains what happened here, and people are to hear of it."""
    ordinal = state.opened[face] = state.opened.get(face, 0) + 1
    seed = f"{state.installation}\0{face.position}\0{face.index}\0{ordinal}\0".encode() + face.labels
    beneath = (one for one in place.explained if one.by is not None and one.by.place is place)
    began_at = min(one.held_until - one.traits.hold for one in chain(place.unexplained, beneath)) + state.away
    case = Case(
        id=blake2b(seed, digest_size=6, person=b"incident").hexdigest(),
        trace_id=blake2b(seed, digest_size=16, person=b"trace").hexdigest(),
        place=place,
        face=face,
        began_at=began_at,
        opened_at=state.wall,
    )
    place.incident = case
    state.cases[case.id] = case
    state.changed[case] = None
    state.note(case, "detect", "arrived", alertname=face.traits.name, node=state.node_name(face.node), at=str(began_at))
    if state.beneath:
        refer(state, place)
    note_split(state, case)
    storms.opened(state, case)
    remind_later(state, case)
    state.note(case, "converge", "opened", suppressed=str(place.suppressed), members=str(place.firing - 1))
    return case


def note_split(state: State, case: Case) -> None:
    """Rule 10: what was part of another incident until now is a split, and has a reason."""
    before = state.cases.get(state.parted.pop(case.face, ""))
    if before is None or before is case:
        return
    reason = state.why or ("its root ended" if case.face.judged_afresh else "its root explains it no more")
    state.note(before, "converge", "parted", incident=case.id, reason=reason)
    state.note(case, "converge", "parted from", incident=before.id, reason=reason)


def remind_later(state: State, case: Case) -> None:
    """Look after `max_suppress` whether alerts are still suppressed here."""
    due = state.now + state.settings.max_suppress
    case.remind_at = due + -due % MINUTE
    if not state.reminds_at:
        state.reminds_at = case.remind_at
        state.timers.set(case.remind_at, Kind.REMIND, TURN)


def remind(state: State) -> None:
    """Nothing stays suppressed longer than `max_suppress` without being said again. One timer does for all incidents."""
    state.reminds_at = 0
    open_cases = [case for case in state.cases.values() if case.status == "open"]
    for case in open_cases:
        if case.remind_at > state.now:
            continue
        suppressed = sum(place.suppressed for place in naming.places_of(case))
        if suppressed and not case.silent:
            case.said_again += 1
            state.note(case, "converge", "said again", suppressed=str(suppressed))
            state.changed[case] = None
        remind_later(state, case)
    if open_cases:
        state.reminds_at = min(case.remind_at for case in open_cases)
        state.timers.set(state.reminds_at, Kind.REMIND, TURN)


def fires_again(state: State, place: Place) -> bool:
    """Rule 12, for what nothing explains and for what something here does.

    Contested and silenced alerts do not count, nor does what a silenced one explains: people are not to hear of them.
    """
    return place.face is not None or (
        place.suppressed > 0
        and any(
            one.by is not None
            and one.by.place is place
            and not one.ended_at
            and Status.SILENCED not in (one.status, one.by.status)
            and one not in state.contested
            for one in place.explained
        )
    )


def reopen(state: State, case: Case) -> None:
    """Rule 12: it fires again within `settle`."""
    case.status, case.resolved_at, case.resolution = "open", 0, ""
    case.reopened += 1
    case.in_storm = case.in_storm and state.storm is not None
    flapping.returned(state, case)
    case.people = msgspec.structs.replace(case.people, acked_by="", acked_at=0, closed_by="")
    remind_later(state, case)
    state.note(case, "converge", "reopened", alertname=case.face.traits.name)


def resolve(state: State, place: Place, case: Case) -> None:
    """The last alert ended. The place is kept for `settle`, so that what fires again reopens the incident."""
    case.status, case.resolved_at, case.resolution = "resolved", state.wall, case.face.resolution
    case.quiet_since = state.now
    state.note(case, "converge", "resolved", resolution=case.resolution)
    state.timers.set(state.now + state.settings.settle, Kind.PLACE, place)


def merge(state: State, place: Place, case: Case, into: Place | None) -> None:
    """Rule 7, when people heard already: the older incident survives, with its message, and takes the new root."""
    assert into is not None
    place.incident, place.named = None, False
    case.looks_at = 0
    state.touched[place] = None
    into.past.extend(place.past)
    into.affected.update(place.affected)
    place.affected = {}
    into.ended, place.ended = into.ended + len(place.past), place.ended - len(place.past)
    place.past = []
    other = into.incident
    if other is case:  # what took over had joined it
        case.sides.pop(into, None)
        other = None
    gives_way = other is not None and state.people.gives_way.pop(case.id, "") == other.id
    if other is None or (not gives_way and (case.opened_at, case.id) < (other.opened_at, other.id)):
        case.place, into.incident = into, case
        if other is not None:
            close_merged(state, other, case)
        case.face = into.face or over(case.face.by) or case.face
        name(state, into)
        remind_later(state, case)
        state.touched[into] = None
        state.note(case, "converge", "took root", alertname=case.face.traits.name, node=state.node_name(case.face.node))
    else:
        close_merged(state, case, other)
    state.changed[case] = None
    if state.beneath:
        refer(state, into)


def over(cause: Episode | None) -> Episode | None:
    """A cause that ended less than `settle` ago: until then the incident is about it, not about what is to follow it."""
    return cause if cause is not None and cause.ended_at else None


def close_merged(state: State, case: Case, survivor: Case, reason: str = "one root explains both") -> None:
    """An incident that another speaks for from now on."""
    case.status, case.merged_into, case.resolved_at = "merged", survivor.id, state.wall
    state.cases.pop(case.id, None)
    quiet.over(state, case.id)
    clusters.hand_over(state, case, survivor)
    state.changed[case] = None
    reason = state.why or reason
    state.note(case, "converge", "merged", into=survivor.id, reason=reason)
    state.note(survivor, "converge", "absorbed", incident=case.id, reason=reason)


def let_place_go(state: State, place: Place) -> None:
    """An incident stayed resolved for `settle`: memory forgets it, after its alerts were handed out for keeping."""
    case = place.incident
    if case is None or case.status == "open" or state.now - case.quiet_since < state.settings.settle:
        return
    place.incident = None
    place.named = False
    place.affected = {}
    naming.learn(state, case)
    state.cases.pop(case.id, None)
    quiet.over(state, case.id)
    clusters.let_go(state, case)
    if state.beneath:
        refer(state, place)
    state.closed.append(case)
    state.touched[place] = None


def title(case: Case, root: Root) -> str:
    """What broke, in a few words: the root's alert, or the node that a person blamed though it has none."""
    suspect = case.people.suspect
    if suspect:
        return f"{suspect} (no alert of its own), seen by {root.name}"
    return f"{root.name} on {root.node}" if root.node else root.name


def owner_of(state: State, case: Case, root: Root) -> str:
    """Who answers for the node that is named."""
    return state.topology.owner(state.topology.id(case.people.suspect or root.node))


def projection(state: State, case: Case) -> Incident:
    """The incident as people read it."""
    face, place = case.face, case.place
    case.revision += 1
    root = naming.root_of(state, face)
    here = list(naming.places_of(case)) if place.incident is case or case.status == "resolved" else []
    unexplained, suppressed = sum(one.firing for one in here), sum(one.suppressed for one in here)
    return Incident(
        id=case.id,
        trace_id=case.trace_id,
        status=case.status,
        severity=face.traits.severity,
        title=title(case, case.naming.root or root),
        root=root,
        began_at=case.began_at,
        opened_at=case.opened_at,
        resolved_at=case.resolved_at,
        firing=unexplained + suppressed,
        members=max(unexplained - 1, 0),
        suppressed=suppressed,
        total=unexplained + suppressed + sum(one.ended for one in here),
        told=not case.silent,
        revision=case.revision,
        resolution=case.resolution,
        merged_into=case.merged_into,
        reopened=case.reopened,
        beside=incident_beside(state, place, face) if state.beside else "",
        said_again=case.said_again,
        flapping=bool(state.unsettled) and flapping.unsettled(state, case),
        storm=case.in_storm,
        people=case.people,
        owner=(owner := owner_of(state, case, case.naming.root or root)),
        affected=tuple(sorted({one for there in here for one in there.affected} - {owner})),
        how=case.naming.how,
        named=case.naming.root,
        candidates=case.naming.candidates,
        confidence=confidence(state.people.record, case.people.how or kind_of(case.naming)),
    )
