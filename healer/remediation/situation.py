"""What converged so far, as guards, verification and the runner need it. Implemented by `healer.bootstrap`."""

from collections.abc import Sequence
from typing import Protocol

from healer.changes.model import Touched
from healer.convergence.outcome import AlertView, AtWork, Incident
from healer.journey.charter import Charter
from healer.times import Micros
from healer.topology.map import Map
from rules import Rule


class Situation(Protocol):
    """What converged so far, for guards and verification. Reading waits for a committed step."""

    async def settled(self, within: float = 2.0) -> None:
        """Wait, at most so many seconds, for what was accepted before; then for the step that is being committed."""
        ...

    @property
    def charter(self) -> Charter: ...

    @property
    def topology(self) -> Map: ...

    def rule(self, name: str, version: str) -> Rule | None:
        """A rule as it is now, or as an incident under way has it; None where nothing has it any more."""
        ...

    def incident(self, id: str) -> Incident | None: ...

    def alert(self, labels: bytes) -> AlertView | None: ...

    def on_node(self, node: str) -> Sequence[AlertView]: ...

    def above_node(self, node: str) -> Sequence[AlertView]: ...

    def at_work(self, node: str) -> AtWork | None:
        """The maintenance that is under way on a node, if it is."""
        ...

    def changed(self, incident: Incident) -> Touched | None:
        """The newest change near an incident's root, before or after its onset, as far as hosts told."""
        ...

    def deploying(self, node: str) -> Touched | None:
        """A deployment that is under way on a node, or on what it stands on, as far as hosts told."""
        ...

    def silences(self) -> tuple[Micros | None, bool]:
        """How old the mirrored silences are (None: there is nobody to mirror), and whether they can be read."""
        ...
