"""What every action of the kubernetes executor answers, and the values in which it does."""

from typing import Protocol

from healer.executors.kubernetes.api import Api, Json
from healer.executors.kubernetes.held import Held
from healer.executors.target import Result
from healer.executors.view import View

Given = dict[str, str | float | int | bool]
"""The parameters of a call: durations are microseconds."""


class Look(Protocol):
    """A call that can look. `resources` are where its object may be found, in this order."""

    @property
    def resources(self) -> tuple[str, ...]: ...

    async def view(self, api: Api, path: str, found: Json, given: Given) -> View:
        """Look and dry-run. Raises Denied and Unsent."""
        ...


class Action(Look, Protocol):
    """One call of the catalogue."""

    async def act(self, held: Held, given: Given) -> Result:
        """Have the effect. Raises Denied (nothing happened), Lost, Unsent, Gone, Overtaken."""
        ...

    async def settle(self, held: Held, given: Given, *, ours: bool) -> Result:
        """What became of an intent, seen by a prober that holds the object now. `ours`: the intent had come so far as to hold
        it, or the object is known to be the one that was meant."""
        ...

    def gone(self, given: Given) -> Result:
        """What became of an intent whose object is not there any more."""
        ...


def nothing(why: str) -> Result:
    """Known to have had no effect, and never to have one."""
    return Result("failed", why=why, started=False)
