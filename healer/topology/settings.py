"""What people may set about the topology: where it comes from, and which alert sits on which node.

Assembled by `healer.settings`; a mapping's texts are compiled, and thereby checked, by `healer.topology.mapping`.
"""

from pathlib import Path
from typing import Annotated

import msgspec

from healer.alerts.matchers import Matchers


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place the topology comes from: exactly one of the keys."""

    file: Path | None = None
    """topology.yaml, or node-link JSON as networkx writes it."""
    labels: tuple[str, ...] = ()
    """Labels of alerts from the outermost in, such as region, rack, host: nodes `rack/r17`, and edges inwards."""

    def __post_init__(self) -> None:
        if (self.file is None) == (not self.labels):
            raise ValueError("a source has exactly one of: file, labels")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("a label is named twice", "labels")


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line that says on which node matching alerts sit; the first line that matches decides."""

    match: Matchers = Matchers()
    """Matchers on the alert's labels; none match every alert."""
    node: str | tuple[str, ...] = ()
    """`host/{node}`; a list: the first that exists; `none`: on no node. Filters: lower, host, port, owner, default:X."""
    extract: dict[str, str] = {}
    """By label, a regular expression (RE2) that must match its whole value; named groups may be used like labels."""
    find: dict[str, str] = {}
    """Instead of `node`: templates by `kind`, `alias` or attribute that exactly one node has."""
    explains: str | tuple[str, ...] = "always"
    """Whether these alerts may explain others: `always`, `never`, or matchers on them."""

    def __post_init__(self) -> None:
        if bool(self.node) == bool(self.find):
            raise ValueError("a mapping has exactly one of: node, find")


class TopologySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can fail, and what fails with it."""

    sources: tuple[Source, ...] = ()
    """Read together as one graph."""
    nodes: tuple[Mapping, ...] = ()
    """Mappings, the first that matches decides; after them the label `node` counts where its value is a node's full id."""
    max_nodes: Annotated[int, msgspec.Meta(ge=1)] = 2_000_000
    """Nodes at most, those that alerts' labels bring in included: about 300 bytes each."""

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(source.file for source in self.sources if source.file is not None)

    @property
    def labels(self) -> tuple[tuple[str, ...], ...]:
        return tuple(source.labels for source in self.sources if source.labels)
