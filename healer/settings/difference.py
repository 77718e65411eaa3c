"""What differs between two configurations, and what of it a running healer cannot take? Called by `healer.bootstrap`. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from healer.documents.problems import Path
from healer.settings.model import Settings

TAKEN: tuple[Path, ...] = (
    ("server", "auth"),
    ("server", "base_url"),
    ("server", "tls", "cert"),
    ("server", "tls", "key"),
    ("place",),
    ("topology",),
    ("convergence",),
    ("changes", "nodes"),
    ("changes", "window"),
    ("journal", "retention"),
    ("health",),
    ("calendars",),
    ("audit",),
    ("rules",),
    ("prometheus",),
    ("alertmanager",),
    ("channels",),
    ("routes",),
    ("oncall",),
    ("telemetry",),
    ("watchdog",),
    ("guards",),
    ("executors",),
    ("log",),
)
"""What a reload takes, with all beneath. What is not named here needs a restart: nothing is said to be taken that is not."""


FIXED: tuple[Path, ...] = (("executors", "agent"),)
"""What of that a reload does not take all the same: a door that is open stays where it is."""


def differences(before: Settings, after: Settings) -> list[Path]:
    """The way to each value that is not the same, in the order of the settings; a secret counts by its text."""
    return list(dict.fromkeys(map(_as_written, _differences((), before, after))))


def needs_restart(way: Path) -> bool:
    """Whether a value can only be changed by starting healer again."""
    return any(way[: len(fixed)] == fixed for fixed in FIXED) or not any(way[: len(taken)] == taken for taken in TAKEN)


def _as_written(way: Path) -> Path:
    """The way as the file has it: what belongs to a channel's type stands beside `type` there."""
    return (*way[:2], *way[3:]) if way[0] == "channels" and way[2:3] == ("config",) else way


def _differences(way: Path, before: Any, after: Any) -> Iterator[Path]:
    if before == after and type(before) is type(after):
        return
    if isinstance(before, msgspec.Struct) and type(before) is type(after):
        for name in before.__struct_fields__:
            yield from _differences((*way, name), getattr(before, name), getattr(after, name))
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            if (name in before) != (name in after):
                yield (*way, name)
            elif name in before:
                yield from _differences((*way, name), before[name], after[name])
    else:
        yield way
