"""What changed lately, as the fold asks it: which nodes a change touches, and which changes belong beside an incident. Pure."""

import msgspec

from healer.changes.model import Change, Touched
from healer.changes.recent import Recent, Remembered, before_incident, is_under_way
from healer.changes.touching import Touching
from healer.changes.wording import told
from healer.convergence.outcome import Incident
from healer.journey.charter import Charter
from healer.times import Micros
from healer.topology.map import Map


class Lately:
    """The changes of late, over the topology that decides now."""

    def __init__(self, charter: Charter, topology: Map, remembered: Remembered | None = None) -> None:
        self.recent = Recent(remembered)
        self.adopt(charter, topology)

    def adopt(self, charter: Charter, topology: Map) -> None:
        """Go on under other settings, or on another topology. What a change touched when it was told of, stays."""
        self._index = topology.index
        self._touching = Touching(charter.settings.changes, topology.index)
        self._window = charter.settings.change_window

    def heard_of(self, change: Change) -> bool:
        """Whether this delivery came before."""
        return self.recent.knows(change.keys)

    def touches(self, change: Change) -> tuple[str, ...]:
        """The nodes that a change touches."""
        return self._touching.nodes(change)

    def take(self, change: Change) -> Touched | None:
        """A delivery; None where it says nothing new, or of no node."""
        return self.recent.take(change, self.touches(change))

    def just_before(self, node: int, onset: int) -> str:
        """What changed on a node shortly before an instant, in a sentence; "" where nothing did."""
        if not len(self.recent):
            return ""
        found = self.recent.just_before(self._index.name(node), onset, self._window)
        return told(found, onset) if found is not None else ""

    def beside(self, incident: Incident) -> Incident:
        """The incident with the changes shortly before its onset: on its root's node, or on one above or beneath it.

        Those that it had, and that are forgotten here by now, stay as long as they belong to its root.
        """
        root = incident.named or incident.root
        known = (*incident.changes, *self.recent.after(root.onset - self._window))
        if not root.node or not known:
            return incident
        index = self._index
        number = index.id(root.node)
        around = {root.node, *(index.name(above) for above, _ in index.above(number))} if number >= 0 else {root.node}

        def lies_above(node: str) -> bool:
            below = index.id(node)
            return number >= 0 and below >= 0 and any(above == number for above, _ in index.above(below))

        found = before_incident(known, root.onset, self._window, around, lies_above)
        return msgspec.structs.replace(incident, changes=found) if found != incident.changes else incident

    def newest(self, incident: Incident) -> Touched | None:
        """The change that was heard of last, of those of its root's node and those that stand beside it."""
        of_node = self.recent.newest(incident.root.node)
        known = [*self.beside(incident).changes, *([of_node] if of_node is not None else [])]
        return max(known, key=lambda one: (one.until, one.change.subject), default=None)

    def under_way(self, node: str, now: Micros) -> Touched | None:
        """The deployment on a node, or on what it stands on, of which nobody told the end; the newest."""
        if not len(self.recent):
            return None
        index = self._index
        number = index.id(node)
        around = {node, *(index.name(above) for above, _ in index.above(number))} if number >= 0 else {node}
        going = (one for one in self.recent if is_under_way(one, now) and not around.isdisjoint(one.nodes))
        return max(going, key=lambda one: (one.since, one.change.subject), default=None)

    def remembered(self) -> Remembered:
        """What a snapshot carries of it."""
        return self.recent.remembered()
