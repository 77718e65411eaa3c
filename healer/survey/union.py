"""From what all sources said last to what changed for the engine: merging, nodes that left, the difference. Pure.

Called by `healer.survey.publishing` off the event loop: for a million nodes it takes seconds.
"""

from collections.abc import Sequence

import msgspec

from healer.times import Micros
from healer.topology.answers import Answer
from healer.topology.departed import Departed, keep
from healer.topology.graph import decode
from healer.topology.merging import Conflict, merge
from healer.topology.patch import Patch, difference


class Union(msgspec.Struct, frozen=True):
    """One graph of all sources; `departed` are nodes in it that no source says any more. `patch` makes it of the one before."""

    data: bytes
    nodes: int
    edges: int
    patch: Patch
    departed: Departed
    disagreements: tuple[Conflict, ...]
    conflicts: int


def union(answers: Sequence[Answer], before: bytes, departed: Departed, now: Micros, keep_for: Micros) -> Union:
    """All answers as one graph, with the nodes that left it less than `keep_for` ago; `before` is the one that it follows."""
    old = decode(before)
    merged = merge([(answer.source, decode(answer.data)) for answer in answers])
    graph, left = keep(old, merged.topology, departed, now, keep_for)
    patch = difference(old, graph)
    return Union(
        graph.encode(), len(graph.nodes), len(graph.edges), patch, left, merged.disagreements, merged.conflicts
    )
