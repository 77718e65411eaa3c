"""Which nodes does a change touch? The lines of `changes.nodes` over the topology; every line that matches counts. Pure.

A line is read as one of `topology.nodes`, over labels that a change has instead of an alert's.
"""

from collections.abc import Sequence

from healer.changes.model import Change
from healer.changes.settings import Line
from healer.topology.index import Index
from healer.topology.lines import compile_mapping
from healer.topology.placing import Placing

MAX_NODES = 20
"""Nodes that one change touches at most."""


def labels_of(change: Change) -> dict[str, str]:
    """What lines match on, and what their templates are made of; only what is there."""
    group, _, name = change.repo.rpartition("/")
    branch, tag = (change.ref.removeprefix(f"refs/{what}/") for what in ("heads", "tags"))
    tagged = change.ref.startswith("refs/tags/")
    found = {
        "source": change.source,
        "kind": change.kind,
        "repo": change.repo,
        "group": group,
        "name": name,
        "env": change.env,
        "ref": change.ref,
        "branch": "" if tagged else branch,
        "tag": tag if tagged else "",
        "state": change.state,
        "actor": change.actor,
    }
    return {label: value for label, value in found.items() if value}


class Touching:
    """Lines over an index, which may change beneath it."""

    def __init__(self, lines: Sequence[Line], index: Index) -> None:
        self._lines = [compile_mapping(line.mapping(), number) for number, line in enumerate(lines)]
        self._placing = Placing(index)

    def nodes(self, change: Change) -> tuple[str, ...]:
        """The ids of the nodes, in the order of the lines, whether the topology has them or not."""
        labels = labels_of(change)
        found: dict[str, None] = {}
        for line in self._lines:
            if line.narrow.matches(labels) and line.rest.matches(labels):
                node = self._placing.by_line(line, labels).node
                if node is not None:
                    found[node] = None
        return tuple(found)[:MAX_NODES]
