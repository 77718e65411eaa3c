"""What is wrong with a document: every problem with its place, its key and what would be right."""

from collections.abc import Iterable

import msgspec

Path = tuple[str | int, ...]
"""The way to a value: keys of mappings and indices of lists, from the top."""


class Problem(msgspec.Struct, frozen=True, order=True):
    """One mistake. `line` and `column` count from 1; 0 where the text has no such place (no file, an empty one)."""

    file: str
    line: int
    column: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class DocumentError(Exception):
    """A document that cannot be used. `problems` has all that was found, in the order of the text."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


def dotted(path: Path) -> str:
    """The way to a value as people write it: `topology.nodes[2].match`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if part and "." not in part else repr(part))
    return text
