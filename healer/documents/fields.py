"""The types that people write in a special way. Rooms declare their settings with them; `convert` reads them. Pure.

A Struct that may be written short names the fields that a plain value goes to: `short: ClassVar[tuple[str, ...]] = ("path",)`.
"""

import re
from typing import Annotated, final
from urllib.parse import urlsplit

import msgspec

from healer.times import DAY, Micros

MAX_DURATION: Micros = 36_500 * DAY
"""A century: longer is a mistake, and instants beyond it would not fit the store."""
MAX_SIZE = 1 << 50
"""Bytes of a size, 1 PiB."""

Duration = Annotated[Micros, msgspec.Meta(ge=0, le=MAX_DURATION, extra={"written": "duration"})]
"""Written `30s`, `1h30m` (units w d h m s ms); microseconds inside."""

Size = Annotated[int, msgspec.Meta(ge=0, le=MAX_SIZE, extra={"written": "size"})]
"""Written `64MiB`, `10kB`, or as a number of bytes; bytes inside."""

Url = Annotated[str, msgspec.Meta(extra={"written": "url"})]
"""Written `http://host:port/path`; kept without a slash at the end."""

PathText = Annotated[str, msgspec.Meta(extra={"written": "path"})]
"""A path as text, relative to the file that names it; absolute inside. (`pathlib.Path` does the same.)"""

OR_TEXT = msgspec.Meta(extra={"written": "secret or text"})
"""Of a `Secret` that may also stand plainly in the file: `Annotated[Secret, OR_TEXT]`. It is hidden all the same."""

_SIZE = re.compile(r"([0-9]+)\s*(B|kB|MB|GB|KiB|MiB|GiB)?")
_FACTORS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


@final
class Secret:
    """Text that is never shown: not by `str`, `repr`, a log or an encoder. `reveal()` where it is used, nowhere else.

    In a file it is a reference, `{file: PATH}` or `{env: NAME}`, so that files can be shared and shown.
    """

    __slots__ = ("_text", "source")

    def __init__(self, text: str, source: str = "") -> None:
        self._text = text
        self.source = source

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self.source))

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled or copied: hand on the value that holds it")


def parse_size(text: str) -> int:
    """Read a number of bytes: `64MiB`, `10kB`, `512`. Raises ValueError."""
    found = _SIZE.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no size: write 64MiB, 10kB or a number of bytes")
    return int(found[1]) * _FACTORS[found[2] or "B"]


def parse_url(text: str) -> str:
    """Check an HTTP URL; a slash at the end is dropped. Raises ValueError."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or any(one.isspace() for one in text):
        raise ValueError(f"{text!r} is no URL: write http://host:port/path or https://...")
    if parts.password is not None:
        raise ValueError("a URL with a password in it would be shown: give the password as a secret of its own")
    return text.rstrip("/")


def format_size(size: int) -> str:
    """Write a number of bytes in the largest unit that divides it: `64MiB`."""
    for unit in ("GiB", "MiB", "KiB", "GB", "MB", "kB"):
        if size and size % _FACTORS[unit] == 0:
            return f"{size // _FACTORS[unit]}{unit}"
    return f"{size}B"
