"""The effect that is counted: a command on the host that writes what it was called with into the host's own log."""

from collections import Counter
from pathlib import Path

import msgspec

from healer.times import Micros

TAKES_S = 0.4


class Ran(msgspec.Struct):
    """One run of the command: for which intent, with which tag, and from when to when. `ended_at` is 0 where nobody saw it."""

    intent: str
    tag: str
    began_at: Micros
    ended_at: Micros = 0


def install(folder: Path) -> Path:
    """Lay down the command; it is no idempotent one: each call is a line, and takes a while until the next one."""
    command = folder / "count"
    line = 'echo "$(date +%s%6N) {} $HEALER_INTENT $1" >>{}/counted.log'
    begins, ends = (line.format(word, folder) for word in ("begins", "ends"))
    command.write_text(f"#!/bin/sh\n{begins}\nsleep {TAKES_S}\n{ends}\n")
    command.chmod(0o755)
    return command


def runs(folder: Path) -> list[Ran]:
    """Every run so far, in the order of their beginnings."""
    log = folder / "counted.log"
    found: list[Ran] = []
    for line in log.read_text().splitlines() if log.exists() else []:
        at, word, intent, tag = line.split()
        if word == "begins":
            found.append(Ran(intent, tag, int(at)))
        else:
            next(one for one in reversed(found) if one.intent == intent and not one.ended_at).ended_at = int(at)
    return found


def counted(folder: Path) -> Counter[str]:
    """How often the command ran for each tag."""
    return Counter(one.tag for one in runs(folder))


def has_begun(argv: tuple[str, ...]) -> bool:
    """Whether the command with this argv has begun to run."""
    return counted(Path(argv[0]).parent)[argv[1]] > 0
