"""A packed graph says what the topology said, also after it came through a file."""

from pathlib import Path

from healer.topology.graph import Group, Node, topology
from healer.topology.index import Index
from healer.topology.packed import Packed
from healer.topology.packing import pack

GRAPH = topology(
    [
        Node("host/a", "", ("a.example", "shared"), {"address": "10.0.0.1", "slot": 7}, (Group(1, ("s/1", "s/2")),)),
        Node("host/b", "server", ("shared",), {"address": "10.0.0.1"}),
        *(Node(f"s/{number}") for number in range(1, 40)),
    ],
    [*((f"s/{number}", "host/a") for number in range(1, 40)), ("s/1", "host/b"), ("s/1", "s/2")],
)


def said(index: Index) -> list[object]:
    """All that can be asked of each node."""
    return [
        (
            index.name(node),
            index.kind(node),
            dict(index.attributes(node)),
            index.parents(node),
            list(index.children(node)),
            index.groups.get(node),
        )
        for node in range(len(index))
    ]


def test_what_is_read_from_a_file_is_what_was_written(tmp_path: Path) -> None:
    """Nodes, edges, what is said of them and what they are found by."""
    packed = pack([GRAPH])
    with (tmp_path / "packed").open("w+b") as file:
        packed.write(file)
        file.seek(0)
        index = Index(Packed.read(file))
    assert said(index) == said(Index(GRAPH))
    a, b = index.id("host/a"), index.id("host/b")
    assert index.by_alias("shared") == (a, b)
    assert index.by_attribute("address", "10.0.0.1") == (a, b)
    assert index.by_attribute("slot", "7") == (a,)
    assert [index.kind(node) for node in (a, b)] == ["host", "server"]
    assert len(index.parents(a)) == 39


def test_indexes_that_share_it_change_each_on_its_own() -> None:
    """A reload makes an index of what the one before was made of."""
    packed = pack([GRAPH])
    one, other = Index(packed), Index(packed)
    before = said(other)
    a = one.id("host/a")
    one.unlink(one.id("s/1"), a)
    one.link(a, one.id("host/b"))
    one.add("host/a", "machine", {"address": "10.0.0.2"}, ["new"])
    one.unsay("shared", "host/a")
    one.remove("host/b")
    assert said(other) == before == said(Index(packed))
    assert one.by_attribute("address", "10.0.0.1") == ()
    assert one.by_alias("shared") == (one.id("host/b"),)
    assert "host/b" not in one
    assert "host/b" in other


def test_more_nodes_than_there_may_be_are_left_out_with_their_edges() -> None:
    """Those that come first by their names stay."""
    index = Index(pack([GRAPH], 3), max_nodes=3)
    assert [index.name(node) for node in range(len(index))] == ["host/a", "host/b", "s/1"]
    assert index.parents(index.id("host/a")) == (index.id("s/1"),)
