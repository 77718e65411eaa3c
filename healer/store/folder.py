"""The data folder, and that only one process uses it. Called by `healer.store.opening`."""

import fcntl
import os
from pathlib import Path

LOCK = "healer.lock"


class FolderHeld(Exception):
    """Another process uses the data folder."""


class FolderLock:
    """An exclusive lock on a data folder, created for its owner alone if it is missing. Ends with the process at the latest.

    Raises FolderHeld, naming who holds it, and OSError when the folder cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        if missing:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            for one in missing:
                _sync(one.parent)
        self._file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise FolderHeld(
                f"{folder.resolve()} is in use by process {holder}: stop that healer, or give this one another folder (store.url)"
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        os.close(self._file)


def _sync(folder: Path) -> None:
    """Have the names in a folder survive the loss of power; what SQLite syncs is inside the one that it is given."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
