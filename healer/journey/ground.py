"""What does the engine stand on: which topology was adopted, and what changed of it since? The fold's part that moves it. Pure.

Where much fires, what comes of a change takes long: `ahead` finds it out before the record is applied, beside the event loop.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from healer.convergence.engine import Engine
from healer.convergence.episode import Episode
from healer.journey.charter import Charter
from healer.journey.lately import Lately
from healer.topology.map import Map
from healer.topology.patch import Differences, Patch, Sum, change


class Foreseen(NamedTuple):
    """What comes of a change of the topology: an engine that takes the place of the one that there is, or what that one has to
    judge again."""

    map: Map
    then: Engine | dict[Episode, None]


class Ground:
    """The topology beneath an engine, with the changes that were told of for it. `topology` has `changed` in it already."""

    def __init__(self, charter: Charter, topology: Map, engine: Engine, lately: Lately, changed: Patch) -> None:
        self.map = topology
        self.changed = Sum(changed)
        """By how much the topology differs from the one that was adopted."""
        self._adopted = charter.adopted.topology
        self._engine = engine
        self._lately = lately
        self._next: tuple[int, Foreseen] | None = None
        """What was foreseen of the record at a position."""
        self._changed_at: tuple[int, Differences] = 0, {}
        """The nodes at which the record at a position changed the topology already."""
        engine.ask_changes(lately.just_before)

    def ahead(self, position: int, what: Patch | Charter) -> Callable[[], None]:
        """The part of `adopt` or `rewire` that takes long, for another thread; those do the rest."""
        if isinstance(what, Charter):
            return partial(self._foresee, position, partial(self._under, what))
        nodes = self._change(what)
        self._changed_at = position, nodes
        return partial(self._foresee, position, partial(self._rewired, nodes, what))

    def adopt(self, position: int, charter: Charter) -> None:
        """Go on under other settings, on the topology that they came with."""
        found = self._foreseen(position) or self._under(charter)
        if charter.adopted.topology != self._adopted:
            self.changed = Sum()
        self._adopted, self.map = charter.adopted.topology, found.map
        self._lately.adopt(charter, self.map)
        self._go_on(found)
        self._engine.ask_changes(self._lately.just_before)

    def rewire(self, position: int, patch: Patch) -> None:
        """Go on, on a topology that changed."""
        (known, nodes), self._changed_at = self._changed_at, (0, {})
        if known != position:
            nodes = self._change(patch)
        self._go_on(self._foreseen(position) or self._rewired(nodes, patch))

    # --- inside

    def _foresee(self, position: int, work: Callable[[], Foreseen]) -> None:
        try:
            self._next = position, work()
        except Exception:  # noqa: BLE001 - it is raised again, and told, where the record is applied
            self._next = None

    def _foreseen(self, position: int) -> Foreseen | None:
        found, self._next = self._next, None
        return found[1] if found is not None and found[0] == position else None

    def _under(self, charter: Charter) -> Foreseen:
        """The engine that goes on by a charter."""
        topology = charter.map()
        if charter.adopted.topology == self._adopted:
            change(topology.index, self.changed.patch())
        changed = Lately(charter, topology, self._lately.remembered()).just_before
        settings = charter.settings
        engine = self._engine.successor(settings.convergence, topology, settings.heartbeat, changed)
        return Foreseen(topology, engine)

    def _change(self, patch: Patch) -> Differences:
        """Change the topology in place; the nodes at which it changed."""
        self.changed.add(patch)
        return change(self.map.index, patch)

    def _rewired(self, nodes: Differences, patch: Patch) -> Foreseen:
        return Foreseen(self.map, self._engine.rewired(nodes, placed=self.map.places(patch)))

    def _go_on(self, found: Foreseen) -> None:
        if isinstance(found.then, Engine):
            self._engine.go_on(found.then)
        else:
            self._engine.judge_again(found.then)
