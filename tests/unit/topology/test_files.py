"""The files of the topology are read again when they change, and a large one where it holds nobody up."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from healer.topology.graph import Topology, decode
from healer.topology.node_link import Fault
from healer.topology.source import Unreadable
from healer.topology.sources import files
from healer.topology.sources.file import parse_topology
from healer.topology.sources.files import FileSource

T = TypeVar("T")
TWO = '{"nodes": [{"id": "a"}, {"id": "b"}], "edges": [["a", "b"]]}'


async def aside(work: Callable[[], T]) -> T:
    return work()


class Reader:
    """Reads what is large."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, body: bytes) -> bytes | Sequence[Fault]:
        self.bodies.append(body)
        if b"nodes" not in body:
            return (Fault(0, (), "not JSON"),)
        return parse_topology(body, "x.json").encode()


@pytest.mark.parametrize("large", [False, True])
async def test_a_file_is_read_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, large: bool) -> None:
    """However large, the same graph comes of it; what is as before is not read again."""
    if large:
        monkeypatch.setattr(files, "LARGE", 0)
    file, read = tmp_path / "graph.json", Reader()
    file.write_text(TWO)
    source = FileSource([file], aside, read, seen=False)
    found = await source.look()
    graph = decode(found) if isinstance(found, bytes) else found
    assert isinstance(graph, Topology)
    assert graph.edges == (("a", "b"),)
    assert read.bodies == ([TWO.encode()] if large else [])
    assert await source.look() is None


async def test_what_is_wrong_in_a_large_file_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is looked at again: somebody may be writing it."""
    monkeypatch.setattr(files, "LARGE", 0)
    file = tmp_path / "graph.json"
    source = FileSource([file], aside, Reader(), seen=False)
    file.write_text("{")
    for _ in range(2):
        with pytest.raises(Unreadable, match=r"graph.json.*not JSON"):
            await source.look()


async def test_several_files_are_read_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edges go from one to another."""
    monkeypatch.setattr(files, "LARGE", 0)
    one, other, read = tmp_path / "one.json", tmp_path / "other.json", Reader()
    one.write_text('{"nodes": [{"id": "a"}], "edges": [["a", "b"]]}')
    other.write_text('{"nodes": [{"id": "b"}]}')
    found = await FileSource([one, other], aside, read, seen=False).look()
    assert isinstance(found, Topology)
    assert found.edges == (("a", "b"),)
    assert read.bodies == []
