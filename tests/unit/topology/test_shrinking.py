"""Which answers are too small to be believed."""

from healer.times import MINUTE
from healer.topology.comparing import compare
from healer.topology.graph import Node, Topology, topology
from healer.topology.shrinking import Refusal, Shrunk, refusal
from healer.topology.shrinking import shrunk as of_compared


def shrunk(before: Topology, after: Topology, share: float) -> Shrunk | None:
    return of_compared(compare(before.encode(), after.encode(), 0), share)


def star(size: int, prefix: str = "host/h") -> Topology:
    """A switch above `size` hosts."""
    hosts = [f"{prefix}{number:03d}" for number in range(size)]
    return topology([Node("switch/s"), *map(Node, hosts)], [("switch/s", host) for host in hosts])


def test_a_third_may_go_and_more_may_not() -> None:
    """The share is of what was there, of nodes or of edges, whichever lost more."""
    assert shrunk(star(100), star(71), 0.3) is None
    lost = shrunk(star(100), star(60), 0.3)
    assert lost is not None
    assert str(lost) == "40 of 101 nodes and 40 of 100 edges would go at once"
    alone = topology(star(100).nodes, ())
    assert shrunk(star(100), alone, 0.3) is not None


def test_a_few_may_always_go() -> None:
    """Who has five hosts takes three of them out of service without being asked."""
    assert shrunk(star(5), star(1), 0.3) is None
    assert shrunk(star(9), Topology(), 0.3) is not None


def test_another_graph_of_the_same_size_is_a_loss() -> None:
    """When everything has another name, everything is gone."""
    assert shrunk(star(100), star(120, "pod/p"), 0.3) is not None


def test_the_second_look_confirms() -> None:
    """What was refused is believed when it is still so after the time, counted from the first look."""
    lost = shrunk(star(100), star(10), 0.3)
    assert lost is not None
    first = refusal(lost, None, 0, 10 * MINUTE)
    assert first == Refusal(0, f"{lost}: refused until it is still so after 10m, or accepted")
    assert refusal(lost, first, 9 * MINUTE, 10 * MINUTE) == first
    assert refusal(lost, first, 10 * MINUTE, 10 * MINUTE) is None
