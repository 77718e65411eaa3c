"""What the suite needs of a fleet, whatever executor reaches it: orders that do something, a log of effects, a cut."""

from typing import Literal, Protocol

from healer.executors.target import Order, Target

Does = Literal["succeed", "fail", "work", "hang", "babble", "show"]
"""Ends well with "fine" · fails · well, after a second · never, and ignores TERM · 5000 bytes of output ·
no effect: "state" and exit code 3."""


class Bench(Protocol):
    """One fleet with one executor. Intents are unique to a test: the fleet may be shared."""

    failure: int
    """The exit code of what does `fail`."""

    @property
    def target(self) -> Target: ...

    def order(self, intent: str, token: int, *, step: int = 0, node: str = "cn-1", does: Does = "succeed") -> Order:
        """An order with a deadline of 2 s if it hangs and 20 s otherwise."""
        ...

    def effects(self) -> list[str]:
        """The intents of this test that the fleet's own log says were started, one for each start."""
        ...


class Machines(Bench, Protocol):
    """A fleet whose machines remember what they were told."""

    reports_later: bool
    """What was cut off is heard of again without being asked: the run itself comes to its end."""

    def cut(self) -> None:
        """Lose every connection that is open now."""
        ...


async def go() -> bool:
    """Nobody has thrown the kill switch."""
    return True


async def no_go() -> bool:
    """The kill switch was thrown after the intent was written."""
    return False
