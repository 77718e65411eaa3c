"""The topology changes while alerts fire: in place it decides as if the new topology had been adopted, also after a restart."""

from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from healer.convergence import rewiring
from healer.journey import fold as fold_module
from healer.journey.charter import Charter
from healer.journey.fold import Fold, remembered
from healer.journey.records import Delivered, Entry, Record, Rewired
from healer.times import SECOND
from healer.topology.graph import Node, Topology, topology
from healer.topology.patch import difference
from tests.unit.journey.world import INSTALLATION, START, chartered, ends, fires

NODES = ("switch/s", "rack/r", "rack/q", "host/a", "host/b", "host/c")


@st.composite
def graphs(draw: st.DrawFn) -> Topology:
    names = draw(st.sets(st.sampled_from(NODES), min_size=2))
    ordered = [name for name in NODES if name in names]
    pairs = [(above, below) for at, above in enumerate(ordered) for below in ordered[at + 1 :]]
    return topology(map(Node, ordered), draw(st.sets(st.sampled_from(pairs))))


def verdicts(fold: Fold) -> dict[bytes, tuple[object, ...]]:
    """What everybody sees of each alert."""
    return {one.labels: (one.status, one.node, one.by, one.ended_at) for one in fold.engine.alerts()}


STEP = st.one_of(
    st.tuples(st.integers(0, 12), graphs()),
    st.tuples(st.integers(0, 12), st.builds(lambda node: fires(f"Down@{node}"), st.sampled_from(NODES))),
    st.tuples(st.integers(0, 12), st.builds(lambda node: ends(f"Down@{node}"), st.sampled_from(NODES))),
)


@settings(max_examples=60, deadline=None)
@given(graphs(), st.lists(STEP, min_size=1, max_size=8), st.integers(0, 7))
def test_a_restart_between_changes_changes_nothing(
    first: Topology, steps: list[tuple[int, Delivered | Topology]], restart: int
) -> None:
    """A snapshot keeps what the changes come to: who is suppressed by whom is as if the process had lived on."""
    charter = chartered(graph=first)
    living, reborn = Fold(charter, INSTALLATION), Fold(charter, INSTALLATION)
    now, graph = START, first
    for position, (pause, said) in enumerate(steps, 2):
        now += pause * SECOND
        record = Rewired(difference(graph, said)) if isinstance(said, Topology) else said
        graph = said if isinstance(said, Topology) else graph
        living.apply(Entry(position, now, record))
        reborn.apply(Entry(position, now, record))
        if position - 2 == restart:
            reborn.take(position, 1, 1, position)
            reborn = Fold.load(remembered(reborn.dump()), charter, INSTALLATION)
        assert verdicts(living) == verdicts(reborn)
    assert living.quarantined == reborn.quarantined == []


@settings(max_examples=60, deadline=None)
@given(graphs(), st.lists(st.tuples(STEP, st.sampled_from(["whole", "done", "not done"])), min_size=1, max_size=8))
def test_what_is_done_ahead_decides_nothing_else(
    first: Topology, steps: list[tuple[tuple[int, Delivered | Topology], str]]
) -> None:
    """Where a change of the topology is worked out beside the event loop, the same steps come of it, bit for bit; also
    where that could not be done in the end."""
    plain, early = (Fold(chartered(graph=first), INSTALLATION) for _ in range(2))
    now, graph = START, first
    for position, ((pause, said), how) in enumerate(steps, 2):
        now += pause * SECOND
        charter: Charter | None = None
        record: Record = Rewired(difference(graph, said)) if isinstance(said, Topology) else said
        if isinstance(said, Topology):
            charter = chartered(graph=said) if how == "whole" else None
            record, graph = charter.adopted if charter is not None else record, said
        entry = Entry(position, now, record)
        plain.apply(entry, charter)
        with mock.patch.object(fold_module, "MANY", 0):
            work = early.ahead(entry, charter)
        assert (work is not None) == isinstance(said, Topology)
        if work is not None and how != "not done":
            before = verdicts(early)
            work()
            assert verdicts(early) == before
        early.apply(entry, charter)
        assert plain.take(position, 1, position, position) == early.take(position, 1, position, position)
        assert verdicts(plain) == verdicts(early)
    assert plain.quarantined == early.quarantined == []


@settings(max_examples=60, deadline=None)
@given(graphs(), st.lists(STEP, min_size=1, max_size=8))
def test_what_is_too_much_to_be_judged_in_place_is_judged_alike(
    first: Topology, steps: list[tuple[int, Delivered | Topology]]
) -> None:
    """An engine that goes on elsewhere comes to the same verdicts as one that goes on where it was."""
    here, elsewhere = (Fold(chartered(graph=first), INSTALLATION) for _ in range(2))
    now, graph = START, first
    for position, (pause, said) in enumerate(steps, 2):
        now += pause * SECOND
        record: Record = Rewired(difference(graph, said)) if isinstance(said, Topology) else said
        graph = said if isinstance(said, Topology) else graph
        here.apply(Entry(position, now, record))
        with mock.patch.object(rewiring, "AT_ONCE", -1):
            elsewhere.apply(Entry(position, now, record))
        assert verdicts(here) == verdicts(elsewhere)
    assert here.quarantined == elsewhere.quarantined == []


def test_a_new_edge_explains_what_already_fires() -> None:
    """Once given, the explanation stays while its root fires, also when the edge is taken away again."""
    before = topology(map(Node, ("rack/r", "host/a")), ())
    after = topology(before.nodes, [("rack/r", "host/a")])
    fold = Fold(chartered(graph=before), INSTALLATION)
    fold.apply(Entry(2, START, fires("Down@rack/r", "Down@host/a")))
    symptom = fires("Down@host/a").alerts[0].labels
    assert verdicts(fold)[symptom][0] == "held"
    fold.apply(Entry(3, START + SECOND, Rewired(difference(before, after))))
    assert verdicts(fold)[symptom][0] == "suppressed"
    fold.apply(Entry(4, START + 2 * SECOND, Rewired(difference(after, before))))
    assert verdicts(fold)[symptom][0] == "suppressed"


def test_an_alert_finds_its_node_when_that_appears() -> None:
    """The label `node` counts once the topology has that node, and then its cause above it."""
    before, after = topology([Node("rack/r")], ()), topology(map(Node, ("rack/r", "host/a")), [("rack/r", "host/a")])
    fold = Fold(chartered(graph=before), INSTALLATION)
    fold.apply(Entry(2, START, fires("Down@rack/r", "Down@host/a")))
    symptom = fires("Down@host/a").alerts[0].labels
    assert verdicts(fold)[symptom][1] == ""
    fold.apply(Entry(3, START + SECOND, Rewired(difference(before, after))))
    assert verdicts(fold)[symptom][:2] == ("suppressed", "host/a")
