"""Which explanations stay although the topology or the settings changed under them? Called by `engine` and asked by `judge`.

Rule 10: an explanation once given stays while its root fires, so that people who were told of one thing are not told of
another because somebody edited a file. Only what the rules would now decide otherwise is remembered here; all else, and all
that arrives later, is judged as ever, so that the order of arrival does not show.
"""

from collections.abc import Iterable

from healer.convergence.episode import Episode
from healer.convergence.judge import explanation, still_stands
from healer.convergence.settle import settle
from healer.convergence.state import State


def keep(state: State, concerned: Iterable[Episode]) -> None:
    """Before all that is judged again: what is explained by something that fires stays with it.

    Not so what is told in any case: it is only shown beside its cause.
    """
    for one in concerned:
        if one.by is not None and not one.ended_at and not one.by.ended_at and not one.traits.always_told:
            state.kept.setdefault(one, one.by)


def sift(state: State) -> None:
    """Judge, and forget what needs not be kept because the rules say the same."""
    given = dict(state.kept)
    for one, cause in given.items():
        if still_stands(cause, state):  # by what is kept it stays as it is, unless something happens to its cause
            state.dirty.pop(one, None)
    settle(state)
    state.kept = dict(given)
    late = [one for one, cause in state.kept.items() if one.by is not cause and cause.place is not None]
    state.dirty.update(dict.fromkeys(late))  # their cause moved to another node after they were judged
    settle(state)
    state.kept = {}
    for one, cause in given.items():
        found = explanation(one, state)
        if one.by is cause and (found is None or found.by is not cause):
            state.kept[one] = cause
            state.dirty[one] = None
        elif found is None or (found.by, found.code, found.distance) != (one.by, one.code, one.distance):
            state.dirty[one] = None
        elif one in state.silenced_by or one.traits.ignored:
            state.dirty[one] = None  # a word is about it now, though what explains it is the same
