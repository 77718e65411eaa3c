"""Reading and comparing large graphs in a process of their own: what comes back is what reading here gives."""

from collections.abc import Callable
from io import BytesIO
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from healer.survey import apart
from healer.topology import plain
from healer.topology.answers import Answer
from healer.topology.departed import Departed
from healer.topology.graph import Node, decode, topology
from healer.topology.node_link import Reading
from healer.topology.packed import Packed
from healer.topology.packing import pack
from tests.unit.survey.fields import wide

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    return work()


async def test_what_is_done_apart_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same result, and the same mistakes, as in this process."""
    monkeypatch.setattr(apart, "LARGE", 0)
    monkeypatch.setattr(apart, "LARGE_GRAPH", 0)
    body = msgspec.json.encode({"nodes": [{"id": "a"}, {"id": "b", "room": "1"}], "edges": [["a", "b"]]})
    here = apart.Apart(aside)
    read = await here.read(body)
    assert isinstance(read, bytes)
    assert decode(read).edges == (("a", "b"),)
    faults = await here.read(b'{"nodes": [{"id": 1.5}]}')
    assert [fault.way for fault in faults if not isinstance(fault, int)] == [("nodes", 0, "id")]
    found = await here.compared(wide(30).encode(), wide(10).encode(), 100)
    assert (found.nodes_gone, found.edges_gone) == (20, 20)
    assert found.patch is not None
    assert len(found.patch) == 40


async def test_sources_are_merged_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes back is what merging here gives: the graph, what changed, who left, and where sources disagree."""
    first = topology([Node("a", "host"), Node("b")], [("a", "b")])
    other = topology([Node("a", "vm"), Node("c")], [("a", "c")])
    before = topology([Node("a"), Node("gone")], [("a", "gone")])
    said = [Answer("one", 1, first.encode()), Answer("two", 2, other.encode())]
    here = await apart.Apart(aside).union(said, before.encode(), Departed(), 100, 50)
    monkeypatch.setattr(apart, "LARGE_GRAPH", 0)
    there = await apart.Apart(aside).union(said, before.encode(), Departed(), 100, 50)
    assert there == here
    assert there.departed.until == {"gone": 150}
    assert there.conflicts == 1


@pytest.mark.parametrize("large", [False, True])
async def test_an_index_gets_what_was_made_with_the_graph(monkeypatch: pytest.MonkeyPatch, *, large: bool) -> None:
    """It is handed over once, and made again for whoever comes later, or asks for another graph."""
    if large:
        monkeypatch.setattr(apart, "LARGE", 0)
        monkeypatch.setattr(apart, "LARGE_GRAPH", 0)
    asked: list[object] = []

    async def counted(work: Callable[[], T]) -> T:
        asked.append(work)
        return work()

    here = apart.Apart(counted)
    graph = await here.read(msgspec.json.encode({"nodes": [{"id": "a"}, {"id": "b"}], "links": [["a", "b"]]}))
    assert isinstance(graph, bytes)
    wanted, asked[:] = sections(pack([decode(graph)])), []
    assert sections(await here.packed(graph)) == wanted
    assert not asked
    assert sections(await here.packed(graph)) == wanted
    assert asked
    assert sections(await here.packed(wide(3).encode())) == sections(pack([wide(3)]))


async def test_an_index_is_made_here_where_it_cannot_be_made_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that is in the journal has to be applied."""
    monkeypatch.setattr(apart, "LARGE_GRAPH", 0)
    monkeypatch.setattr(apart, "WITHIN_S", 0.0)
    graph = wide(3).encode()
    assert sections(await apart.Apart(aside).packed(graph)) == sections(pack([decode(graph)]))


def sections(packed: Packed) -> bytes:
    """All of it."""
    file = BytesIO()
    packed.write(file)
    return file.getvalue()


NAMES = st.sampled_from(["a", "b", "rack/c", "", " d", 7])
NODES = st.one_of(
    NAMES,
    st.fixed_dictionaries(
        {"id": NAMES},
        optional={
            "kind": st.sampled_from(["host", 1]),
            "room": st.sampled_from(["x", 2, None]),
            "aliases": st.just(["q"]),
        },
    ),
)
EDGES = st.one_of(st.tuples(NAMES, NAMES).map(list), st.fixed_dictionaries({"source": NAMES, "target": NAMES}))


@given(
    st.fixed_dictionaries(
        {"nodes": st.lists(NODES, max_size=4)},
        optional={
            "edges": st.lists(EDGES, max_size=3),
            "links": st.lists(EDGES, max_size=3),
            "directed": st.booleans(),
            "odd": st.just(1),
        },
    )
)
@example({"nodes": [], "edges": [], "links": []})
def test_the_quick_way_reads_as_the_thorough_one(said: dict[str, Any]) -> None:
    """What is read quickly has no mistakes, and is the same graph."""
    reading = Reading()
    reading.add(said)
    thorough = reading.finish()
    quick = plain.read(msgspec.json.encode(said))
    if quick is not None:
        assert reading.faults == []
        assert quick[0] == thorough.encode()
        assert sections(quick[1]) == sections(pack([thorough]))
