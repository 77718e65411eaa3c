"""What is read from a look: the change that an action would make, and whether it took effect. Values of every kind of state."""

from collections.abc import Mapping
from typing import Literal

import msgspec

Given = Mapping[str, str | float | int | bool]
"""The action's parameters: durations are microseconds, sizes bytes, percentages ratios."""


class Change(msgspec.Struct, frozen=True):
    """The difference between the present state and the wanted one, in words.

    `nothing` is an empty difference: the step is a recorded no-op. `impossible`: the action cannot work here.
    """

    now: str
    wanted: str = ""
    verdict: Literal["change", "nothing", "impossible"] = "change"

    @property
    def sentence(self) -> str:
        """For people: `now -> wanted`, or why there is none."""
        if self.verdict == "nothing":
            return f"nothing to do: {self.now}"
        if self.verdict == "impossible":
            return f"it cannot work: {self.now}"
        return f"{self.now} -> {self.wanted}" if self.wanted else self.now


class Proof(msgspec.Struct, frozen=True):
    """Whether an effect can be seen. None: what is seen cannot tell, and verification judges alone."""

    took: bool | None
    why: str


def shown_size(size: int) -> str:
    """A number of bytes as people read it: `1.5GiB`."""
    for unit, power in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << power:
            return f"{size / (1 << power):.3g}{unit}"
    return f"{size}B"


def fields(output: str) -> dict[str, str]:
    """Lines of `Name=value`."""
    return {name: value for name, mark, value in (line.partition("=") for line in output.splitlines()) if mark}
