"""Whatever people say, in whatever order: what they spoke of stands as they said, a restart changes nothing, nobody is lost."""

from random import Random

import msgspec
import pytest

from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.convergence.engine import Engine
from healer.convergence.episode import Episode, Status
from healer.convergence.judge import judge
from healer.convergence.outcome import Incident
from healer.convergence.people import Said
from healer.times import SECOND
from tests.unit.convergence.promises import check_fixed_point
from tests.unit.convergence.world import START, Graph, World

VERBS = ("ack", "confirm", "blame", "blame", "split", "split", "merge", "merge", "note", "close")
NAMES = ("Down", "Slow", "HostDown")
SEVERITIES = ("critical", "critical", "error", "warning")


class Life:
    """A world in which anything happens, by chance."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        names = [f"n/{number}" for number in range(self.chance.randint(2, 9))]
        edges = [(names[self.chance.randrange(child)], names[child]) for child in range(1, len(names))]
        edges += [
            (names[self.chance.randrange(child)], names[child])
            for child in range(2, len(names))
            if self.chance.random() < 0.3
        ]
        self.graph = Graph(edges, names)
        self.world = World(self.graph)
        self.at = START

    def live(self, events: int) -> None:
        for _ in range(events):
            self.at += self.chance.choice((0, 1, 5, 20, 60, 200)) * SECOND
            self.world.engine.advance(self.at)
            self.world.take()
            self.chance.choice((self.alert, self.alert, self.speak, self.speak, self.restart, self.silence))()
            self.world.take()
            self.look()

    def alert(self) -> None:
        severity = self.chance.choice(SEVERITIES)
        labels = canonical(
            {
                "alertname": self.chance.choice(NAMES),
                "on": self.chance.choice([*self.graph.names, ""]),
                "severity": severity,
            }
        )
        firing = self.chance.random() < 0.7
        began = self.at - self.chance.choice((0, 0, 10, 300)) * SECOND
        self.world.deliver(self.at, (Alert(labels, firing, began, 0 if firing else self.at),))

    def speak(self) -> None:
        known = sorted(self.world.incidents)
        if not known:
            return
        world, chance = self.world, self.chance
        incident = chance.choice(known)
        alerts = [one.labels for one in world.engine.incident_alerts(incident)]
        said = Said(
            chance.choice(VERBS),  # type: ignore[arg-type]  # one of the verbs
            incident,
            "ada",
            alerts=tuple(sorted(chance.sample(alerts, min(len(alerts), chance.randint(0, 3))))),
            node=chance.choice(self.graph.names),
            other=chance.choice(known),
        )
        world.position += 1
        world.engine.say(said, world.position)

    def silence(self) -> None:
        node, now = self.chance.choice(self.graph.names), (self.at - START) // SECOND
        self.world.silence("am", (node, "0s", f"{now + self.chance.choice((0, 30, 300))}s"))

    def restart(self) -> None:
        state, engine = self.world.engine.state, self.world.engine
        frozen = engine.freeze()
        again = Engine.thawed(frozen, state.settings, self.graph, state.installation)
        assert order(again) == order(engine), "a restart changed what is remembered"
        self.world.engine = again

    def look(self) -> None:
        """What people spoke of stands as it is judged now; where people are to hear of an alert, its incident is open."""
        engine = self.world.engine
        people = engine.state.people
        for episode in engine.state.episodes.values():
            if episode.ended_at:
                continue
            if people.cause_of(episode, engine.state) is not None or people.alone(episode):
                verdict = judge(episode, engine.state)
                assert (episode.status, who(episode.by)) == (verdict.status, who(verdict.by)), episode
            if episode.status == Status.ROOT:
                found = self.world.incidents[engine.view(episode).incident]
                assert found.status == "open", found
        check_fixed_point(self.world)
        self.counted()

    def counted(self) -> None:
        """The numbers of a place are those of its alerts."""
        for place in self.world.engine.state.places.values():
            suppressed = [
                one
                for one in dict.fromkeys(place.explained)
                if one.by is not None and one.by.place is place and not one.ended_at
            ]
            assert place.suppressed == len(suppressed)
            assert place.firing == sum(not one.ended_at for one in place.unexplained)


def who(episode: Episode | None) -> bytes:
    return episode.labels if episode is not None else b""


def order(engine: Engine) -> object:
    """What is remembered, whatever the order of rows."""
    frozen = msgspec.to_builtins(engine.freeze())
    return {name: sorted(map(repr, rows)) if isinstance(rows, list) else rows for name, rows in frozen.items()}


@pytest.mark.parametrize("seed", range(150))
def test_anything_said(seed: int) -> None:
    """By chance, with the seed to meet it again."""
    Life(seed).live(60)


def test_open_incidents_have_something_that_fires() -> None:
    """When all ended long ago, nothing of what people said is left but the record."""
    life = Life(7)
    life.live(80)
    world = life.world
    world.silence("am")
    for view in list(world.engine.alerts()):
        world.deliver(life.at, (Alert(view.labels, False, view.starts_at, life.at),))
    world.engine.advance(life.at + 3_600 * SECOND)
    world.take()
    still: list[Incident] = [one for one in world.incidents.values() if one.status == "open"]
    people = world.engine.state.people
    assert (still, people.under, people.apart, people.who) == ([], {}, {}, {})
