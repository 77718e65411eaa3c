"""How is a small file written so that it survives whatever comes next? By healer for its agents, and by agents for themselves."""

import os
from pathlib import Path


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
