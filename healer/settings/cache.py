"""Where commands may keep what they can make again: the user's cache folder, as XDG has it. Called by `healer.cli`."""

import os
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environ: Mapping[str, str] | None = None) -> Path | None:
    """`healer` in $XDG_CACHE_HOME, or in ~/.cache; None where the environment names neither by an absolute path."""
    if environ is None:
        environ = os.environ  # noqa: TID251 - this room is the one place that reads the environment
    for base, below in ((environ.get("XDG_CACHE_HOME", ""), "healer"), (environ.get("HOME", ""), ".cache/healer")):
        if Path(base).is_absolute():
            return Path(base) / below
    return None
