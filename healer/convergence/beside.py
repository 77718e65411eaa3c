"""Which root would explain an alert that is told all the same? Kept for its incident and its reason; called by `settle`.

Few alerts have one, so it is kept beside the episodes and not in them.
"""

from healer.convergence.episode import Episode, Place
from healer.convergence.state import State


def link(state: State, episode: Episode, cause: Episode | None) -> None:
    """Remember, change or forget what would explain it. What never is suppressed and has such a cause explains nobody."""
    before = state.beside.get(episode)
    if before is cause:
        return
    if before is not None:
        _unlink(state, episode, before)
    if cause is not None:
        state.beside[episode] = cause
        state.beneath.setdefault(cause, {})[episode] = None
    if episode.place is not None:
        state.touched[episode.place] = None
    if not episode.traits.always_told:
        return
    if cause is None:
        state.mark_below(episode.node)
    elif before is None:
        doubt(state, episode)
        if state.groups:
            state.mark_below(episode.node)
        if episode.place is not None:
            state.dirty.update((one, None) for one in episode.place.explained if one.by is episode and not one.ended_at)


def doubt(state: State, cause: Episode) -> None:
    """It explains nobody any more: judge again what is told beside it."""
    state.dirty.update((one, None) for one in state.beneath.get(cause, ()) if not one.ended_at)


def forget(state: State, episode: Episode) -> None:
    """It ended more than `settle` ago."""
    before = state.beside.get(episode)
    if before is not None:
        _unlink(state, episode, before)
    state.beneath.pop(episode, None)


def incident_beside(state: State, place: Place, face: Episode) -> str:
    """The incident of the root that would explain the face of this place, "" for none."""
    cause = state.beside.get(face)
    if cause is None:
        return ""
    there = cause.place if cause.place is not None else cause.by.place if cause.by is not None else None
    return there.incident.id if there is not None and there is not place and there.incident is not None else ""


def refer(state: State, place: Place) -> None:
    """The incident of this place is another now: those that name it are shown anew."""
    for cause in place.unexplained:
        for one in state.beneath.get(cause, ()):
            if one.place is not None:
                state.touched[one.place] = None


def _unlink(state: State, episode: Episode, cause: Episode) -> None:
    del state.beside[episode]
    there = state.beneath.get(cause)
    if there is not None:
        there.pop(episode, None)
        if not there:
            del state.beneath[cause]
