"""Storms with known causes, made by seed: for the bench, for `healer storm`, for drills and tests. Pure.

    for storm in storms("switch", seed=7, size=600, count=20): ...

The same arguments give the same bytes, in every process. See docs/storms.md for the kinds.
"""

from collections.abc import Iterator

from healer.rehearsal.generators.kinds import KINDS as _KINDS
from healer.rehearsal.generators.scene import Scene as _Scene
from healer.rehearsal.generators.storm import Cause, Firing, Storm

__all__ = ["KINDS", "SIZE", "Cause", "Firing", "Storm", "storms"]

KINDS = {name: kind.says for name, kind in _KINDS.items()}
"""What can happen: names, each with a sentence."""
SIZE = 600
"""Nodes of a datacentre when nothing else is said."""


def storms(kind: str, seed: int, size: int = SIZE, count: int = 1) -> Iterator[Storm]:
    """`count` storms of one kind in one datacentre of about `size` nodes, a day apart: one installation's history.

    Another seed is another datacentre. Raises KeyError for a kind that is not in `KINDS`.
    """
    which = _KINDS[kind]
    for number in range(count):
        yield which.make(_Scene(kind, seed, size, number, which.rules))
