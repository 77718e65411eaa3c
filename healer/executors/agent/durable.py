"""How is a small file written so that it survives whatever comes next? By healer for its agents, and by agents for themselves."""

import contextlib
import os
from pathlib import Path
from typing import Protocol


class Folder(Protocol):
    """Small files beside one another, for their owner alone."""

    def keep(self, name: str, data: bytes) -> None:
        """It is there whole, and on the disk, when this returns. Raises OSError."""
        ...

    def read(self, name: str) -> bytes | None:
        """None where there is none. Raises OSError."""
        ...

    def drop(self, name: str) -> bool:
        """Whether it was there; of several who drop it, one hears so. After a loss of power it may be there again."""
        ...

    def names(self) -> list[str]:
        """The oldest first."""
        ...


class DiskFolder:
    """`Folder` on a disk; it is made where there is none. Its files are called `*.json`."""

    def __init__(self, path: Path) -> None:
        for each in (path.parent, path):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path

    def keep(self, name: str, data: bytes) -> None:
        keep(self._path / name, data)

    def read(self, name: str) -> bytes | None:
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            return None

    def drop(self, name: str) -> bool:
        try:
            (self._path / name).unlink()
        except FileNotFoundError:
            return False
        return True

    def names(self) -> list[str]:
        aged = []
        for file in self._path.glob("*.json"):
            with contextlib.suppress(FileNotFoundError):  # somebody else dropped it meanwhile
                aged.append((file.stat().st_mtime_ns, file.name))
        return [name for _, name in sorted(aged)]


def keep(file: Path, data: bytes) -> None:
    """A file for its owner alone: there whole, and on the disk, or not at all."""
    beside = file.with_name(f".{file.name}.new")
    opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(opened, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
