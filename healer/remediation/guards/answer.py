"""What a guard answers: its name, yes or no, and by how much. Shown by `healer plan`, kept with each intent. Pure."""

from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec

from healer.remediation.model import GuardName, Plan, PlanStep, Refused
from healer.times import Micros

O = TypeVar("O")  # noqa: E741 - what is observed, or counted
Guard = Callable[[Plan, PlanStep, O], "Answer"]
"""May this step of this plan be run, by what was observed (or counted)?"""


class Answer(msgspec.Struct, frozen=True):
    """`why` has the numbers, of a yes too. From `retry_at` on waiting helps, 0 where nobody knows; `ends` as in `Refused`."""

    guard: GuardName
    allows: bool
    why: str
    retry_at: Micros = 0
    ends: Literal["", "refused", "superseded"] = ""

    @property
    def refused(self) -> Refused | None:
        """The no; None for a yes."""
        return None if self.allows else Refused(self.guard, self.why, self.retry_at, self.ends)

    def __str__(self) -> str:
        return f"{self.guard}: {self.why}"


def yes(guard: GuardName, why: str) -> Answer:
    """Nothing stands against it."""
    return Answer(guard, True, why)


def no(guard: GuardName, why: str, *, retry_at: Micros = 0, ends: Literal["", "refused", "superseded"] = "") -> Answer:
    """It must not be."""
    return Answer(guard, False, why, retry_at, ends)
