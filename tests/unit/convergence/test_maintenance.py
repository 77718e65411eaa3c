"""Somebody works on a node: nobody hears of its alerts, nor (with `below`) of what is beneath, until that ends."""

import msgspec
import pytest

from healer.convergence.engine import Engine
from healer.convergence.freeze import Frozen
from healer.convergence.reasons import explain
from healer.convergence.settings import Convergence
from healer.times import HOUR, MINUTE
from tests.unit.convergence.world import START, Graph, World

TREE = "switch/s > rack/r > host/a host/b"


def restarted(world: World) -> World:
    """The same, after its memory was written and read again."""
    frozen = msgspec.msgpack.decode(msgspec.msgpack.encode(world.engine.freeze()), type=Frozen)
    world.engine = Engine.thawed(frozen, world.engine.state.settings, world.graph, "test")
    return world


def test_the_node_alone() -> None:
    """Without `below` it is about the node and not about what is beneath it."""
    world = World(TREE)
    world.maintain("rack/r", "0s", "1h")
    world.play("0s RackHot on rack/r warning\n1s DiskFull on host/a error").until("1m")
    assert (world.status("RackHot@rack/r"), world.status("DiskFull@host/a")) == ("silenced", "root")


def test_everything_beneath() -> None:
    """With `below` it is about all descendants, and about nobody else."""
    world = World(TREE + "; switch/s > rack/q > host/c")
    world.maintain("rack/r", "0s", "1h", below=True)
    world.play("0s DiskFull on host/a error\n0s DiskFull on host/c error").until("1m")
    assert (world.status("DiskFull@host/a"), world.status("DiskFull@host/c")) == ("silenced", "root")


def test_a_silenced_cause_explains() -> None:
    """What is in maintenance still explains what is beneath it: nobody is told of either."""
    world = World(TREE)
    world.maintain("rack/r", "0s", "1h")
    world.play("0s RackDown on rack/r critical\n1s HostDown on host/a critical").until("10m")
    assert world.by("HostDown@host/a") == "RackDown@rack/r"
    assert not world.incidents


def test_reached_through_a_new_edge() -> None:
    """What comes beneath it with a new edge is silenced, though the same alert explains it as before."""
    world = World("rack/r; host/a > pod/p")
    world.maintain("rack/r", "0s", "1h", below=True)
    world.play("0s HostDown on host/a critical\n1s PodDown on pod/p critical").until("1m")
    assert (world.status("PodDown@pod/p"), world.by("PodDown@pod/p")) == ("suppressed", "HostDown@host/a")
    world.graph = Graph.drawn("rack/r > host/a > pod/p")
    world.engine.adopt(world.engine.state.settings, world.graph)
    world.take()
    assert (world.status("PodDown@pod/p"), world.by("PodDown@pod/p")) == ("silenced", "HostDown@host/a")


def test_left_through_a_cut_edge() -> None:
    """What is beneath it no more, because an edge was cut, is held as when it ends, and told with a cause that comes by then."""
    world = World(TREE)
    world.maintain("rack/r", "0s", "1h", below=True)
    world.play("0s HostDown on host/a critical").until("10m")
    assert world.status("HostDown@host/a") == "silenced"
    world.graph = Graph.drawn("switch/s > rack/r > host/b; pdu/p > host/a")
    world.engine.adopt(world.engine.state.settings, world.graph)
    world.take()
    assert world.status("HostDown@host/a") == "held"
    world.play("601s PduDown on pdu/p critical").until("20m")
    assert [one.title for one in world.open] == ["PduDown on pdu/p"]


def test_its_end() -> None:
    """What still fires is held and told with its cause as one incident; what ended meanwhile tells nobody."""
    world = World(TREE)
    world.maintain("rack/r", "0s", "1h", below=True)
    world.play("""
        0s   RackDown on rack/r critical
        1s   HostDown on host/a critical
        2s   DiskFull on host/b error since=-1h
        30m  DiskFull on host/b ends
    """).until("1h")
    assert (world.status("RackDown@rack/r"), world.incidents) == ("held", {})
    assert [(one.title, one.firing, one.told) for one in world.until("2h").open] == [("RackDown on rack/r", 2, True)]


def test_ended_and_extended() -> None:
    """A person ends it early, or says that it takes longer; what a person says of one that is over changes nothing."""
    world = World(TREE)
    one, other = world.maintain("host/a", "0s", "1h"), world.maintain("host/b", "0s", "1h")
    world.play("0s HostDown on host/a critical\n0s HostDown on host/b critical").until("10m")
    world.engine.lift(one)
    world.engine.extend(one, START + 9 * HOUR)
    world.engine.extend(other, START + 2 * HOUR)
    world.take()
    world.until("90m")
    assert (world.status("HostDown@host/a"), world.status("HostDown@host/b")) == ("root", "silenced")
    assert world.until("121m").status("HostDown@host/b") == "root"


def test_none_is_extended_between_two() -> None:
    """Whoever prolongs a recurring one when it has just ended says nothing: what ended does not begin again."""
    world = World(TREE)
    daily = world.maintain("host/a", "0s", "", schedule="daily 10:10", zone="UTC", lasts="10m")
    world.play("0s HostDown on host/a critical").until("19m")
    world.engine.extend(daily, START + 25 * MINUTE)
    world.take()
    assert (world.until("24m").status("HostDown@host/a"), world.until("26m").status("HostDown@host/a")) == (
        "silenced",
        "root",
    )
    world.engine.extend(daily, START + HOUR)
    world.take()
    assert world.until("27m").status("HostDown@host/a") == "root"


def test_again_and_again() -> None:
    """A recurring one holds in each of its occurrences and not between them. The world begins on a Wednesday at 10:00 UTC."""
    world = World(TREE)
    world.maintain("host/a", "0s", "", schedule="Wed,Thu 12:00", zone="Europe/Berlin", lasts="30m")
    world.play("0s HostDown on host/a critical")
    at = {"59m": "root", "60m": "silenced", "89m": "silenced", "90m": "root", "25h": "silenced", "25h31m": "root"}
    found = {when: world.until(when).status("HostDown@host/a") for when in at}
    assert found == at
    (incident,) = world.open
    assert incident.told


@pytest.mark.parametrize("when", ["1m", "30m", "59m59s"])
def test_restart(when: str) -> None:
    """A4: a restart in the middle tells nobody anything, and it ends as it would have."""
    worlds = [World(TREE), World(TREE)]
    for world in worlds:
        world.maintain("rack/r", "0s", "1h", below=True)
        world.maintain("host/b", "0s", "", schedule="*/20 * * * *", zone="UTC", lasts="5m")
        world.play("0s RackDown on rack/r critical\n1s HostDown on host/a critical").until(when)
    through, again = worlds[0], restarted(worlds[1])
    assert not again.incidents
    assert list(again.engine.alerts()) == list(through.engine.alerts())
    for world in (through, again):
        world.until("3h")
    assert again.incidents == through.incidents
    assert again.timeline == through.timeline


def test_while_healer_is_away() -> None:
    """It is people's time: one that ended while nobody stepped is over, and told after hold."""
    world = World(TREE)
    world.maintain("host/a", "0s", "30m")
    world.play("0s HostDown on host/a critical").until("10m")
    world.engine.resume(HOUR)
    world.take()
    assert (world.status("HostDown@host/a"), world.incidents) == ("held", {})
    assert [one.told for one in world.until("71m").open] == [True]


def test_who_works_there() -> None:
    """Whoever would touch a node hears who works there, on what above it, until when; also where nothing fires."""
    world = World(TREE)
    world.maintain("rack/r", "0s", "1h", below=True)
    world.until("1m")
    ids = Graph.drawn(TREE).id
    work = world.engine.at_work(ids("host/a"))
    assert (
        str(work)
        == "jo, who has rack/r and everything beneath it in maintenance until 2026-01-07T11:00:00.000Z: new disks"
    )
    assert world.engine.at_work(ids("switch/s")) is None
    assert world.engine.at_work(-1) is None
    assert world.until("1h").engine.at_work(ids("host/a")) is None


def test_the_reason() -> None:
    """The alert says whose maintenance it is, of what, until when, and what for."""
    world = World(TREE)
    id = world.maintain("rack/r", "0s", "1h", below=True)
    world.play("0s HostDown on host/a critical").until("1m")
    view = world["HostDown@host/a"]
    said = explain(view, None, Convergence(), world.engine.now, silence=world.engine.maintenance_of(view.silence))
    assert said == [
        "silenced by jo, who has rack/r and everything beneath it in maintenance until 2026-01-07T11:00:00.000Z: new disks "
        f"(maintenance {id})"
    ]


def test_a_node_that_is_gone() -> None:
    """Maintenance of a node that left the topology concerns nobody, and does no harm."""
    world = World(TREE)
    world.maintain("host/gone", "0s", "1h", below=True)
    assert world.play("0s HostDown on host/a critical").until("1m").status("HostDown@host/a") == "root"
