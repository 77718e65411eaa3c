"""Judge what is dirty until nothing is: one loop to a fixed point, and the bookkeeping of each change of verdict.

A verdict can only depend on episodes above, and in a circle on those that come before it, so a round settles one more level;
`MAX_ROUNDS` bounds the work, and beyond it the last verdicts stand.
"""

from heapq import heapify, heappop, heappush

from healer.convergence.beside import doubt, link
from healer.convergence.episode import Code, Episode, Place, Status
from healer.convergence.flapping import unsettle
from healer.convergence.judge import Verdict, judge, outranks
from healer.convergence.settings import LEVELS
from healer.convergence.state import State
from healer.convergence.timers import Kind

MAX_ROUNDS = 64
CRITICAL = LEVELS.index("critical")
MAX_PAST = 10_000
"""Alerts kept with an incident after they ended; the rest are in the journal, and counted."""


def settle(state: State) -> None:
    """Bring every verdict up to date with what changed."""
    rounds = 0
    while state.dirty:
        if rounds >= MAX_ROUNDS:
            state.unstable += 1
            state.dirty.clear()
            return
        rounds += 1
        dirty, state.dirty = state.dirty, {}
        for episode in dirty:
            # What was marked in this round before its turn came is judged now, by all that is known.
            state.dirty.pop(episode, None)
            if not episode.ended_at:
                verdict = judge(episode, state)
                assign(state, episode, verdict)
                if verdict.beside is not None or (state.beside and episode in state.beside):
                    link(state, episode, verdict.beside)


def assign(state: State, episode: Episode, verdict: Verdict) -> None:
    """Give an episode its verdict and mark what that changes for others."""
    was = episode.status
    episode.status, episode.code, episode.distance = verdict.status, verdict.code, verdict.distance
    if verdict.by is not episode.by:
        if state.kept:
            state.kept.pop(episode, None)  # what stays because it was given does not come back once it is gone
        if episode.by is not None:
            let_go(state, episode)
        if verdict.by is not None:
            if episode.place is not None:
                if was == Status.ROOT or was == Status.MEMBER:
                    episode.untold_since = state.now
                    take_along(state, episode, episode.place)
                leave(state, episode, verdict.by)
            attach(state, episode, verdict.by)
            if verdict.status == Status.SUPPRESSED and episode.traits.level == CRITICAL:
                affect(state, episode, verdict.by.place)
        if state.people.who:
            stir(state, episode)
    elif verdict.by is not None and was != verdict.status and verdict.by.place is not None:
        # A silence began or ended beneath a cause: whether its incident fires again may depend on it.
        state.touched[verdict.by.place] = None
    if verdict.by is None:
        if verdict.status == Status.HELD and was != Status.HELD:
            state.timers.set(episode.held_until, Kind.HOLD, episode)
        if episode.place is None:
            enter(state, episode)
        elif was != verdict.status and Status.SILENCED in (was, verdict.status):
            rank(episode.place, episode)
            refresh_face(state, episode.place)
        if was != verdict.status and episode.place is not None:
            state.touched[episode.place] = None
            if verdict.status == Status.ROOT:
                name(state, episode.place)


def take_along(state: State, episode: Episode, place: Place) -> None:
    """Where the last that is told of an incident finds its cause elsewhere, the incident follows it there."""
    if place.incident is not None and ((before := state.moved.get(place)) is None or outranks(episode, before)):
        state.moved[place] = episode


def affect(state: State, episode: Episode, place: Place | None) -> None:
    """Remember whose critical alert is explained from this place: its owner hears of that, if nobody told them anyway."""
    owner = state.topology.owner(episode.node)
    if owner and place is not None:
        place.affected[owner] = None


def stir(state: State, episode: Episode) -> None:
    """Judge again what people put beneath it, and what it explains in another's name: where it belongs has changed."""
    people = state.people
    for labels in people.beneath(episode.labels):
        other = state.episodes.get(labels)
        if other is not None and not other.ended_at:
            state.dirty[other] = None
    if episode.labels in people.who:
        state.mark_below(episode.node)


def name(state: State, place: Place) -> None:
    """People are to hear of this place: all that waits in it is told with its face, and what comes later as well."""
    if not place.named:
        place.named = True
        state.dirty.update(place.unexplained)


def attach(state: State, episode: Episode, by: Episode) -> None:
    """Put an episode under the one that explains it."""
    episode.by = by
    place = by.place
    assert place is not None
    if state.parted:
        state.parted.pop(episode, None)
    if len(place.explained) >= place.tidy_at and len(place.explained) > 2 * place.suppressed:
        place.explained = [
            one
            for one in place.explained
            if one.by is not None and one.by.place is place and state.episodes.get(one.labels) is one
        ]
        place.tidy_at = 2 * len(place.explained) + 64
    place.explained.append(episode)
    place.suppressed += 1
    state.touched[place] = None


def let_go(state: State, episode: Episode) -> None:
    """Take a firing episode from under the one that explained it."""
    assert episode.by is not None
    place = episode.by.place
    episode.by = None
    if place is not None:
        if place.incident is not None:
            state.parted[episode] = place.incident.id
        place.suppressed -= 1
        state.touched[place] = None


def enter(state: State, episode: Episode) -> None:
    """Let an unexplained episode sit in its place; from now on it explains what is beneath."""
    key = state.key_of(episode)
    place = state.places.get(key)
    if place is None:
        place = state.places[key] = Place(state.number(), key)
    episode.place = place
    place.unexplained[episode] = None
    place.firing += 1
    rank(place, episode)
    refresh_face(state, place)
    state.touched[place] = None
    if state.people.who:
        stir(state, episode)
    if state.flapping and (until := state.flapping.get(episode.labels, 0)) > state.now:
        unsettle(state, place, until)
    if episode.traits.suppressor:
        state.mark_below(episode.node)


def leave(state: State, episode: Episode, heir: Episode | None = None) -> None:
    """Take an episode that its heir explains by now (or that is long over) out of its place; judge what it explained."""
    place = episode.place
    assert place is not None
    release(state, episode, place, heir)
    if state.beneath:
        doubt(state, episode)
    if state.groups:
        state.mark_below(episode.node)
    episode.place = None
    del place.unexplained[episode]
    if not episode.ended_at:
        place.firing -= 1
    refresh_face(state, place)
    state.touched[place] = None


def release(state: State, episode: Episode, place: Place, heir: Episode | None) -> None:
    """Judge again what this episode explained; what ended beneath it goes to the heir, or becomes the place's past."""
    kept = []
    # What went from one alert of this place to another is listed twice, and must count once.
    for symptom in dict.fromkeys(place.explained):
        if symptom.by is None or symptom.by.place is not place:
            continue
        if symptom.by is not episode:
            kept.append(symptom)
        elif not symptom.ended_at:
            if heir is not None and state.kept:
                state.kept.pop(symptom, None)
            let_go(state, symptom)
            state.dirty[symptom] = None
            if episode.ended_at:
                symptom.code = Code.NOT_JUDGED
        elif state.episodes.get(symptom.labels) is not symptom:
            continue
        elif heir is not None and heir.place is not None:
            symptom.by = heir
            heir.place.explained.append(symptom)
            heir.place.ended += 1
            place.ended -= 1
        else:
            bury(place, symptom)
    place.explained = kept


def bury(place: Place, episode: Episode) -> None:
    """Keep what ended to show it with the place's incident, if it has one."""
    if place.incident is None:
        place.ended -= 1
    elif len(place.past) < MAX_PAST:
        place.past.append(episode)


def rank(place: Place, episode: Episode) -> None:
    """Enter an episode into the ranking of its place's faces."""
    ranking = place.ranking
    if len(ranking) >= 2 * len(place.unexplained) + 64:
        place.ranking = ranking = [
            (-one.traits.level, one.onset, one.labels, one) for one in place.unexplained if not one.ended_at
        ]
        heapify(ranking)
    heappush(ranking, (-episode.traits.level, episode.onset, episode.labels, episode))


def refresh_face(state: State, place: Place) -> None:
    """Find the most severe firing episode of a place, silenced and contested ones aside; a change of face is judged again."""
    ranking = place.ranking
    while ranking:
        _, onset, _, first = ranking[0]
        if (
            first.place is place
            and not first.ended_at
            and first.status != Status.SILENCED
            and first.onset == onset
            and first not in state.contested
        ):
            break
        heappop(ranking)
    face = ranking[0][3] if ranking else None
    if face is place.face:
        return
    for one in (place.face, face):
        if one is not None and one.place is place:
            state.dirty[one] = None
    place.face = face
    state.touched[place] = None
