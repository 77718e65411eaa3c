"""Where an audit log is read from: a running healer, its store or a copy of that, or an export. Used by `healer audit`.

An export is lines of JSON, each an object with one key: `installation`, `head`, `anchor` or `entry`.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from healer.audit.anchor import Anchor, read_anchor
from healer.audit.chain import Entry, Head
from healer.audit.verify import Kept
from healer.cli.connection import PAGE, Connection
from healer.cli.failure import CALLED_WRONG, Failure
from healer.store.opening import CannotOpen
from healer.store.past import open_past
from healer.store.settings import Store as Place
from healer.store.store import Store


class Log(Protocol):
    """An audit log, wherever it is."""

    def kept(self) -> Kept:
        """What stands beside the entries."""
        ...

    def entries(self) -> Iterator[Entry]:
        """All of them, in order."""
        ...

    def heads(self) -> Sequence[Head]:
        """The newest entry of each chain now."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class RunningLog:
    """The log of a running healer, over its API."""

    def __init__(self, link: Connection) -> None:
        self._link = link

    def kept(self) -> Kept:
        found = self._link.get("/api/v1/audit/heads")
        anchors = [msgspec.convert(each, Anchor) for each in found["anchors"]]
        return Kept(found["installation"], [Head(**head) for head in found["heads"]], anchors)

    def entries(self) -> Iterator[Entry]:
        cursor = None
        while True:
            page = self._link.get("/api/v1/audit", limit=PAGE, cursor=cursor)
            for each in page["items"]:
                yield Entry(number=each["number"], incident=each["incident"] or "", **each["sealed"])
            cursor = page["next"]
            if not cursor:
                return

    def heads(self) -> Sequence[Head]:
        return self.kept().heads

    def close(self) -> None:
        """Nothing is open between two calls."""


class StoredLog:
    """The log in a store, or in a copy of one; a healer may be running on it."""

    def __init__(self, place: Place) -> None:
        try:
            self._store: Store = open_past(place)
        except CannotOpen as error:
            raise Failure(str(error), CALLED_WRONG) from None

    def kept(self) -> Kept:
        async def read() -> Kept:
            return Kept(self._store.installation, await self._store.heads(), await self._store.anchors())

        return asyncio.run(read())

    def entries(self) -> Iterator[Entry]:
        after = 0
        while some := asyncio.run(self._store.entries(after, PAGE)):
            yield from some
            after = some[-1].number

    def heads(self) -> Sequence[Head]:
        return asyncio.run(self._store.heads())

    def close(self) -> None:
        asyncio.run(self._store.close())


class ExportedLog:
    """The log in a file that `healer audit export` wrote."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def kept(self) -> Kept:
        installation, heads, anchors = "", list[Head](), list[Anchor]()
        for kind, value in self._lines():
            match kind:
                case "installation":
                    installation = value
                case "head":
                    heads.append(msgspec.convert(value, Head))
                case "anchor":
                    anchors.append(msgspec.convert(value, Anchor))
        return Kept(installation, heads, anchors)

    def entries(self) -> Iterator[Entry]:
        return (msgspec.convert(value, Entry) for kind, value in self._lines() if kind == "entry")

    def heads(self) -> Sequence[Head]:
        return self.kept().heads

    def close(self) -> None:
        """Nothing is open between two calls."""

    def _lines(self) -> Iterator[tuple[str, Any]]:
        def read(line: bytes) -> tuple[str, Any]:
            ((kind, value),) = msgspec.json.decode(line).items()
            return kind, value

        yield from _read_lines(self._file, read)


def exported(log: Log) -> Iterator[str]:
    """The lines of an export. The heads come first: what is added meanwhile is beyond them, and is left out."""
    kept = log.kept()
    last = {head.writer: head.place for head in kept.heads}
    yield _line("installation", kept.installation)
    for head in kept.heads:
        yield _line("head", head)
    for anchor in kept.inside:
        yield _line("anchor", anchor)
    for entry in log.entries():
        if entry.place <= last.get(entry.writer, entry.place):
            yield _line("entry", entry)


def read_anchors(file: Path) -> list[Anchor]:
    """Anchors that were sent outside: one a line, in the order in which they came; one that came twice counts once."""
    found = _read_lines(file, read_anchor)
    return list({anchor.fingerprint: anchor for anchor in found}.values())


def _line(kind: str, value: object) -> str:
    return msgspec.json.encode({kind: value}).decode()


def _read_lines(file: Path, read: Callable[[bytes], Any]) -> Iterator[Any]:
    """What stands in each line that is not empty. Raises Failure with the line's number."""
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    try:
                        yield read(line)
                    except (ValueError, AttributeError) as error:
                        raise Failure(f"{file}:{number}: this is none of healer's lines: {error}") from None
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}", CALLED_WRONG) from None
