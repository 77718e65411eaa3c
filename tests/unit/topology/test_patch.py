"""Differences of topologies: what they say, what they add up to, and that an index takes them in place."""

from itertools import pairwise
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from healer.topology import graph
from healer.topology.comparing import compare, differing
from healer.topology.graph import Group, Node, Topology, decode, parts, topology
from healer.topology.index import Index
from healer.topology.packing import pack
from healer.topology.patch import Patch, Sum, change, difference, patched, pieces

NAMES = [f"host/{letter}" for letter in "abcdef"]


@st.composite
def graphs(draw: st.DrawFn) -> Topology:
    names = draw(st.sets(st.sampled_from(NAMES)))
    kinds, words = st.sampled_from(["", "host", "rack"]), st.sampled_from(["x", "y", "z"])
    nodes = [
        Node(
            name,
            draw(kinds),
            tuple(sorted(draw(st.sets(words)))),
            draw(st.dictionaries(st.sampled_from(["room", "unit"]), st.one_of(words, st.integers(0, 2)), max_size=2)),
        )
        for name in sorted(names)
    ]
    ends = st.sampled_from(sorted(names)) if names else st.nothing()
    pairs = draw(st.sets(st.tuples(ends, ends), max_size=8)) if len(names) > 1 else set()
    return topology(nodes, [pair for pair in pairs if pair[0] != pair[1]])


def seen(index: Index) -> dict[str, Any]:
    """All that can be asked of an index, by names."""
    return {
        name: (
            index.kind(node),
            dict(index.attributes(node)),
            [index.name(one) for one in index.parents(node)],
            sorted(index.name(one) for one in index.children(node)),
        )
        for name in NAMES
        if name in index
        for node in [index.id(name)]
    } | {
        word: (
            sorted(index.name(one) for one in index.by_alias(word)),
            [
                sorted(index.name(one) for one in index.by_attribute(key, word) if index.name(one) in index)
                for key in ("room", "unit")
            ],
        )
        for word in ("x", "y", "z", "0", "1", "2")
    }


@given(graphs(), graphs())
def test_a_difference_makes_the_second_of_the_first(before: Topology, after: Topology) -> None:
    """And the difference of equal topologies is empty."""
    assert patched(before, difference(before, after)) == after
    assert len(difference(after, after)) == 0


@given(graphs(), graphs())
def test_a_walk_beside_one_another_says_the_same(before: Topology, after: Topology) -> None:
    """What is compared part by part is what is compared in memory; beyond the wanted number of changes there is no patch."""
    wanted = difference(before, after)
    found = compare(before.encode(), after.encode(), 1_000)
    assert found.patch == wanted
    assert (found.nodes, found.edges) == (len(after.nodes), len(after.edges))
    assert (found.nodes_gone, found.edges_gone) == (len(wanted.gone), len(wanted.cut))
    assert len(wanted) == 0 or compare(before.encode(), after.encode(), len(wanted) - 1).patch is None


@given(graphs(), graphs(), st.integers(1, 3))
def test_what_is_compared_does_not_depend_on_where_parts_end(before: Topology, after: Topology, short: int) -> None:
    """Parts that both have are not looked at, and count nevertheless."""
    wanted = compare(before.encode(), after.encode(), 1_000)
    with mock.patch.multiple(graph, PART=short, PART_MOST=short + 2, ENDS=2):
        assert compare(before.encode(), after.encode(), 1_000) == wanted
        assert Index(pack(parts(after.encode()))).__len__() == len(after.nodes)


def test_one_changed_edge_is_one_changed_part() -> None:
    """Of a large graph nothing else has to be looked at."""
    names = [f"host/{number:05}" for number in range(60_000)]
    edges = list(pairwise(names))
    before = topology(map(Node, names), edges)
    after = topology(map(Node, names), [*edges, (names[5], names[30])])
    left = differing(before.encode(), after.encode())
    assert (len(left.before), len(left.after)) == (1, 1)
    assert compare(before.encode(), after.encode(), 1_000).patch == Patch(edges=((names[5], names[30]),))


@settings(max_examples=200)
@given(graphs(), st.lists(graphs(), min_size=1, max_size=4), st.integers(1, 3))
def test_an_index_takes_changes_in_place(first: Topology, then: list[Topology], most: int) -> None:
    """Piece by piece, it answers as one that was made of the last topology; so does one that takes the sum of all."""
    index, late, total = Index(first), Index(first), Sum()
    seen(index)  # what was looked up before must not stay
    before = first
    for after in then:
        for piece in pieces(difference(before, after), most):
            change(index, piece)
            total.add(piece)
        before = after
    change(late, total.patch())
    assert seen(index) == seen(Index(before))
    assert seen(late) == seen(index)
    assert patched(first, total.patch()) == before


def test_what_goes_comes_last() -> None:
    """A host that moves to another rack is below one of them at every moment."""
    patch = Patch(edges=(("rack/b", "host/a"),), cut=(("rack/a", "host/a"),), gone=("rack/a",))
    assert list(pieces(patch, 1)) == [
        Patch(edges=patch.edges),
        Patch(cut=patch.cut),
        Patch(gone=patch.gone),
    ]


def test_what_labels_added_is_known_again_when_they_say_it() -> None:
    """A node that left the topology is none of it, but keeps its number for the alerts that name it."""
    index = Index(topology([Node("host/a", attributes={"room": "x"})], []))
    number = index.id("host/a")
    change(index, Patch(gone=("host/a",)))
    assert "host/a" not in index
    assert index.by_attribute("room", "x") == ()
    change(index, Patch(nodes=(Node("host/a"),)))
    assert "host/a" in index
    assert index.id("host/a") == number


def test_a_change_says_from_where_there_is_another_way() -> None:
    """Of the end of an edge that came or went, all that is above its beginning, before or after; of a node whose parents stand
    in for one another, that it is different."""
    names = ("dc/1", "rack/1", "rack/2", "host/a", "host/b")
    edges = [("dc/1", "rack/1"), ("dc/1", "rack/2"), ("rack/1", "host/a"), ("rack/1", "host/b")]
    index = Index(topology(map(Node, names), edges))
    dc, one, two, a, b = map(index.id, names)
    moved = Patch(edges=(("rack/2", "host/a"),), cut=(("dc/1", "rack/1"), ("rack/1", "host/a")))
    assert change(index, moved) == {a: {dc, one, two}, one: {dc}}
    assert change(index, moved) == {a: {dc, two}}
    grouped = Node("host/b", redundancy=(Group(1, ("rack/1", "rack/2")),))
    assert change(index, Patch(nodes=(grouped,), edges=(("rack/2", "host/b"),))) == {b: None}
    assert change(index, Patch(nodes=(Node("host/b", attributes={"room": "x"}),))) == {b: None}
    assert change(index, Patch(nodes=(Node("host/b"),))) == {}


@given(graphs())
def test_parts_are_the_whole(whole: Topology) -> None:
    """What is kept in parts is read again as it was, and the same topology is always the same bytes."""
    assert decode(whole.encode()) == whole
    assert Index(pack(parts(whole.encode()))).__len__() == len(whole.nodes)


def test_what_was_kept_in_one_piece_is_read() -> None:
    """Stores have topologies that were written before there were parts."""
    old = b"\x82\xa5nodes\x91\x81\xa2id\xa1a\xa5edges\x90"
    assert decode(old) == topology([Node("a")], [])
