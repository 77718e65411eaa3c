"""The engine's memory as bytes and back: for snapshots, and for going on under another charter.

Every object is written once, as a row, and referred to by its number. Nodes are not written: alerts are placed again by
their labels when the memory is read, under whatever topology holds then.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec

from healer.alerts.maintenance import Maintenance
from healer.alerts.silences import Silence
from healer.convergence import quiet
from healer.convergence.episode import Case, Episode, Place, StatusName
from healer.convergence.history import History, Remembered
from healer.convergence.lasting import Rule, by_name
from healer.convergence.naming import places_of
from healer.convergence.outcome import Naming, People, Storm
from healer.convergence.outcome import Status as IncidentStatus
from healer.convergence.people import Words
from healer.convergence.settings import Convergence
from healer.convergence.state import TURN, State, Topology, Turn
from healer.times import Micros


class EpisodeRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    seq: int
    labels: bytes
    sender: str
    starts_at: Micros
    onset: Micros
    held_until: Micros
    position: int
    index: int
    by: int
    place: int
    status: StatusName
    code: str
    distance: int
    ended_at: Micros
    expires: Micros
    judged_afresh: bool
    resolution: str
    untold_since: Micros
    wakes: Micros
    known: bool
    spoken_at: Micros = 0
    active_at: Micros = 0


class PlaceRow(msgspec.Struct, frozen=True, array_like=True):
    seq: int
    key: tuple[str, ...] | None
    unexplained: list[int]
    explained: list[int]
    past: list[int]
    face: int
    named: bool
    ended: int
    incident: str
    affected: list[str] = []
    node: str = ""


class CaseRow(msgspec.Struct, frozen=True, array_like=True):
    id: str
    trace_id: str
    place: int
    face: int
    began_at: Micros
    opened_at: Micros
    resolved_at: Micros
    quiet_since: Micros
    status: IncidentStatus
    resolution: str
    merged_into: str
    reopened: int
    revision: int
    silent: bool
    remind_at: Micros = 0
    said_again: int = 0
    returns: tuple[Micros, ...] = ()
    lull: bool = False
    in_storm: bool = False
    people: People = People()
    naming: Naming = Naming()
    sides: list[int] = []
    stirred_at: Micros = 0
    looks_at: Micros = 0


class Frozen(msgspec.Struct, frozen=True):
    """Everything an engine remembers."""

    now: Micros
    away: Micros
    seq: int
    episodes: list[EpisodeRow]
    places: list[PlaceRow]
    cases: list[CaseRow]
    timers: list[tuple[Micros, int, list[int]]]
    contested: list[tuple[int, Micros]]
    co_holders: list[tuple[int, dict[str, Micros]]]
    opened: list[tuple[int, int]]
    silences: dict[str, tuple[Silence, ...]]
    unreadable: list[str]
    said: dict[str, Silence] = {}
    maintenance: dict[str, Maintenance] = {}
    beside: list[tuple[int, int]] = []
    reminds_at: Micros = 0
    kept: list[tuple[int, int]] = []
    parted: list[tuple[int, str]] = []
    changes: list[tuple[bytes, tuple[Micros, ...]]] = []
    flapping: list[tuple[bytes, Micros]] = []
    unsettled: list[tuple[int, Micros]] = []
    openings: list[Micros] = []
    storm: Storm | None = None
    people: Words = Words()
    lasting: dict[str, tuple[Rule, ...]] = {}
    history: Remembered = Remembered()


def freeze(state: State) -> Frozen:
    """The engine's memory, between two records. Nothing may be dirty, and all that changed must have been taken."""
    assert not any((state.dirty, state.touched, state.changed)), "a step is under way"
    everyone = {id(one): one for one in state.episodes.values()}
    places = {id(place): place for place in _places(state)}
    for place in places.values():
        for one in (*place.unexplained, *place.explained, *place.past):
            everyone[id(one)] = one
    for one in state.parted:
        everyone[id(one)] = one
    for case in state.cases.values():
        everyone[id(case.face)] = case.face
    for one, cause in (*state.beside.items(), *state.kept.items()):
        everyone[id(one)], everyone[id(cause)] = one, cause
    for one in list(everyone.values()):
        while one.by is not None and id(one.by) not in everyone:
            one = one.by
            everyone[id(one)] = one
    return Frozen(
        now=state.now,
        away=state.away,
        seq=state.seq,
        episodes=[_episode_row(one, state.episodes.get(one.labels) is one) for one in everyone.values()],
        places=[_place_row(place, state) for place in places.values()],
        cases=[_case_row(case) for case in state.cases.values()],
        timers=[
            (
                due,
                kind,
                # Whoever wakes up for nothing wakes up all the same: steps are made by timers.
                [one.seq for one in who if isinstance(one, Turn) or id(one) in everyone or id(one) in places] or [0],
            )
            for due, kind, who in state.timers.pending()
        ],
        contested=[(one.seq, until) for one, until in state.contested.items()],
        co_holders=[(one.seq, held) for one, held in state.co_holders.items()],
        opened=[(one.seq, count) for one, count in state.opened.items()],
        silences=dict(state.mirrored),
        unreadable=sorted(state.unreadable),
        said=dict(state.said),
        maintenance=dict(state.maintenance),
        beside=[(one.seq, cause.seq) for one, cause in state.beside.items()],
        reminds_at=state.reminds_at,
        kept=[(one.seq, cause.seq) for one, cause in state.kept.items()],
        changes=list(state.changes.items()),
        flapping=list(state.flapping.items()),
        unsettled=[(place.seq, until) for place, until in state.unsettled.items() if id(place) in places],
        openings=list(state.openings),
        storm=state.storm,
        parted=[(one.seq, incident) for one, incident in state.parted.items()],
        people=state.people.freeze(),
        lasting={name: tuple(chain.from_iterable(rules.values())) for name, rules in state.lasting.items()},
        history=state.history.remembered(),
    )


def thaw(frozen: Frozen, settings: Convergence, topology: Topology, installation: str, heartbeat: str) -> State:
    """The memory again, its alerts placed by this topology and read by these settings."""
    state = State(settings, topology, installation, heartbeat)
    state.now, state.away, state.seq = frozen.now, frozen.away, frozen.seq
    state.history = History(frozen.history)
    state.reminds_at = frozen.reminds_at
    by_seq: dict[int, Any] = {0: TURN}
    for row in sorted(frozen.episodes, key=lambda row: row.seq):
        by_seq[row.seq] = _episode(state, row)
    for place_row in frozen.places:
        by_seq[place_row.seq] = place = Place(place_row.seq, place_row.key or 0)
        place.named, place.ended = place_row.named, place_row.ended
        place.affected = dict.fromkeys(place_row.affected)
        place.explained = [by_seq[one] for one in place_row.explained]
        place.past = [by_seq[one] for one in place_row.past]
        place.unexplained = dict.fromkeys(by_seq[one] for one in place_row.unexplained)
        place.face = by_seq[place_row.face] if place_row.face else None
    for row in frozen.episodes:
        episode = by_seq[row.seq]
        episode.by = by_seq[row.by] if row.by else None
        episode.place = by_seq[row.place] if row.place else None
    for case_row in frozen.cases:
        state.cases[case_row.id] = _case(case_row, by_seq)
    for place_row in frozen.places:
        place = by_seq[place_row.seq]
        place.incident = state.cases.get(place_row.incident)
        _count(state, place, place_row)
    for due, kind, who in frozen.timers:
        for seq in who:
            state.timers.set(due, kind, by_seq[seq])
    state.contested = {by_seq[seq]: until for seq, until in frozen.contested}
    state.co_holders = {by_seq[seq]: held for seq, held in frozen.co_holders}
    state.opened = {by_seq[seq]: count for seq, count in frozen.opened}
    state.unreadable = set(frozen.unreadable)
    state.mirrored, state.said, state.maintenance = dict(frozen.silences), dict(frozen.said), dict(frozen.maintenance)
    state.changes, state.flapping = dict(frozen.changes), dict(frozen.flapping)
    state.unsettled = {by_seq[place]: until for place, until in frozen.unsettled}
    state.openings.extend(frozen.openings)
    state.storm = frozen.storm
    state.kept = {by_seq[one]: by_seq[cause] for one, cause in frozen.kept}
    state.parted = {by_seq[one]: incident for one, incident in frozen.parted}
    for one, cause in frozen.beside:
        state.beside[by_seq[one]] = by_seq[cause]
        state.beneath.setdefault(by_seq[cause], {})[by_seq[one]] = None
    state.people.thaw(frozen.people, state.episodes)
    for source, rules in frozen.lasting.items():
        state.lasting[source] = by_name(rules)
    quiet.turn(state)
    state.dirty.clear()
    return state


def _episode_row(one: Episode, known: bool) -> EpisodeRow:
    return EpisodeRow(
        one.seq,
        one.labels,
        one.sender,
        one.starts_at,
        one.onset,
        one.held_until,
        one.position,
        one.index,
        one.by.seq if one.by is not None else 0,
        one.place.seq if one.place is not None else 0,
        one.status,
        one.code,
        one.distance,
        one.ended_at,
        one.expires,
        one.judged_afresh,
        one.resolution,
        one.untold_since,
        one.wakes,
        known,
        one.spoken_at,
        one.active_at,
    )


def _places(state: State) -> Iterator[Place]:
    """All places, also those of incidents, and of alerts that ended, whose node left the topology or is another's by now."""
    yield from state.places.values()
    for case in state.cases.values():
        yield from places_of(case)
    for one in state.episodes.values():
        if one.place is not None:
            yield one.place


def _place_row(place: Place, state: State) -> PlaceRow:
    return PlaceRow(
        place.seq,
        None if isinstance(place.key, int) else place.key,
        [one.seq for one in place.unexplained],
        [one.seq for one in dict.fromkeys(place.explained)],
        [one.seq for one in place.past],
        place.face.seq if place.face is not None else 0,
        place.named,
        place.ended,
        place.incident.id if place.incident is not None else "",
        list(place.affected),
        state.node_name(place.key) if isinstance(place.key, int) else "",
    )


def _case_row(case: Case) -> CaseRow:
    return CaseRow(
        case.id,
        case.trace_id,
        case.place.seq,
        case.face.seq,
        case.began_at,
        case.opened_at,
        case.resolved_at,
        case.quiet_since,
        case.status,
        case.resolution,
        case.merged_into,
        case.reopened,
        case.revision,
        case.silent,
        case.remind_at,
        case.said_again,
        case.returns,
        case.lull,
        case.in_storm,
        case.people,
        case.naming,
        [side.seq for side in case.sides],
        case.stirred_at,
        case.looks_at,
    )


def _episode(state: State, row: EpisodeRow) -> Episode:
    said, placed_by = state.glance(row.labels)
    traits = state.traits.read(said, state.topology.explains(placed_by))
    episode = Episode(
        row.seq,
        row.labels,
        traits,
        state.topology.place(placed_by),
        row.sender,
        row.starts_at,
        row.onset,
        row.held_until,
        row.position,
        row.index,
        row.untold_since,
        row.expires,
        row.wakes,
    )
    episode.status, episode.code, episode.distance = row.status, row.code, row.distance
    episode.ended_at, episode.resolution = row.ended_at, row.resolution
    episode.judged_afresh = row.judged_afresh
    episode.spoken_at, episode.active_at = row.spoken_at, row.active_at
    if row.known:
        state.episodes[row.labels] = episode
        state.track(episode)
        state.firing += not row.ended_at
    return episode


def _case(row: CaseRow, by_seq: dict[int, Any]) -> Case:
    case = Case(row.id, row.trace_id, by_seq[row.place], by_seq[row.face], row.began_at, row.opened_at)
    case.resolved_at, case.quiet_since, case.status = row.resolved_at, row.quiet_since, row.status
    case.resolution, case.merged_into, case.reopened = row.resolution, row.merged_into, row.reopened
    case.revision, case.silent = row.revision, row.silent
    case.remind_at, case.said_again, case.people = row.remind_at, row.said_again, row.people
    case.returns, case.lull, case.in_storm = row.returns, row.lull, row.in_storm
    case.naming, case.sides = row.naming, {by_seq[side]: None for side in row.sides}
    case.stirred_at, case.looks_at = row.stirred_at, row.looks_at
    return case


def _count(state: State, place: Place, row: PlaceRow) -> None:
    """What can be counted is not written; a place sits where its alerts do."""
    if row.key is None:
        known = state.topology.id(row.node) if row.node else place.incident.face.node if place.incident else -1
        place.key = next((one.node for one in place.unexplained), known)
    firing = [one for one in place.unexplained if not one.ended_at]
    place.firing = len(firing)
    place.suppressed = sum(
        1 for one in place.explained if one.by is not None and one.by.place is place and not one.ended_at
    )
    for one in firing:
        place.ranking.append((-one.traits.level, one.onset, one.labels, one))
    place.ranking.sort()
    if (there := state.places.setdefault(place.key, place)) is not place and firing and not there.firing:
        state.places[place.key] = place  # where what fires moves, what is over there has to make room
