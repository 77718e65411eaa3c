"""Does a fault get through to a node whose parents stand in for one another (two uplinks, three replicas)? Pure.

Asked by the index for the engine, and only where a group lies on the way up.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from healer.topology.graph import Group

Groups = Mapping[int, tuple[tuple[int, frozenset[int]], ...]]
"""By child: how many members it needs, and which they are."""


def reaching(
    node: int,
    failed: Collection[int],
    above: Iterable[int],
    parents: Callable[[int], Sequence[int]],
    groups: Groups,
) -> set[int]:
    """Rule 4: which of the failed ancestors get through to a node.

    A fault goes from parent to child, but from a member of a group only while fewer members than needed are healthy: not
    reached by any fault themselves. What the node itself may do to others, in a circle, is no evidence here.
    """
    below: dict[int, list[int]] = {}
    for child in above:
        for parent in parents(child):
            below.setdefault(parent, []).append(child)
    reached, work = set(failed), list(failed)
    while work:
        for child in below.get(work.pop(), ()):
            if child != node and child not in reached and ways(child, reached, parents(child), groups):
                reached.add(child)
                work.append(child)
    found: set[int] = set()
    seen, work = {node}, [node]
    while work:
        for parent in ways(child := work.pop(), reached, parents(child), groups):
            if parent not in seen:
                seen.add(parent)
                work.append(parent)
                if parent in failed:
                    found.add(parent)
    return found


def ways(child: int, reached: Collection[int], parents: Sequence[int], groups: Groups) -> list[int]:
    """The parents through which a fault comes to a child."""
    hit = [parent for parent in parents if parent in reached]
    of_child = groups.get(child)
    if not of_child or not hit:
        return hit
    broken = [members for needs, members in of_child if sum(one not in reached for one in members) < needs]
    return [
        parent
        for parent in hit
        if any(parent in members for members in broken) or not any(parent in members for _, members in of_child)
    ]


def of(said: tuple[Group, ...], number: Callable[[str], int]) -> tuple[tuple[int, frozenset[int]], ...]:
    """Groups as the topology says them, by numbers."""
    return tuple((group.needs, frozenset(map(number, group.members))) for group in said)
