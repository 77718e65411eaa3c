"""The effect that is counted: a command on the host that writes what it was called with into the host's own log."""

from collections import Counter
from pathlib import Path

TAKES_S = 0.4


def install(folder: Path) -> Path:
    """Lay down the command; it is no idempotent one: each call is a line, and takes a while after it."""
    command = folder / "count"
    command.write_text(f'#!/bin/sh\necho "$1" >>{folder}/counted.log\nsleep {TAKES_S}\n')
    command.chmod(0o755)
    return command


def counted(folder: Path) -> Counter[str]:
    """How often the command ran for each tag."""
    log = folder / "counted.log"
    return Counter(log.read_text().split()) if log.exists() else Counter()


def has_begun(argv: tuple[str, ...]) -> bool:
    """Whether the command with this argv has begun to run."""
    return counted(Path(argv[0]).parent)[argv[1]] > 0
