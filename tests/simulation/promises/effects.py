"""E1: no effect without an intent; one effect an intent; one unsettled intent a target; unknown is probed, not repeated."""

from healer.executors.target import Order
from healer.remediation.model import Intent
from healer.store.inline import Memory
from healer.store.transactions import intents
from tests.simulation.court import Court
from tests.simulation.promises import Checker


class WrittenFirst(Checker):
    """Counts by the machines: each command is looked at when it starts, against the disk as it is then."""

    def __init__(self, court: Court, memory: Memory) -> None:
        self._court = court
        self._connection = memory.connection
        self._had: dict[str, Order] = {}
        self._of_step: dict[tuple[str, int], str] = {}

    def starts(self, order: Order) -> None:
        """A command starts on a machine."""
        intent = intents.one(self._connection, order.intent)
        if intent is None:
            self._court.accuse("E1", f"an effect on {order.target} without an intent: {order.intent}")
            return
        wrong = self._unlike(intent, order) or self._repeats(intent, order)
        if wrong:
            self._court.accuse("E1", f"intent {order.intent} on {order.target}: {wrong}")
        self._had[order.intent] = order
        self._of_step[intent.remediation, intent.step] = order.intent

    def _unlike(self, intent: Intent, order: Order) -> str:
        if intent.outcome:
            return f"it was settled as {intent.outcome}, and now it starts"
        if (intent.target, intent.argv, intent.token) != (order.target, order.argv, order.token):
            return "what starts is not what was written"
        unsettled = [one.id for one in intents.unsettled(self._connection) if one.target == order.target]
        return "" if unsettled == [intent.id] else f"unsettled there are {unsettled}"

    def _repeats(self, intent: Intent, order: Order) -> str:
        if intent.idempotent:
            return ""
        if order.intent in self._had:
            return "it has an effect twice"
        before = self._of_step.get((intent.remediation, intent.step))
        return f"its step had an effect as {before} already" if before else ""
