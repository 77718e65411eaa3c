"""The topology changed in place: which alerts may that concern? Called by the engine; settling them is its usual work.

Only where no alert moves to another node, no maintenance covers what lies beneath a node, and not too many are concerned; else
the engine goes on as under a new topology, which costs as much as there are alerts, and keeps nobody waiting.
"""

from collections.abc import Collection, Iterator, Mapping

from healer.convergence.episode import Episode, Status
from healer.convergence.state import State

Differences = Mapping[int, Collection[int] | None]
"""By node: those from which there is another way to it than before, or none; None where its parents stand in for one another
otherwise."""

AT_ONCE = 16_000
"""Alerts that are judged again in place, at most: for more it takes longer than others may have to wait."""
WALKED = 64
"""Changed nodes beneath each of which is looked; when more changed, it is less work to look upwards from the alerts."""


def stays(state: State, *, placed: bool) -> bool:
    """Whether every alert sits where it sat; `placed` is False when nothing changed that says where alerts sit."""
    if any(work.below for work in state.maintenance.values()):
        return False
    place, glance = state.topology.place, state.glance
    return not placed or all(place(glance(one.labels)[1]) == one.node for one in state.episodes.values())


def concerned(state: State, changed: Differences) -> dict[Episode, None]:
    """What fires at the changed nodes and beneath them, in an order that a snapshot keeps."""
    nodes = sorted((node for node, others in changed.items() if _matters(state, node, others)), key=state.topology.name)
    found: dict[Episode, None] = {}
    if len(nodes) > WALKED:
        among = set(nodes)
        nodes = [
            node
            for node in state.at_node
            if node in among or any(above in among for above, _ in state.topology.above(node))
        ]
        for node in sorted(nodes, key=state.topology.name):
            found.update(dict.fromkeys(_firing_at(state, node)))
        return found
    for node in nodes:
        found.update(dict.fromkeys(_firing_at(state, node)))
        found.update(dict.fromkeys(state.firing_below(node)))
    return found


def _matters(state: State, node: int, others: Collection[int] | None) -> bool:
    """Whether another way from these may change what is explained: not where nothing on them could explain anything."""
    if others is None or node in others or state.groups or state.people.who:
        return True
    places = state.places
    return any((place := places.get(one)) is not None and place.unexplained for one in others)


def _firing_at(state: State, node: int) -> Iterator[Episode]:
    there = state.at_node.get(node, ())
    for episode in (there,) if isinstance(there, Episode) else there:
        if episode.status != Status.RESOLVED:
            yield episode
