"""The part of the topology that an incident is about: its root, what that hangs on, and what is hurt beneath it.

Pure, and small enough to be drawn for a telephone. Made by whoever has the graph, drawn by `healer.notification.drawing`.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

ABOVE = 3
"""Nodes above the root that are shown, the nearest: where it is."""
HURT = 12
"""Nodes beneath it that are shown, the nearest first."""

Condition = Literal["root", "hurt", "on the way"]


class Node(msgspec.Struct, frozen=True):
    """`depth` counts from what is shown at the top; `hidden` is how many more like it are not shown."""

    name: str
    depth: int
    condition: Condition
    hidden: int = 0


class Part(msgspec.Struct, frozen=True):
    """From the top down, each behind what it hangs on, as people read a tree."""

    nodes: tuple[Node, ...]


def part_of(root: str, above: Iterable[str], ways: Mapping[str, tuple[str, ...]]) -> Part:
    """`above` are the nodes above the root, the nearest first; `ways` has for each node that is hurt the nodes from beneath
    the root down to it, itself the last."""
    top = list(above)[:ABOVE][::-1]
    nodes = [Node(name, depth, "on the way") for depth, name in enumerate(top)]
    nodes.append(Node(root, len(top), "root"))
    found = sorted(
        ((way, name) for name, way in ways.items() if way and name != root), key=lambda one: (len(one[0]), one)
    )
    shown = [way for way, _ in found[:HURT]]
    lines: dict[tuple[str, ...], None] = {}
    for way in sorted(shown):
        lines.update(dict.fromkeys(way[: length + 1] for length in range(len(way))))
    hurt = {way for way, _ in found}
    for way in lines:
        condition: Condition = "hurt" if way in hurt else "on the way"
        nodes.append(Node(way[-1], len(top) + len(way), condition))
    if len(found) > HURT:
        nodes.append(Node("", len(top) + 1, "hurt", hidden=len(found) - HURT))
    return Part(tuple(nodes))
