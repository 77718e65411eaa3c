"""E2: a target obeys only who is newer than all it has accepted, and one at a time. By the target's own log."""

from collections.abc import Sequence
from typing import Protocol

from healer.executors.memory import Effect
from healer.executors.target import Order
from healer.seams import Clock
from tests.simulation.court import Court


class Log(Protocol):
    """What was done, by those it was done to, and their clock."""

    @property
    def clock(self) -> Clock: ...

    @property
    def effects(self) -> Sequence[Effect]: ...


class Fenced:
    """Looks at each token that a target accepts, and at each command that starts."""

    def __init__(self, court: Court, fleet: Log) -> None:
        self._court = court
        self._fleet = fleet
        self._newest: dict[str, tuple[int, int]] = {}
        self.overtaken = 0
        """How often a token was accepted while an older attempt had not begun, or had not ended, by what was sent."""

    def accepted(self, order: Order) -> None:
        """A target answered this run or probe by its (token, step)."""
        before = self._newest.get(order.target, (0, 0))
        self.overtaken += before < (order.token, order.step) and before != (0, 0)
        self._newest[order.target] = max(before, (order.token, order.step))

    def starts(self, order: Order) -> None:
        mine, newest = (order.token, order.step), self._newest.get(order.target, (0, 0))
        if mine < newest:
            self._court.accuse("E2", f"{order.intent} starts on {order.target} with {mine}, and {newest} was there")
        now = self._fleet.clock.monotonic()
        for effect in reversed(self._fleet.effects):
            if effect.target != order.target:
                continue
            if effect.ends_at > now:
                self._court.accuse("E2", f"{order.intent} starts on {order.target} while {effect.intent} runs there")
            if mine <= (effect.token, effect.step):
                self._court.accuse("E2", f"{order.intent} starts with {mine}, after {effect.intent}, which was newer")
            break
