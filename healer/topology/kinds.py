"""Which kinds of node are there? What rules may say in `kind ==`, `topology.X` and `nearest(X)`. Pure.

Whoever compiles rules asks: bootstrap, `healer check`, and the charter when it makes them again. A kind that is misspelt
would match nothing for ever, and nobody would notice.
"""

from collections.abc import Iterable, Sequence

from healer.topology.graph import Topology, kind_of
from healer.topology.settings import Mapping, Source

CLUSTER = ("host", "pod", "workload", "service")
"""The kinds that a Kubernetes source brings."""


def kinds_of(
    topology: Topology, mappings: Iterable[Mapping], labels: Iterable[Sequence[str]], health: Iterable[str]
) -> frozenset[str]:
    """The kinds of the graph's nodes, of those that alerts' labels bring in, and those that have a health query.

    A mapping whose kind is itself a label's (`{type}/{name}`) tells none: such a kind is known by its health query.
    """
    declared = (node.kind or kind_of(node.id) for node in topology.nodes)
    mapped = (kind_of(line.node) for line in mappings if isinstance(line.node, str))
    written = {kind for kind in mapped if "{" not in kind}
    return frozenset({*declared, *written, *(name for source in labels for name in source), *health} - {""})


def kinds_promised(sources: Iterable[Source]) -> frozenset[str]:
    """The kinds that sources bring once they are asked, as far as their settings tell."""
    found: set[str] = set()
    for source in sources:
        if source.kubernetes is not None:
            found.update(CLUSTER)
        if source.prometheus is not None:
            found.update(map(kind_of, (source.prometheus.parent, source.prometheus.child)))
    return frozenset(kind for kind in found if kind and "{" not in kind)
