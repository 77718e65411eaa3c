"""A part of the topology as a picture that can be read on a telephone: a tree, what is broken in red, what it hurts in orange.

Drawn by Pillow, which is the extra `pictures` and is loaded when a channel wants pictures. Called by whoever delivers, off the
event loop: a picture takes some milliseconds.
"""

from collections.abc import Sequence
from importlib import import_module
from io import BytesIO
from typing import Any

from healer.notification.part import Condition, Node, Part

WIDTH = 720
"""Pixels: what a telephone shows without scaling."""
ROW = 56
MARGIN = 24
INDENT = 36
FONT = 28
RADIUS = 10
MOST_CHARACTERS = 34
"""Of a name; the end of it tells more than its beginning."""

_PAPER, _INK, _WIRE = "#ffffff", "#1c1c1e", "#8e8e93"
_FILLS: dict[Condition, tuple[str, str]] = {
    "root": ("#c62828", "#ffffff"),
    "hurt": ("#ffcc80", _INK),
    "on the way": ("#eceff1", _INK),
}


class ExtraMissing(Exception):
    """The extra is not installed, and how to install it."""


class Pencil:
    """Draws. Raises ExtraMissing when it is made without the extra."""

    def __init__(self) -> None:
        try:
            self._images: Any = import_module("PIL.Image")
            self._draws: Any = import_module("PIL.ImageDraw")
            fonts: Any = import_module("PIL.ImageFont")
        except ImportError:
            raise ExtraMissing(
                "a channel with pictures needs the extra pictures: install healer-oncall[pictures], or take pictures out"
            ) from None
        self._font: Any = fonts.load_default(FONT)

    def draw(self, part: Part, more: str = "+ {count} more") -> bytes:
        """A PNG of a few kilobytes. `more` says how many are not shown."""
        size = (WIDTH, 2 * MARGIN + ROW * len(part.nodes))
        image = self._images.new("RGB", size, _PAPER)
        canvas = self._draws.Draw(image)
        for row, node in enumerate(part.nodes):
            self._wire(canvas, part.nodes, row)
            self._box(canvas, node, row, more)
        file = BytesIO()
        image.quantize(16).save(file, "PNG", optimize=True)
        return file.getvalue()

    def _box(self, canvas: Any, node: Node, row: int, more: str) -> None:
        fill, ink = _FILLS[node.condition]
        left, top = _corner(node, row)
        text = _short(node.name) if not node.hidden else more.format(count=node.hidden)
        width = canvas.textlength(text, font=self._font)
        while left + width + 2 * RADIUS > WIDTH - MARGIN and len(text) > 1:
            text = f"…{text.lstrip('…')[1:]}"
            width = canvas.textlength(text, font=self._font)
        box = (left, top, left + width + 2 * RADIUS, top + ROW - RADIUS)
        canvas.rounded_rectangle(box, RADIUS, fill=fill)
        canvas.text((left + RADIUS, top + (ROW - RADIUS) / 2), text, fill=ink, font=self._font, anchor="lm")

    def _wire(self, canvas: Any, nodes: Sequence[Node], row: int) -> None:
        """From what it hangs on: the last before it that is not as deep."""
        node = nodes[row]
        over = next((one for one in range(row - 1, -1, -1) if nodes[one].depth < node.depth), None)
        if over is None:
            return
        left, top = _corner(node, row)
        from_left, from_top = _corner(nodes[over], over)
        x, y = from_left + INDENT / 2, top + (ROW - RADIUS) / 2
        canvas.line([(x, from_top + ROW - RADIUS), (x, y), (left, y)], fill=_WIRE, width=3)


def _corner(node: Node, row: int) -> tuple[int, int]:
    return MARGIN + INDENT * min(node.depth, 8), MARGIN + ROW * row


def _short(name: str) -> str:
    return name if len(name) <= MOST_CHARACTERS else f"…{name[1 - MOST_CHARACTERS :]}"
