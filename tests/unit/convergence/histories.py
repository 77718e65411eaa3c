"""Random graphs and histories for the property tests, and how they are played to the engine and the oracle alike.

Times are whole seconds and the settings short, so that a few dozen events meet every edge of window, slack, hold and settle.
"""

import random
from dataclasses import dataclass

import msgspec
from hypothesis import strategies as st

from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.convergence.outcome import AlertView
from healer.convergence.settings import Convergence, Flap, Hold, Storm
from healer.times import HOUR, SECOND
from tests.unit.convergence.oracle import Limits, Oracle
from tests.unit.convergence.world import START, Graph, World

SHORT = Convergence(
    join=False,
    window=40 * SECOND,
    slack=8 * SECOND,
    hold=Hold(default=5 * SECOND, critical=3 * SECOND),
    settle=15 * SECOND,
    max_untold=HOUR,
    flap=Flap(changes=1000, reopenings=1000),
    storm=Storm(roots=1000),
)
JOINED = msgspec.structs.replace(SHORT, join=True)
"""The same, where what is connected is one incident, as it is by default."""
LIMITS = Limits(SHORT.window, SHORT.slack, SHORT.settle)
QUIET = 200
"""Seconds after which all holds and settles of these settings ran out."""
NAMES = ("Hot", "Down", "Hot", "Down", "Page")
SEVERITIES = ("warning", "error", "critical")


@dataclass(frozen=True)
class Kind:
    """An alert that may happen: which, where, how bad."""

    name: str
    node: str
    severity: str

    @property
    def key(self) -> str:
        return self.labels.decode()

    @property
    def labels(self) -> bytes:
        always = {"page": "always"} if self.always else {}
        return canonical({"alertname": self.name, "on": self.node, "severity": self.severity, **always})

    @property
    def always(self) -> bool:
        return self.name == "Page"

    @property
    def hard(self) -> bool:
        return self.name == "Down"


@dataclass(frozen=True)
class Event:
    """`what` is `fires` (with its onset `lag` seconds before, or as it was told before when `copy`) or `ends`."""

    who: Kind
    what: str
    lag: int
    copy: bool


@dataclass(frozen=True)
class Story:
    """A graph, and deliveries: seconds after `START`, and what they tell."""

    edges: tuple[tuple[str, str], ...]
    nodes: tuple[str, ...]
    deliveries: tuple[tuple[int, tuple[Event, ...]], ...]
    groups: tuple[tuple[str, int, tuple[str, ...]], ...] = ()

    @property
    def graph(self) -> Graph:
        return Graph(self.edges, self.nodes, self.groups)


@st.composite
def edges(draw: st.DrawFn, nodes: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """A directed graph: parents come before their children, a node has up to three; some edges lead back, and make circles."""
    found: list[tuple[str, str]] = []
    for number, child in enumerate(nodes[1:], 1):
        parents = draw(st.sets(st.integers(0, number - 1), max_size=min(3, number)))
        found.extend((nodes[parent], child) for parent in sorted(parents))
    pair = st.tuples(st.sampled_from(nodes), st.sampled_from(nodes))
    back = draw(st.lists(pair, max_size=2)) if draw(st.booleans()) else []
    found.extend(edge for edge in dict.fromkeys(back) if edge[0] != edge[1] and edge not in found)
    return tuple(found)


@st.composite
def redundancy(draw: st.DrawFn, edges: tuple[tuple[str, str], ...]) -> tuple[tuple[str, int, tuple[str, ...]], ...]:
    """Of some nodes with several parents: so many of these are needed."""
    groups = []
    for child in sorted({child for _, child in edges}):
        parents = sorted(parent for parent, one in edges if one == child)
        if len(parents) > 1 and draw(st.booleans()):
            members = tuple(parents[: draw(st.integers(2, len(parents)))])
            groups.append((child, draw(st.integers(1, len(members))), members))
    return tuple(groups)


@st.composite
def stories(draw: st.DrawFn, *, ends: bool = True, deliveries: int = 14) -> Story:
    """A random story on up to seven nodes."""
    count = draw(st.integers(2, 7))
    nodes = tuple(f"n{number}" for number in draw(st.permutations(range(count))))
    kind = st.builds(Kind, st.sampled_from(NAMES), st.sampled_from(nodes), st.sampled_from(SEVERITIES))
    kinds = draw(st.lists(kind, min_size=2, max_size=8, unique=True))
    event = st.builds(
        Event,
        st.sampled_from(kinds),
        st.sampled_from(("fires", "fires", "ends") if ends else ("fires",)),
        st.integers(0, 20),
        st.booleans(),
    )
    told = draw(
        st.lists(
            st.tuples(st.integers(0, 12), st.lists(event, min_size=1, max_size=3)), max_size=deliveries, min_size=1
        )
    )
    at, timed = 100, []
    for gap, events in told:
        at += gap
        timed.append((at, tuple(events)))
    drawn = draw(edges(nodes))
    return Story(drawn, nodes, tuple(timed), draw(redundancy(drawn)))


def random_story(seed: int, deliveries: int = 14) -> Story:
    """A story from a seed alone: the same in every process."""
    chance = random.Random(seed)
    nodes = tuple(f"n{number}" for number in chance.sample(range(7), chance.randint(2, 7)))
    edges = tuple(
        (parent, child)
        for number, child in enumerate(nodes)
        for parent in chance.sample(nodes[:number], min(number, chance.choice((0, 1, 1, 2, 3))))
    )
    back = [(parent, child) for parent, child in (chance.sample(nodes, 2) for _ in range(chance.choice((0, 0, 1, 2))))]
    edges = tuple(dict.fromkeys((*edges, *back)))
    groups = []
    for child in nodes:
        parents = [parent for parent, one in edges if one == child]
        if len(parents) > 1 and chance.random() < 0.4:
            groups.append((child, chance.randint(1, len(parents)), tuple(sorted(parents))))
    kinds = [Kind(chance.choice(NAMES), chance.choice(nodes), chance.choice(SEVERITIES)) for _ in range(8)]
    at, told = 100, []
    for _ in range(deliveries):
        at += chance.randint(0, 12)
        events = [
            Event(
                chance.choice(kinds),
                chance.choice(("fires", "fires", "ends")),
                chance.randint(0, 20),
                chance.random() < 0.5,
            )
            for _ in range(chance.randint(1, 3))
        ]
        told.append((at, tuple(events)))
    return Story(edges, nodes, tuple(told), tuple(groups))


class Telling:
    """One story, told step by step to an engine and to the oracle."""

    def __init__(self, story: Story, settings: Convergence = SHORT) -> None:
        self.story = story
        self.world = World(story.graph, settings)
        self.oracle = Oracle(story.edges, LIMITS, story.groups)
        self._began: dict[Kind, int] = {}
        self.arrived: dict[str, int] = {}

    def tell(self, at: int, events: tuple[Event, ...]) -> None:
        """One delivery, to both."""
        now = START + at * SECOND
        self.oracle.look(now)
        alerts = []
        for event in events:
            who = event.who
            if event.what == "ends":
                alerts.append(Alert(who.labels, False, self._began.get(who, now), now))
                self.oracle.ends(who.key, now)
                continue
            known = self.oracle.faults.get(who.key)
            if known is None or known.ended is not None:
                self.arrived[who.key] = now
            began = self._began[who] if event.copy and who in self._began else now - event.lag * SECOND
            self._began[who] = began
            alerts.append(Alert(who.labels, True, began, 0))
            self.oracle.fires(who.key, who.node, who.severity, who.hard, began, always=who.always)
        self.world.deliver(now, tuple(alerts))

    def pass_to(self, at: int) -> None:
        """Time passes, for both."""
        self.world.until(f"{at}s")
        self.oracle.look(START + at * SECOND)

    def _milder(self, view: AlertView, at: int) -> set[str]:
        """What may stand beside a root because it is less severe."""
        milder = self.oracle.milder(view.labels.decode(), START + at * SECOND)
        return milder or {""}

    def compare(self, at: int) -> None:
        """Both say the same of who is explained by whom, and since when it counts."""
        expected = self.oracle.look(START + at * SECOND)
        views = [view for view in self.world.engine.alerts() if not view.ended_at]
        found = {view.labels.decode(): view for view in views}
        assert found.keys() == expected.keys()
        for key, by in expected.items():
            view = found[key]
            fault = self.oracle.faults[key]
            explained = by is not None and not fault.always
            assert (view.status == "suppressed") is explained, f"{key} is {view.status}; the oracle says by {by}"
            assert view.onset == fault.onset, f"{key} began at another time"
            if fault.always:
                assert view.beside.decode() == (by or "")
            elif view.code == "REDUNDANCY_HOLDS":
                assert view.beside.decode() in self.oracle.spared(key, START + at * SECOND)
            elif view.code == "MORE_SEVERE":
                assert view.beside.decode() in self._milder(view, at)
            if by is not None and not fault.always:
                assert view.by.decode() == by, f"{key} is explained by {view.by.decode()}; the oracle says {by}"
