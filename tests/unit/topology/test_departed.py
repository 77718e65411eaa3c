"""A node that left is known for a while longer, and then forgotten; what it was found by goes to its successor at once."""

from hypothesis import given
from hypothesis import strategies as st

from healer.times import MINUTE
from healer.topology.departed import Departed, keep
from healer.topology.graph import Node, Topology, topology

RACK, A, B = Node("rack/r"), Node("host/a", aliases=("web",), attributes={"address": "10.0.0.1"}), Node("host/b")
POD = Node("pod/x")
WHOLE = topology([RACK, A, B, POD], [("rack/r", "host/a"), ("rack/r", "host/b"), ("host/a", "pod/x")])
KEEP = 12 * MINUTE


def ids(graph: Topology) -> set[str]:
    return {node.id for node in graph.nodes}


def test_what_left_is_known_with_its_edges_until_its_time_is_over() -> None:
    smaller = topology([RACK, B], [("rack/r", "host/b")])
    now, departed = keep(WHOLE, smaller, Departed(), 0, KEEP)
    assert now == WHOLE
    assert departed.next_due == KEEP
    now, departed = keep(now, smaller, departed, KEEP - 1, KEEP)
    assert now == WHOLE
    now, departed = keep(now, smaller, departed, KEEP, KEEP)
    assert now == smaller
    assert departed.next_due is None


def test_each_has_a_time_of_its_own() -> None:
    now, departed = keep(WHOLE, topology([RACK, A, B], WHOLE.edges[:2]), Departed(), 0, KEEP)
    now, departed = keep(now, topology([RACK, B], [("rack/r", "host/b")]), departed, 5 * MINUTE, KEEP)
    assert ids(now) == ids(WHOLE)
    now, departed = keep(now, topology([RACK, B], [("rack/r", "host/b")]), departed, KEEP, KEEP)
    assert ids(now) == {"rack/r", "host/a", "host/b"}
    assert ("host/a", "pod/x") not in now.edges
    assert departed.next_due == KEEP + 5 * MINUTE


def test_what_is_there_again_has_not_left() -> None:
    now, departed = keep(WHOLE, topology([RACK, B], []), Departed(), 0, KEEP)
    now, departed = keep(now, WHOLE, departed, MINUTE, KEEP)
    assert (now, departed) == (WHOLE, Departed())
    _, departed = keep(now, topology([RACK, B], []), departed, 2 * MINUTE, KEEP)
    assert departed.next_due == KEEP + 2 * MINUTE


def test_an_address_finds_who_has_it_today() -> None:
    """Two hits would be none: the host that took over the address would lose its alerts."""
    successor = Node("host/c", aliases=("web",), attributes={"address": "10.0.0.1"})
    now, _ = keep(WHOLE, topology([RACK, B, successor], []), Departed(), 0, KEEP)
    (kept,) = [node for node in now.nodes if node.id == "host/a"]
    assert (kept.aliases, kept.attributes) == ((), {})


def test_an_edge_between_nodes_that_stay_goes_at_once() -> None:
    """Only what left is kept: a cable that was pulled explains nothing any more."""
    now, _ = keep(WHOLE, topology([RACK, A, B, POD], [("host/a", "pod/x")]), Departed(), 0, KEEP)
    assert now.edges == (("host/a", "pod/x"),)


_graphs = st.lists(st.sets(st.sampled_from("abcdef")), min_size=1, max_size=8)


@given(_graphs)
def test_nothing_is_kept_longer_or_shorter_than_it_should(history: list[set[str]]) -> None:
    """Against what was there in each of the last minutes, said naively."""
    now, departed = topology([], []), Departed()
    for minute, there in enumerate(history):
        graph = topology([Node(name) for name in there], [])
        now, departed = keep(now, graph, departed, minute * MINUTE, 2 * MINUTE)
        recent = history[max(0, minute - 2) : minute + 1]
        assert ids(now) == set.union(*recent[-3:]) - _forgotten(history[: minute + 1])


def _forgotten(history: list[set[str]]) -> set[str]:
    """Those whose last minute, plus one to notice, plus two, is over."""
    last = {name: minute for minute, there in enumerate(history) for name in there}
    return {name for name, minute in last.items() if minute + 1 + 2 <= len(history) - 1}
