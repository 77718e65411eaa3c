"""One way to a machine's power, while it is open. Implemented by `session` (Redfish) and `ipmi`, used by `target`."""

from typing import Protocol

import msgspec

from healer.executors.redfish.power import Step
from healer.executors.redfish.system import System
from healer.executors.target import Go


class Answer(msgspec.Struct, frozen=True):
    """What was said to a request. `code` is None where it was accepted, else how it failed, after it was begun.

    `task` is where its end can be learned.
    """

    said: str = ""
    code: int | None = None
    task: str = ""


class Chassis(Protocol):
    """The machine is known to be the one that was meant."""

    async def look(self) -> System:
        """How it is now. Raises Unsent."""
        ...

    async def send(self, step: Step, go: Go) -> Answer:
        """Ask for it, once. Raises Unsent, Lost, Stopped, and what `go` raises."""
        ...

    async def ended(self, answer: Answer) -> str | None:
        """Whether the task of an accepted request is over: None while it is not, else why it failed, "" if it did not.
        Raises Unsent."""
        ...
