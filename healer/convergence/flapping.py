"""What cannot make up its mind: alerts that come and go, and nodes whose incidents open again and again. Called by `intake`,
`settle`, `incidents` and `engine`.

It is a mark beside the status. The incident stays open, so that people hear of it once, until nothing changed for as long.
"""

from collections.abc import Iterable
from itertools import takewhile

from healer.convergence.episode import Case, Episode, Place
from healer.convergence.state import State
from healer.convergence.timers import Kind
from healer.times import Micros

MAX_WATCHED = 100_000
"""Alerts that ended lately and may come again; the oldest go first."""


def changed(state: State, episode: Episode) -> None:
    """An alert ended, or fires again: `changes` of these within `within` are flapping."""
    flap, now = state.settings.flap, state.now
    _tidy(state, now - flap.within)
    known = state.changes.pop(episode.labels, ())
    recent = (*[at for at in known if at > now - flap.within], now)[-flap.changes :]
    state.changes[episode.labels] = recent
    if len(recent) < flap.changes:
        return
    state.flapping[episode.labels] = now + flap.within
    if not episode.ended_at:
        state.dirty[episode] = None
    if episode.place is not None:
        unsettle(state, episode.place, now + flap.within)


def remembers(state: State, labels: bytes) -> bool:
    """Whether an alert that begins changed lately, whatever else did since: what is older is only let go of now and then."""
    known = state.changes.get(labels)
    return known is not None and known[-1] > state.now - state.settings.flap.within


def returned(state: State, case: Case) -> None:
    """An incident opened again, or fires again after a lull: `reopenings` of these within `reopened_within` are flapping."""
    flap, now = state.settings.flap, state.now
    case.returns = (*[at for at in case.returns if at > now - flap.reopened_within], now)[-flap.reopenings :]
    if len(case.returns) >= flap.reopenings:
        unsettle(state, case.place, now + flap.reopened_within)


def unsettle(state: State, place: Place, until: Micros) -> None:
    """What happens here is flapping until then, if nothing changes before."""
    before = state.unsettled.get(place, 0)
    if until <= before:
        return
    if not before and place.incident is not None:
        state.note(place.incident, "converge", "flapping")
    state.unsettled[place] = until
    state.touched[place] = None
    state.timers.set(until, Kind.CALM, place)


def calm(state: State, places: Iterable[object]) -> None:
    """Nothing changed here for long enough."""
    for place in places:
        if isinstance(place, Place) and state.unsettled.get(place, state.now + 1) <= state.now:
            del state.unsettled[place]
            state.touched[place] = None
            if place.incident is not None:
                state.note(place.incident, "converge", "calm")


def unsettled(state: State, case: Case) -> bool:
    """Whether anything of this incident is flapping now."""
    return bool(state.unsettled) and any(place in state.unsettled for place in (case.place, *case.sides))


def flaps(state: State, episode: Episode) -> bool:
    """Whether this alert is flapping now."""
    return state.flapping.get(episode.labels, 0) > state.now


def _tidy(state: State, before: Micros) -> None:
    """Forget what did not change since; the dict is in the order of the last change."""
    changes = state.changes
    for labels in list(takewhile(lambda one: changes[one][-1] <= before, changes)):
        del changes[labels]
        state.flapping.pop(labels, None)
    if len(changes) >= MAX_WATCHED:
        oldest = next(iter(changes))
        del changes[oldest]
        state.flapping.pop(oldest, None)
