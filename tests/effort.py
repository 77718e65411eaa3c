"""How much a heavy test does: enough for every change (`ci`), or as much as a claim needs (`full`)."""

import os
from typing import Literal, Self

import msgspec


class Effort(msgspec.Struct, frozen=True):
    """`HEALER_EFFORT`, and what follows from it: `effort.pick(ci=500, full=20_000)`."""

    name: Literal["ci", "full"]

    @classmethod
    def from_environment(cls) -> Self:
        """Read `HEALER_EFFORT`; nothing said means `ci`. Raises ValueError for another word."""
        word = os.environ.get("HEALER_EFFORT", "ci")
        if word not in ("ci", "full"):
            raise ValueError(f"HEALER_EFFORT is {word!r}: say ci or full")
        return cls("full" if word == "full" else "ci")

    def pick(self, *, ci: int, full: int) -> int:
        return full if self.name == "full" else ci
