"""When did the condition behind an alert begin? The first that is known of: when Prometheus first saw it (`activeAt`), its
`startsAt` less the `for:` of its rule, its `startsAt`.

Called by `intake` as alerts arrive, and by `engine` as Prometheus answers.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from healer.convergence.episode import Episode
from healer.convergence.lasting import Rule, by_name
from healer.convergence.settle import rank, refresh_face
from healer.convergence.state import State, labels_of
from healer.times import Micros

From = Literal["startsAt", "for", "activeAt", "judged afresh"]


def ahead(state: State, episode: Episode) -> Micros:
    """How much earlier than its startsAt it began, as far as settings or rules say. A setting goes before any rule."""
    name = episode.traits.name
    if name in state.settings.for_ or not state.lasting:
        return episode.traits.ahead
    rules = [rule for source in state.lasting.values() for rule in source.get(name, ())]
    if not rules:
        return 0
    given = labels_of(episode.labels)
    fit = [rule for rule in rules if all(given.get(key) == value for key, value in rule.labels.items())]
    # Of rules with one name the one whose own labels say most is meant; where that leaves several, the least is sure.
    most = max((len(rule.labels) for rule in fit), default=0)
    return min((rule.lasts for rule in fit if len(rule.labels) == most), default=0)


def first_known(state: State, episode: Episode) -> Micros:
    """The onset as well as it is known."""
    if 0 < episode.active_at <= episode.starts_at:
        return episode.active_at
    return episode.starts_at - ahead(state, episode)


def known_from(episode: Episode) -> From:
    """By what it is known."""
    if episode.judged_afresh:
        return "judged afresh"
    if episode.active_at and episode.onset == episode.active_at:
        return "activeAt"
    return "for" if episode.onset < episode.starts_at else "startsAt"


def began(state: State, alerts: Iterable[tuple[bytes, Micros]]) -> None:
    """A Prometheus says since when conditions hold. What is about another interval than the one that fires here is not news."""
    for labels, active_at in alerts:
        episode = state.episodes.get(labels)
        if episode is None or episode.ended_at or not 0 < active_at <= episode.starts_at:
            continue
        episode.active_at = active_at
        think_again(state, episode)


def lasts(state: State, source: str, rules: Sequence[Rule]) -> None:
    """All rules of a Prometheus with their `for:`, in place of what it said before."""
    before = state.lasting.get(source, {})
    now = by_name(rules)
    if now:
        state.lasting[source] = now
    else:
        state.lasting.pop(source, None)
    changed = {name for name in {*before, *now} if before.get(name) != now.get(name)}
    for episode in state.episodes.values():
        if episode.traits.name in changed and not episode.ended_at:
            think_again(state, episode)


def think_again(state: State, episode: Episode) -> None:
    """More is known of its beginning: judge it again, unless it counts from when it was judged afresh."""
    onset = first_known(state, episode)
    if not episode.judged_afresh and onset != episode.onset:
        move(state, episode, onset)


def move(state: State, episode: Episode, onset: Micros) -> None:
    """The condition began at another time than was thought: judge it again, and what it explains."""
    episode.onset = onset
    state.dirty[episode] = None
    if episode.by is not None and episode.by.place is not None:
        state.touched[episode.by.place] = None
    if episode.place is not None:
        state.touched[episode.place] = None
        rank(episode.place, episode)
        refresh_face(state, episode.place)
        state.mark_below(episode.node)


def undated(state: State) -> Iterator[tuple[str, bytes, Micros]]:
    """Name, labels and startsAt of what fires and of which no Prometheus said yet when it began."""
    for episode in list(state.episodes.values()):
        if not episode.active_at and not episode.ended_at and not episode.judged_afresh:
            yield episode.traits.name, episode.labels, episode.starts_at
