"""The engine's memory: episodes, places, timers, silences, and what is dirty.

Owned by one `Engine`; `intake` and `quiet` change it when records arrive, `settle` judges what that made dirty, `incidents`
derives incidents from the verdicts. Engine time is the wall clock less the time in which nobody stepped (`away`).
"""

from collections import deque
from collections.abc import Collection, Container, Iterator, Sequence, Sized
from typing import Protocol

import msgspec

from healer.alerts.glance import Glance, Values
from healer.alerts.maintenance import Maintenance
from healer.alerts.silences import Silence
from healer.convergence.candidates import Changed, nothing
from healer.convergence.episode import Case, Episode, Place, Status
from healer.convergence.history import History
from healer.convergence.lasting import Rule
from healer.convergence.outcome import Happening, Stage, Storm
from healer.convergence.people import APART, People
from healer.convergence.settings import Convergence
from healer.convergence.standing import Standing, Words
from healer.convergence.timers import Timers
from healer.convergence.traits import Reader
from healer.times import Micros

ASIDE = -2
"""In place of a node: somebody said that such alerts are about none, so that nobody has to find one."""
DOWN = 4
"""Nodes beneath another that are looked at in the time that it takes to walk up from one."""
MAX_NEAR = 64
"""Ancestors of a node that may matter to what it has to do with others."""
labels_of = msgspec.json.Decoder(dict[str, str]).decode


class Topology(Protocol):
    """The graph as the engine sees it: nodes are small integers."""

    @property
    def reads(self) -> Sequence[str]:
        """The labels that say where an alert sits."""
        ...

    def place(self, values: Values) -> int:
        """The node an alert with these values of what it reads sits on; -1 when nothing says one, ASIDE when it is about none."""
        ...

    def above(self, node: int) -> Sequence[tuple[int, int]]:
        """Ancestors with their distance in hops, nearest first, in an order that depends on the graph alone."""
        ...

    def below(self, node: int) -> Iterator[int]:
        """Descendants, nearest first."""
        ...

    @property
    def groups(self) -> Sized:
        """The nodes whose parents stand in for one another; always the same object."""
        ...

    def circle(self, node: int) -> Container[int]:
        """The nodes that depend on one another with this one, itself among them; empty when it is in no circle."""
        ...

    def reaching(self, node: int, failed: Collection[int]) -> Container[int]:
        """Which of the failed ancestors get through to a node, past parents that stand in for one another."""
        ...

    def explains(self, values: Values) -> bool:
        """Whether the mapping lets an alert with these values of what it reads explain others."""
        ...

    def owner(self, node: int) -> str:
        """Who answers for a node, "" where nobody is named."""
        ...

    def name(self, node: int) -> str: ...

    def id(self, name: str) -> int:
        """The node of this name, or -1."""
        ...


class Turn:
    """What a timer wakes that is about no one thing: the engine looks at all silences, or at all incidents."""

    seq = 0


TURN = Turn()


class State:
    """Everything the engine remembers."""

    def __init__(self, settings: Convergence, topology: Topology, installation: str, heartbeat: str) -> None:
        self.settings = settings
        self.topology = topology
        self.above = topology.above
        self.circle = topology.circle
        self.reaching = topology.reaching
        self.groups = topology.groups
        self.installation = installation
        self.heartbeat = heartbeat
        self.traits = Reader(settings, heartbeat)
        self.glance = Glance(self.traits.names, topology.reads)
        self.now: Micros = 0
        self.away: Micros = 0
        self.seq = 0
        self.episodes: dict[bytes, Episode] = {}
        self.at_node: dict[int, Episode | list[Episode]] = {}
        self.places: dict[int | tuple[str, ...], Place] = {}
        self.cases: dict[str, Case] = {}
        self.opened: dict[Episode, int] = {}
        self.history = History()
        self.changed_before: Changed = nothing
        self.timers: Timers[Episode | Place | Turn] = Timers()
        self.contested: dict[Episode, Micros] = {}
        self.co_holders: dict[Episode, dict[str, Micros]] = {}
        self.mirrored: dict[str, tuple[Silence, ...]] = {}
        self.said: dict[str, Silence] = {}
        self.maintenance: dict[str, Maintenance] = {}
        self.unreadable: set[str] = set()
        self.words = Words()
        self.silenced_by: dict[Episode, Standing] = {}
        self.people = People()
        self.lasting: dict[str, dict[str, tuple[Rule, ...]]] = {}
        self.kept: dict[Episode, Episode] = {}
        self.parted: dict[Episode, str] = {}
        self.moved: dict[Place, Episode] = {}
        """The worst told alert that went from beneath an incident to a cause elsewhere, since incidents were last derived."""
        self.why = ""
        """Why incidents merge and split, where it is not the alerts that came and went."""
        self.beside: dict[Episode, Episode] = {}
        self.beneath: dict[Episode, dict[Episode, None]] = {}
        self.dirty: dict[Episode, None] = {}
        self.touched: dict[Place, None] = {}
        self.changed: dict[Case, None] = {}
        self.closed: list[Case] = []
        self.timeline: list[Happening] = []
        self.firing = 0
        self.mapped = 0
        self.aside = 0
        self.unstable = 0
        self.reminds_at: Micros = 0
        self.walked: dict[int, Sequence[tuple[int, int]]] = {}
        """What lies above nodes, while one question is answered that asks it of few nodes very often."""
        self.changes: dict[bytes, tuple[Micros, ...]] = {}
        self.flapping: dict[bytes, Micros] = {}
        self.unsettled: dict[Place, Micros] = {}
        self.openings: deque[Micros] = deque()
        self.storm: Storm | None = None

    @property
    def wall(self) -> Micros:
        """Engine time as people's time."""
        return self.now + self.away

    def number(self) -> int:
        """The next number for an episode or a place; it orders what happens at the same instant."""
        self.seq += 1
        return self.seq

    def node_name(self, node: int) -> str:
        return self.topology.name(node) if node >= 0 else ""

    def key_of(self, episode: Episode) -> int | tuple[str, ...]:
        """A node, or the values of the `group_by` labels of an alert without one, or the group that a person made."""
        if self.people.who and (group := self.people.apart.get(episode.labels)) is not None:
            return (APART, group)
        if episode.node >= 0:
            return episode.node
        labels = labels_of(episode.labels)
        return tuple([labels.get(name, "") for name in self.settings.group_by])

    def near_above(self, node: int) -> Sequence[tuple[int, int]]:
        """The nearest ancestors of a node, remembered until `walked` is cleared, which whoever asks first does."""
        found = self.walked.get(node)
        if found is None:
            found = self.walked[node] = self.above(node)[:MAX_NEAR]
        return found

    def place_of(self, episode: Episode) -> Place | None:
        return episode.place or self.places.get(self.key_of(episode))

    def note(self, case: Case, stage: Stage, code: str, /, **facts: str) -> None:
        """Add a line to an incident's timeline."""
        self.timeline.append(Happening(case.id, self.wall, stage, code, facts))

    def track(self, episode: Episode) -> None:
        """Remember which node an episode sits on."""
        node = episode.node
        if node < 0:
            self.aside += self._is_aside(episode)
            return
        self.mapped += 1
        there = self.at_node.get(node)
        if there is None:
            self.at_node[node] = episode
        elif isinstance(there, list):
            there.append(episode)
        else:
            self.at_node[node] = [there, episode]

    def forget(self, episode: Episode) -> None:
        """Let go of an episode that ended more than `settle` ago."""
        if self.episodes.get(episode.labels) is episode:
            del self.episodes[episode.labels]
        self.contested.pop(episode, None)
        self.silenced_by.pop(episode, None)
        self.opened.pop(episode, None)
        self.kept.pop(episode, None)
        self.parted.pop(episode, None)
        if self.people.who:
            for labels in self.people.beneath(episode.labels):
                if (other := self.episodes.get(labels)) is not None and not other.ended_at:
                    self.dirty[other] = None
            if self.people.forget(episode):
                self.mark_below(episode.node)
        if episode.node < 0:
            self.aside -= self._is_aside(episode)
            return
        self.mapped -= 1
        there = self.at_node.get(episode.node)
        if there is episode:
            del self.at_node[episode.node]
        elif isinstance(there, list):
            there.remove(episode)
            if not there:
                del self.at_node[episode.node]

    @staticmethod
    def _is_aside(episode: Episode) -> bool:
        """Is it no loss that this one has no node: a line says so, or it is never told (the heartbeat)?"""
        return episode.node == ASIDE or episode.traits.ignored

    def mark_below(self, node: int) -> None:
        """Mark firing episodes beneath a node as dirty."""
        for episode in self.firing_below(node):
            self.dirty[episode] = None

    def firing_below(self, node: int) -> Iterator[Episode]:
        """What fires beneath a node, found by going down or up, whichever is less work."""
        if node < 0 or not self.at_node:
            return
        at_node, left = self.at_node, DOWN * len(self.at_node)
        below: list[int] = []
        for found in self.topology.below(node):
            if not left:
                below = [one for one in at_node if any(above == node for above, _ in self.topology.above(one))]
                # The order in which nodes came does not survive a snapshot, so it must not show.
                below.sort(key=self.topology.name)
                break
            left -= 1
            if found in at_node:
                below.append(found)
        for one in below:
            there = at_node[one]
            for episode in there if isinstance(there, list) else (there,):
                if episode.status != Status.RESOLVED:
                    yield episode
