"""The files of the topology, read again when they change. All of them are one source, since edges go from one to another."""

from collections.abc import Sequence
from pathlib import Path

from healer.documents.problems import DocumentError
from healer.times import SECOND, Micros
from healer.topology.graph import Topology
from healer.topology.source import Aside, Unreadable
from healer.topology.sources.file import read_topology

NAME = "file"
_Stamps = tuple[tuple[int, int, int], ...]


class FileSource:
    """`seen` says that the files were read just now, by whoever started healer."""

    name = NAME
    every: Micros = 5 * SECOND

    def __init__(self, files: Sequence[Path], aside: Aside, *, seen: bool = True) -> None:
        self._files = tuple(files)
        self._aside = aside
        self._stamps = stamps(self._files) if seen else ()

    async def look(self) -> Topology | None:
        """The files together, if one of them changed. Raises Unreadable with the first mistake."""
        now = stamps(self._files)
        if now == self._stamps:
            return None
        try:
            topology = await self._aside(lambda: read_topology(self._files))
        except DocumentError as error:
            more = f", and {len(error.problems) - 1} more" if len(error.problems) > 1 else ""
            raise Unreadable(f"{error.problems[0]}{more}") from None
        self._stamps = now
        return topology


def stamps(files: Sequence[Path]) -> _Stamps:
    """By what a change of the files is noticed; zeros for one that is not there."""
    found = []
    for file in files:
        try:
            stat = file.stat()
            found.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
        except OSError:
            found.append((0, 0, 0))
    return tuple(found)
