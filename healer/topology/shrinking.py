"""Is what a source says to be believed, or did it lose half of the world overnight? Pure.

A source that answers with much less than before is more often broken (a filter, a page that is missing, an exporter that
is down) than right. Such an answer is refused until it has been the same for a while, or a person says that it is right.
"""

import msgspec

from healer.times import Micros, format_duration
from healer.topology.comparing import Compared

AT_LEAST = 10
"""Fewer nodes or edges than this may go at once, whatever their share: three of five is no sign of anything."""


class Shrunk(msgspec.Struct, frozen=True):
    """How much of a source's graph would go at once."""

    nodes: int
    of_nodes: int
    edges: int
    of_edges: int

    def __str__(self) -> str:
        return f"{self.nodes} of {self.of_nodes} nodes and {self.edges} of {self.of_edges} edges would go at once"


def shrunk(compared: Compared, share: float) -> Shrunk | None:
    """What would go, if that is more than `share` of the nodes or of the edges; None for an answer to be believed.

    What stands in both counts as staying: a graph of which everything was renamed is one that is gone.
    """
    lost, cut = compared.nodes_gone, compared.edges_gone
    if not (_much(lost, compared.nodes_before, share) or _much(cut, compared.edges_before, share)):
        return None
    return Shrunk(lost, compared.nodes_before, cut, compared.edges_before)


def _much(gone: int, of: int, share: float) -> bool:
    return gone >= AT_LEAST and gone > share * of


class Refusal(msgspec.Struct, frozen=True):
    """An answer that is not believed yet: since when answers like it came, and why it is refused."""

    since: Micros
    why: str

    def stands(self, now: Micros, confirm: Micros) -> bool:
        """Whether it is still too early for a second look to confirm it."""
        return now - self.since < confirm


def refusal(lost: Shrunk, earlier: Refusal | None, now: Micros, confirm: Micros) -> Refusal | None:
    """The refusal of an answer that lost so much, after the one before; None when the second look confirms it."""
    since = earlier.since if earlier is not None else now
    refused = Refusal(since, f"{lost}: refused until it is still so after {format_duration(confirm)}, or accepted")
    return refused if refused.stands(now, confirm) else None
