"""People's word that alerts are not to be spoken of: silences and maintenance begin, end, are said anew and taken back.

What that concerns is judged afresh. Time in which nobody stepped counts here, for it is people's time. Called by `engine`,
and by `intake` for what arrives.
"""

from collections.abc import Iterator

import msgspec

from healer.alerts import maintenance, silences
from healer.alerts.maintenance import Maintenance
from healer.alerts.matchers import Matchers
from healer.alerts.silences import OWN, RETENTION, Silence
from healer.convergence.episode import Episode
from healer.convergence.standing import Standing, Words
from healer.convergence.state import TURN, State, labels_of
from healer.convergence.timers import Kind
from healer.times import Micros


def mirror(state: State, source: str, readable: bool, said: tuple[Silence, ...]) -> None:
    """All that one source silences now; what it does not repeat is over. Unreadable: what it said last stands."""
    if not readable:
        state.unreadable.add(source)
        return
    state.unreadable.discard(source)
    state.mirrored[source] = said
    turn(state)


def hush(state: State, said: Silence, id: str) -> None:
    """A silence said to healer itself, as `id` where it is new; what may not be changed in place ends, and is said anew."""
    now, known = state.wall, state.said.get(said.id)
    if known is not None and silences.can_update(known, said, now):
        state.said[said.id] = msgspec.structs.replace(said, updated_at=now)
    else:
        if known is not None:
            state.said[known.id] = silences.expired(known, now)
        starts_at = max(said.starts_at, now)
        state.said[id] = msgspec.structs.replace(said, id=id, starts_at=starts_at, updated_at=now)
    turn(state)


def maintain(state: State, said: Maintenance, id: str) -> None:
    """Somebody is about to work somewhere."""
    now = state.wall
    starts_at = said.starts_at if said.schedule else max(said.starts_at, now)
    state.maintenance[id] = msgspec.structs.replace(said, id=id, starts_at=starts_at, updated_at=now)
    turn(state)


def extend(state: State, id: str, until: Micros) -> None:
    """The work takes until then."""
    known = state.maintenance.get(id)
    if known is not None:
        state.maintenance[id] = maintenance.extended(known, until, state.wall)
        turn(state)


def lift(state: State, id: str) -> None:
    """A silence or maintenance is taken back. What is over, or not known, stays so."""
    if (silence := state.said.get(id)) is not None:
        state.said[id] = silences.expired(silence, state.wall)
    if (work := state.maintenance.get(id)) is not None:
        state.maintenance[id] = maintenance.ended(work, state.wall)
    turn(state)


def over(state: State, incident: str) -> None:
    """An incident is over for good: what was silenced for as long as it lasts speaks again."""
    ended = [one for one in state.said.values() if one.incident == incident and one.ends_at > state.wall]
    for one in ended:
        state.said[one.id] = silences.expired(one, state.wall)
    if ended:
        turn(state)


def resume(state: State, gap: Micros) -> None:
    """Engine time stood still for `gap`, silences did not. What is down and ended lately counts as ending that much later."""
    state.away += gap
    for episode in state.episodes.values():
        if episode.ended_at and episode.traits.hard and episode.place is not None:
            state.mark_below(episode.node)
    turn(state)


def turn(state: State) -> None:
    """Some word may have begun or ended: find the alerts that it concerned, and judge them afresh."""
    forget_old(state)
    look_again(state)
    before, now = state.words, Words(standing(state), state.above)
    if now.all == before.all:
        return
    state.words = now
    known, left = set(before.all), set(now.all)
    come = Words((one for one in now.all if one not in known), state.above)
    for episode in state.episodes.values():
        was = state.silenced_by.get(episode)
        if was is None and not come:
            continue
        labels = labels_of(episode.labels)
        if was is None or was not in left:
            found = (now if was else come).first(labels, episode.node)
        else:
            new = come.first(labels, episode.node)
            found = new if new is not None and new.order < was.order else was
        assign(state, episode, was, found)


def assign(state: State, episode: Episode, was: Standing | None, found: Standing | None) -> None:
    """Remember who silences an alert; where that began or ended, it is judged afresh."""
    if found is not None:
        state.silenced_by[episode] = found
    elif was is not None:
        del state.silenced_by[episode]
    if episode.ended_at or (was is None) is (found is None):
        return
    if found is None:
        speak_again(state, episode)
    state.dirty[episode] = None


def speak_again(state: State, episode: Episode) -> None:
    """Nobody silences it any more: it counts as new, so that a cause that comes back as well has time to explain it."""
    episode.held_until = state.now + episode.traits.hold
    episode.untold_since = state.now
    episode.spoken_at = state.wall


def left(before: State, state: State) -> None:
    """Another topology: what a word silenced and is no longer about counts as new, as when the word ends."""
    for one in before.silenced_by:
        now = state.episodes.get(one.labels)
        if now is not None and not now.ended_at and now not in state.silenced_by:
            speak_again(state, now)


def mark(state: State, episode: Episode) -> None:
    """Remember the word that concerns an alert that arrives."""
    found = state.words.first(labels_of(episode.labels), episode.node)
    if found is not None:
        state.silenced_by[episode] = found


def look_again(state: State) -> None:
    """Set a timer for when the next word begins or ends. Timers set before stay: they find nothing to do."""
    wall = state.wall
    turns = [at for one in everything(state) for at in (one.starts_at, one.ends_at) if at > wall]
    turns += [at for one in state.maintenance.values() if (at := maintenance.next_turn(one, wall)) is not None]
    if turns and not state.timers.has(due := min(turns) - state.away, Kind.SILENCE):
        state.timers.set(due, Kind.SILENCE, TURN)


def everything(state: State) -> Iterator[Silence]:
    """All silences, by whomever they were said."""
    yield from state.said.values()
    for source in state.mirrored.values():
        yield from source


def standing(state: State) -> Iterator[Standing]:
    """All that holds now, ready to match."""
    wall = state.wall
    for one in everything(state):
        if one.starts_at <= wall < one.ends_at:
            yield Standing(one.id, one.source, silences.ready(one.matchers), one.ends_at)
    for work in state.maintenance.values():
        if (under_way := maintenance.occurrence(work, wall)) is None:
            continue
        node = state.topology.id(work.node) if work.node else -1
        matchers = silences.ready(work.matchers) if work.matchers else Matchers()
        yield Standing(work.id, OWN, matchers, under_way[1], node, work.below)


def forget_old(state: State) -> None:
    """Let go of what was over long ago, and of the oldest of it sooner where there is very much."""
    wall = state.wall
    over = sorted((one.ends_at, id) for id, one in state.said.items() if one.ends_at <= wall)
    spare = len(state.said) - silences.MAX_KEPT
    for number, (ended_at, id) in enumerate(over):
        if number < spare or ended_at + RETENTION <= wall:
            del state.said[id]
    past = sorted((one.ends_at, id) for id, one in state.maintenance.items() if 0 < one.ends_at <= wall)
    spare = len(state.maintenance) - maintenance.MAX_KEPT
    for number, (ended_at, id) in enumerate(past):
        if number < spare or ended_at + RETENTION <= wall:
            del state.maintenance[id]
