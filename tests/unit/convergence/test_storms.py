"""Rule 13: so many new roots at once are a storm; one root with many children is none."""

import msgspec

from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.convergence.engine import Engine
from healer.convergence.freeze import Frozen
from healer.convergence.settings import Convergence, Storm
from healer.times import SECOND
from tests.unit.convergence.world import START, Graph, World

HOSTS = tuple(f"host/{number}" for number in range(60))
SETTINGS = Convergence(storm=Storm(roots=10))


def alerts(first: int, last: int, *, firing: bool = True) -> tuple[Alert, ...]:
    return tuple(
        Alert(canonical({"alertname": "Hot", "on": host, "severity": "warning"}), firing, START, 0)
        for host in HOSTS[first:last]
    )


def world_with(count: int) -> World:
    world = World(Graph([], HOSTS), SETTINGS)
    world.deliver(START, alerts(0, count))
    return world.until("1m")


def test_so_many_roots_are_a_storm() -> None:
    """The tenth root within a minute begins it, and incidents that open from then on are marked."""
    assert world_with(9).engine.storm is None
    world = world_with(12)
    assert world.engine.storm is not None
    assert world.engine.storm.opened == 12
    assert [one.storm for one in world.incidents.values()] == [False] * 9 + [True] * 3


def test_alerts_are_none() -> None:
    """One root that explains all the rest is convergence at work."""
    world = World(Graph([("switch/s", host) for host in HOSTS]), SETTINGS)
    root = Alert(canonical({"alertname": "SwitchDown", "on": "switch/s", "severity": "critical"}), True, START, 0)
    world.deliver(START, (*alerts(0, 60), root))
    assert world.until("1m").engine.storm is None


def test_it_ends() -> None:
    """When fewer than half as many opened within five minutes it is over, once, and no incident is marked any more."""
    world = world_with(20)
    world.deliver(START + 240 * SECOND, alerts(20, 30))
    assert world.until("9m").engine.storm is not None
    world.until("10m")
    assert world.engine.storm is None
    assert not any(one.storm for one in world.incidents.values())
    assert len(world.open) == 30


def test_a_restart_changes_nothing() -> None:
    """A storm goes on after a restart, and ends when it would have ended."""
    world = world_with(20)
    frozen = msgspec.msgpack.decode(msgspec.msgpack.encode(world.engine.freeze()), type=Frozen)
    world.engine = Engine.thawed(frozen, SETTINGS, world.graph, "test")
    assert world.engine.storm == Engine.thawed(frozen, SETTINGS, world.graph, "test").storm is not None
    assert world.until("5m20s").engine.storm is not None
    assert world.until("5m50s").engine.storm is None
