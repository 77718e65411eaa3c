"""Judging everything again changes nothing, whatever happened: alerts, silences, pauses, other topologies, better onsets."""

from random import Random

import msgspec
import pytest

from healer.alerts.model import Alert
from healer.times import SECOND
from tests.effort import Effort
from tests.unit.convergence.histories import SHORT, Event, Kind, random_story
from tests.unit.convergence.promises import check_fixed_point
from tests.unit.convergence.test_anything import SETTINGS
from tests.unit.convergence.world import START, Graph, World

EFFORT = Effort.from_environment()


class Chance:
    """One story, with everything else that may happen between its deliveries."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.story = random_story(seed, 40)
        settings = self.chance.choice((SHORT, SETTINGS, SETTINGS))
        self.settings = msgspec.structs.replace(settings, join=self.chance.random() < 0.3)
        self.world = World(self.story.graph, self.settings)
        self.at = START
        self.began: dict[Kind, int] = {}

    def tell(self) -> None:
        for seconds, events in self.story.deliveries:
            self.at = max(self.at, START + seconds * SECOND)
            told = tuple(self.alert(event) for event in events)
            self.world.deliver(self.at, told, self.chance.choice(("one", "one", "two")))
            check_fixed_point(self.world)
            happens = self.chance.choice(
                (self.silence, self.vanish, self.learn, self.adopt, self.pause, self.wait, self.wait)
            )
            if self.chance.random() < 0.5:
                happens()
                self.world.take()
                check_fixed_point(self.world)

    def alert(self, event: Event) -> Alert:
        who, now = event.who, self.at
        if event.what == "ends":
            return Alert(who.labels, False, self.began.get(who, now), now)
        if not event.copy or who not in self.began:
            self.began[who] = now - event.lag * SECOND
        return Alert(who.labels, True, self.began[who], self.chance.choice((0, 0, 0, now + 20 * SECOND)))

    def silence(self) -> None:
        until = (self.at - START) // SECOND + self.chance.choice((0, 20, 60))
        self.world.silence("am", (self.chance.choice(self.story.nodes), "0s", f"{until}s"))

    def vanish(self) -> None:
        for one in list(self.world.engine.state.episodes)[:1]:
            self.world.engine.vanish((one,))

    def learn(self) -> None:
        """Prometheus says that a condition began earlier."""
        known = list(self.world.engine.state.episodes.values())
        if known:
            one = self.chance.choice(known)
            self.world.engine.began([(one.labels, one.starts_at - self.chance.randint(0, 30) * SECOND)])

    def adopt(self) -> None:
        """The topology changes: some other story's edges between the same nodes."""
        other, nodes = random_story(self.chance.randint(0, 10**9)), self.story.nodes
        edges = [edge for edge in other.edges if edge[0] in nodes and edge[1] in nodes]
        groups = [group for group in other.groups if all((member, group[0]) in edges for member in group[2])]
        self.world.graph = Graph(edges, nodes, groups)
        self.world.engine.adopt(self.settings, self.world.graph)

    def pause(self) -> None:
        """Nobody steps for a while."""
        self.at += self.chance.randint(1, 100) * SECOND
        self.world.engine.resume(self.at - self.world.engine.now)

    def wait(self) -> None:
        self.at += self.chance.choice((5, 15, 60)) * SECOND
        self.world.engine.advance(self.at)


@pytest.mark.parametrize("seed", range(EFFORT.pick(ci=300, full=10_000)))
def test_nothing_missed_a_mark(seed: int) -> None:
    """By chance, with the seed to meet it again."""
    Chance(seed).tell()
