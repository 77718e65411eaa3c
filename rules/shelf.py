"""A folder in which compiled rules outlive a process: bytes under names, inert, bounded, and never taken on trust.

Written by `rules.kept`; bootstrap and the command line say which folder (`keep_in`). Whatever is wrong with the folder
or an entry is as if there were none: compiling again is always possible, and nobody is told.
"""

import os
import stat
import tempfile
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

MAX_ENTRIES: Final = 32
"""Entries in the folder; the oldest go."""
MAX_ENTRY_BYTES: Final = 64 * 2**20
_DIGEST_BYTES: Final = 32
_SUFFIX: Final = ".rules"


class Shelf:
    """The entries of one folder. It is made where it is missing, for its owner alone; what it lies in is not."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """What was written under this name, whole and by this user; None for anything else."""
        path = self._folder / (name + _SUFFIX)
        try:
            if not _is_own(os.stat(self._folder)):
                return None
            # A name that somebody made a link, or a pipe, is not followed and not waited for.
            opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(opened, "rb") as file:
                found = os.fstat(opened)
                if not stat.S_ISREG(found.st_mode) or not _is_own(found) or found.st_size > MAX_ENTRY_BYTES:
                    return None
                body = file.read(MAX_ENTRY_BYTES + 1)
            if body[:_DIGEST_BYTES] != _digest(name, body[_DIGEST_BYTES:]):
                return None
            os.utime(path)  # what is used stays
        except OSError:
            return None
        return body[_DIGEST_BYTES:]

    def write(self, name: str, body: bytes) -> None:
        """Keep this under the name: all of it, or nothing, whoever else writes at the same time."""
        if len(body) + _DIGEST_BYTES > MAX_ENTRY_BYTES:
            return
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if not _is_own(os.stat(self._folder)):
                return
            # For its owner alone from the beginning; only a whole file gets the name.
            opened, unfinished = tempfile.mkstemp(dir=self._folder, prefix=f"{name}.", suffix=".part")
            try:
                with open(opened, "wb") as file:
                    file.write(_digest(name, body) + body)
                os.replace(unfinished, self._folder / (name + _SUFFIX))
            except OSError:
                os.unlink(unfinished)
                raise
            self._forget_the_oldest()

    def _forget_the_oldest(self) -> None:
        """Also what was left unfinished: a crash may leave it, and it ages like the rest."""
        entries = []
        for path in self._folder.iterdir():
            if path.suffix in {_SUFFIX, ".part"}:
                with suppress(FileNotFoundError):  # somebody else removed it
                    entries.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(entries)[:-MAX_ENTRIES]:
            path.unlink(missing_ok=True)


def _is_own(found: os.stat_result) -> bool:
    """Whether nobody else can have written there."""
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _digest(name: str, body: bytes) -> bytes:
    """Of the content under its name, so that one entry is never taken for another."""
    return blake2b(body, digest_size=_DIGEST_BYTES, key=name.encode()).digest()


class _Place:
    shelf: Shelf | None = None


def keep_in(folder: Path | None) -> None:
    """From now on this process keeps what it compiles in that folder, and looks there first. None: nowhere."""
    _Place.shelf = Shelf(folder) if folder is not None else None


def shelf() -> Shelf | None:
    """Where this process keeps what it compiles."""
    return _Place.shelf
