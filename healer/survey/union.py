"""From what all sources said last to what changed for the engine: merging, nodes that left, the difference.

Called by `healer.survey.publishing`; done aside, or apart, since for a million nodes it takes seconds.
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from healer.survey import apart
from healer.times import Micros
from healer.topology.answers import Answer
from healer.topology.comparing import compare
from healer.topology.departed import Departed, keep
from healer.topology.graph import decode
from healer.topology.merging import Conflict, merge
from healer.topology.patch import Patch
from healer.topology.source import Aside

MOST = 20_000
"""Changes from which on the whole graph is adopted instead: they would be applied in one go."""


class Union(msgspec.Struct, frozen=True):
    """One graph of all sources; `departed` are nodes in it that no source says any more. `patch` makes it of the one before;
    None for more than `MOST` changes."""

    data: bytes
    nodes: int
    edges: int
    patch: Patch | None
    departed: Departed
    disagreements: tuple[Conflict, ...] = ()
    conflicts: int = 0


async def union(
    answers: Sequence[Answer], before: bytes, departed: Departed, now: Micros, keep_for: Micros, aside: Aside
) -> Union:
    """All answers as one graph, with the nodes that left it less than `keep_for` ago; `before` is the one that it follows."""
    if len(answers) == 1 and not departed.until:
        found = await apart.compared(before, answers[0].data, MOST, aside)
        if not found.nodes_gone or not keep_for:  # nothing to merge and nobody to keep: it is the answer itself
            return Union(answers[0].data, found.nodes, found.edges, found.patch, Departed())
    return await aside(partial(_union, answers, before, departed, now, keep_for))


def _union(answers: Sequence[Answer], before: bytes, departed: Departed, now: Micros, keep_for: Micros) -> Union:
    merged = merge([(answer.source, decode(answer.data)) for answer in answers])
    graph, left = keep(decode(before), merged.topology, departed, now, keep_for)
    data = graph.encode()
    patch = compare(before, data, MOST).patch
    return Union(data, len(graph.nodes), len(graph.edges), patch, left, merged.disagreements, merged.conflicts)
