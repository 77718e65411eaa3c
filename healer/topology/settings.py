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

    name: str = ""
    """How reasons call this line; unset: its place in `topology.nodes`."""
    use: str = ""
    """Instead of all else: the lines that ship with healer under this name, such as `kube-prometheus`, at this place."""
    match: Matchers = Matchers()
    """Matchers on the alert's labels; none match every alert."""
    node: str | tuple[str, ...] = ()
    """`host/{node}`; a list: the first that exists; `none`: on no node. Filters: lower, host, port, owner, default:X."""
    extract: dict[str, str] = {}
    """By label, a regular expression (RE2) that must match its whole value; named groups may be used like labels."""
    find: dict[str, str] | tuple[dict[str, str], ...] = ()
    """Templates by `kind`, `alias` or attribute that exactly one node has; a list: the first that finds. `node`, beside
    it, counts where nothing is found."""
    explains: str | tuple[str, ...] = "always"
    """Whether these alerts may explain others: `always`, `never`, or matchers on them."""

    def __post_init__(self) -> None:
        if self.use:
            if self.node or self.find or self.extract or len(self.match) or self.explains != "always" or self.name:
                raise ValueError("use stands alone: it takes all lines that ship under this name", "use")
        elif not self.node and not self.find:
            raise ValueError("a mapping has node, or find, or both, or use alone")
        elif self.find and self.node == "none":
            raise ValueError("none is what counts anyway where nothing is found: leave it out", "node")


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
