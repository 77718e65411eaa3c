"""The files of the topology, read again when they change. All of them are one source, since edges go from one to another."""

from collections.abc import Sequence
from pathlib import Path

from healer.documents.problems import DocumentError
from healer.times import SECOND, Micros
from healer.topology.graph import Topology
from healer.topology.source import Aside, Read, Unreadable
from healer.topology.sources.file import MAX_JSON_BYTES, read_topology

NAME = "file"
LARGE = 4 << 20
"""Bytes of a JSON file from which on it is not read by a thread of the service."""
_Stamps = tuple[tuple[int, int, int], ...]


class FileSource:
    """`seen` says that the files were read just now, by whoever started healer. `read` reads a large one."""

    name = NAME
    every: Micros = 5 * SECOND

    def __init__(self, files: Sequence[Path], aside: Aside, read: Read, *, seen: bool = True) -> None:
        self._files = tuple(files)
        self._aside = aside
        self._read = read
        self._stamps = stamps(self._files) if seen else ()

    async def look(self) -> Topology | bytes | None:
        """The files together, if one of them changed. Raises Unreadable with the first mistake."""
        now = stamps(self._files)
        if now == self._stamps:
            return None
        if (graph := await self._large()) is not None:
            self._stamps = now
            return graph
        try:
            topology = await self._aside(lambda: read_topology(self._files))
        except DocumentError as error:
            more = f", and {len(error.problems) - 1} more" if len(error.problems) > 1 else ""
            raise Unreadable(f"{error.problems[0]}{more}") from None
        self._stamps = now
        return topology

    async def _large(self) -> bytes | None:
        """The graph of one large JSON file; None where there are several, or it has to be said on which line it is wrong."""
        file = self._files[0]
        if len(self._files) > 1 or file.suffix != ".json":
            return None
        try:
            if not LARGE <= file.stat().st_size <= MAX_JSON_BYTES:
                return None
            found = await self._read(await self._aside(file.read_bytes))
        except OSError:
            return None
        return found if isinstance(found, bytes) else None


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
