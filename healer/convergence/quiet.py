"""People's word that alerts are not to be spoken of: silences begin, end, are said anew. What that concerns is judged afresh.

Time in which nobody stepped counts here, for silences are people's time. Called by `engine`, and by `intake` for what arrives.
"""

from healer.alerts.matchers import Matcher, Matchers
from healer.alerts.silences import Silence
from healer.convergence.episode import Episode
from healer.convergence.state import StandingSilence, State, Turn, labels_of
from healer.convergence.timers import Kind
from healer.times import Micros

TURN = Turn()


def silence(state: State, source: str, readable: bool, silences: tuple[Silence, ...]) -> None:
    """All that one source silences now; what it does not repeat is over. Unreadable: what it said last stands."""
    if not readable:
        state.unreadable.add(source)
        return
    state.unreadable.discard(source)
    remember_silences(state, source, silences)
    set_turns(state, silences)
    turn_silences(state)


def resume(state: State, gap: Micros) -> None:
    """Engine time stood still for `gap`, silences did not: they are people's time."""
    state.away += gap
    for silences in state.mirrored.values():
        set_turns(state, silences)
    turn_silences(state)


def set_turns(state: State, silences: tuple[Silence, ...]) -> None:
    """Look again when one of these begins or ends."""
    for one in silences:
        for turn in (one.starts_at, one.ends_at):
            if turn > state.wall:
                state.timers.set(turn - state.away, Kind.SILENCE, TURN)


def remember_silences(state: State, source: str, silences: tuple[Silence, ...]) -> None:
    """Keep what a source said, as it said it and ready to match."""
    state.mirrored[source] = silences
    state.silences[source] = tuple(standing(one) for one in silences)


def standing(silence: Silence) -> StandingSilence:
    """A silence ready to match."""
    matchers = Matchers(
        tuple(Matcher.of(m.name, m.value, is_regex=m.is_regex, is_equal=m.is_equal) for m in silence.matchers)
    )
    by = silence.created_by or silence.source
    return StandingSilence(silence.id, silence.source, matchers, silence.starts_at, silence.ends_at, by)


def turn_silences(state: State) -> None:
    """Some silence began or ended: look at every firing alert, and judge afresh those that it concerned."""
    wall = state.wall
    now_standing = tuple(
        one
        for source in sorted(state.silences)
        for one in state.silences[source]
        if one.starts_at <= wall < one.ends_at
    )
    if now_standing == state.standing:
        return
    state.standing = now_standing
    before, state.silenced_by = state.silenced_by, {}
    for episode in state.episodes.values():
        if now_standing:
            mark_silenced(state, episode, labels_of(episode.labels))
        if before.get(episode) != state.silenced_by.get(episode) and not episode.ended_at:
            state.dirty[episode] = None


def mark_silenced(state: State, episode: Episode, labels: dict[str, str]) -> None:
    """Remember the first standing silence that matches."""
    for one in state.standing:
        if one.matchers.matches(labels):
            state.silenced_by[episode] = one.id
            return
