"""Deployments and pushes stand beside the incidents that began shortly after them, near where they were."""

import msgspec

from healer.changes.settings import Line
from healer.convergence.outcome import Incident
from healer.journey.fold import Fold, remembered
from healer.journey.records import Changed, Rewired
from healer.times import SECOND
from healer.topology.graph import Node
from healer.topology.patch import Patch
from tests.unit.journey.world import (
    DECIDING,
    INSTALLATION,
    START,
    World,
    chartered,
    deployed,
    ends,
    fires,
)


def shown(incident: Incident) -> list[tuple[str, str]]:
    """The nodes and states of an incident's changes, as it lists them."""
    return [(one.nodes[0], one.change.state) for one in incident.changes]


def test_changes_of_the_root_and_above_and_beneath_it_are_shown_newest_first() -> None:
    """What was deployed beside it, long before, or after it broke is somebody else's."""
    world = World()
    for node, at in (("host/a", -70), ("switch/s", 10), ("host/a", 20), ("host/c", 25), ("rack/r", 28)):
        world.applied(30, deployed(node, at))
    world.applied(31, fires("RackDown@rack/r", at=30))
    world.applied(32, deployed("rack/r", 31))
    world.until(40)
    assert shown(world.incident) == [("rack/r", "succeeded"), ("host/a", "succeeded"), ("switch/s", "succeeded")]


def test_a_change_that_is_told_of_late_joins_the_incident() -> None:
    """Hosts tell when they like; people's message is brought up to date."""
    world = World()
    world.applied(30, fires("ServiceDown@host/a", at=30))
    world.until(40)
    assert shown(world.incident) == []
    step = world.applied(41, deployed("host/a", 25))
    assert [shown(one) for one in step.incidents] == [[("host/a", "succeeded")]]
    world.until(60)
    assert (
        "Changed: acme/shop was deployed to host/a 5s before (main, 1a2b3c4d, by ada)"
        in world.story(world.incident.id).lines
    )


def test_a_delivery_that_comes_again_changes_nothing() -> None:
    world = World()
    world.applied(30, fires("ServiceDown@host/a", at=30))
    world.until(40)
    world.applied(41, deployed("host/a", 25, key="d-1"))
    step = world.applied(42, deployed("host/a", 20, key="d-1", state="failed"))
    assert step.incidents == ()
    assert shown(world.incident) == [("host/a", "succeeded")]


def test_news_of_a_deployment_are_one_change() -> None:
    """How it ended is shown, also when that is told after the incident began."""
    world = World()
    world.applied(28, deployed("host/a", 28, number=7, state="running"))
    world.applied(30, fires("ServiceDown@host/a", at=30))
    world.applied(33, deployed("host/a", 33, number=7, state="failed"))
    assert shown(world.incident) == [("host/a", "failed")]


def test_an_incident_keeps_its_changes_until_its_end() -> None:
    """Whatever is deployed after it, and however long it lasts."""
    world = World()
    world.applied(25, deployed("host/a", 25))
    world.applied(30, fires("ServiceDown@host/a", at=30))
    for number in range(40):
        world.applied(100 + number, deployed("host/a", 100 + number))
    world.applied(200, ends("ServiceDown@host/a", at=200))
    world.until(300)
    assert world.incident.status == "resolved"
    assert shown(world.incident) == [("host/a", "succeeded")]


def test_a_change_touches_what_it_touched_when_it_was_told_of() -> None:
    """By the settings of that time; nodes by the topology of now."""
    world = World()
    world.applied(25, deployed("host/a", 25))
    other = msgspec.structs.replace(DECIDING, changes=(Line(node="host/{name}"),))
    world.adopts(26, chartered(other))
    world.applied(27, Rewired(Patch(nodes=(Node("room/1", "room"),), edges=(("room/1", "switch/s"),))))
    world.applied(30, fires("RoomDown@room/1", at=30))
    world.until(40)
    assert shown(world.incident) == [("host/a", "succeeded")]


def test_a_snapshot_carries_them() -> None:
    """What was told of before a restart is shown after it, and a delivery that comes again is still known."""
    world = World()
    world.applied(25, deployed("host/a", 25, key="d-1"))
    world.fold = Fold.load(remembered(world.fold.dump()), world.charter, INSTALLATION)
    world.applied(26, deployed("host/a", 10, key="d-1"))
    world.applied(30, fires("ServiceDown@host/a", at=30))
    world.until(40)
    (only,) = world.incident.changes
    assert only.since == START + 25 * SECOND


def test_a_snapshot_of_an_earlier_version_knows_of_none() -> None:
    world = World()
    document = msgspec.msgpack.decode(world.fold.dump())
    del document["changes"]
    fold = Fold.load(remembered(msgspec.msgpack.encode(document)), world.charter, INSTALLATION)
    assert len(fold.lately.recent) == 0


class TestRules:
    """Rules may ask what changed."""

    RULES = """rule "roll back"
  on event: "Slow"
  when: changed_within(20s) AND change == "acme/shop" AND change.state == "failed" AND change.env == "host/a"
  then: notify("boss")
  mode: auto
"""

    def planned(self, *told: Changed) -> int:
        """How many remediations begin for an incident, when this is told of one after the other."""
        world = World(chartered(rules=self.RULES))
        world.applied(30, fires("Slow@host/a", at=30))
        world.until(40)
        for number, one in enumerate(told):
            world.applied(41 + number, one)
        world.until(300)
        return len(world.diary.planned)

    def test_a_rule_fires_on_what_was_deployed_also_when_that_is_told_late(self) -> None:
        assert self.planned(deployed("host/a", 29, state="failed")) == 1
        assert self.planned(deployed("host/a", 41, state="failed")) == 1

    def test_what_is_not_known_fires_nothing(self) -> None:
        assert self.planned() == 0

    def test_what_was_long_ago_or_went_well_fires_nothing(self) -> None:
        assert self.planned(deployed("host/a", 10, state="failed")) == 0
        assert self.planned(deployed("host/a", 29)) == 0
        assert self.planned(deployed("host/b", 29, state="failed")) == 0

    def test_a_deployment_under_way_has_just_changed(self) -> None:
        """And one that then fails is one change."""
        running = deployed("host/a", 15, number=7, state="running")
        assert self.planned(running) == 0
        assert self.planned(running, deployed("host/a", 40, number=7, state="failed")) == 1


class TestCandidates:
    """Of what is merely degraded, what was deployed just before is looked at first."""

    def best(self, *told: tuple[str, float]) -> tuple[str, str]:
        """The first candidate and its reasons, where a switch and one of the hosts beneath it are slow."""
        world = World()
        for node, at in told:
            world.applied(29, deployed(node, at))
        world.applied(30, fires("Slow@switch/s", "Slow@host/a", at=30, severity="warning"))
        world.until(60)
        incident = next(one for one in world.open if one.candidates)
        first = incident.candidates[0]
        return first.node, "; ".join(first.why)

    def test_a_change_just_before_counts_for_a_node_and_says_so(self) -> None:
        node, _ = self.best()
        assert node == "switch/s"
        node, why = self.best(("host/a", 28))
        assert node == "host/a"
        assert "acme/shop was deployed to host/a 2s before" in why

    def test_a_change_long_before_or_elsewhere_counts_for_nothing(self) -> None:
        assert self.best(("host/a", -31), ("host/c", 28)) == self.best()
