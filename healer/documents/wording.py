"""How complaints about values are worded. Pure."""

import difflib
from collections.abc import Sequence
from typing import Any

from msgspec import inspect

_SHOWN = 40
"""Characters of a value that a complaint repeats."""


def found(value: Any) -> str:
    """What stands there: `text: 'off'`, `the number 3`, `a list`."""
    if value is None:
        return "nothing"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
    if isinstance(value, str):
        return f"text: {shown!r}"
    return shown if isinstance(value, bool) else f"the number {shown}"


def unknown(key: str, names: Sequence[str]) -> str:
    """A key that is not known, with the one that was probably meant."""
    near = difflib.get_close_matches(key, names, 1)
    if near:
        return f"unknown key; did you mean {near[0]}?"
    return f"unknown key; known here: {', '.join(names)}" if names else "unknown key; none is known here"


def with_keys(info: inspect.StructType) -> str:
    """The first keys that a mapping may have."""
    names = ", ".join(field.encode_name for field in info.fields[:8])
    return f" with {names}" if names else ""
