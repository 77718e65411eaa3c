"""E4: after the kill switch commits no intent is written, and no effect starts later than a second after it.

By who threw it and when that was committed, never by what was read of it. A file stops the same effects; an intent may be on its
way to the disk when it is made.
"""

from collections.abc import Sequence

from healer.executors.target import Order
from healer.remediation.model import Intent
from healer.remediation.ports import Switch
from healer.seams import Clock
from healer.store.transactions.switches import SUSPENDER
from healer.times import SECOND, Micros
from tests.simulation.court import Court
from tests.simulation.promises.arrows import Arrows, Follower

LATEST: Micros = SECOND
FILE = "file"


class Stopped(Follower):
    """Looks at every intent and every command."""

    def __init__(self, court: Court, arrows: Arrows, clock: Clock) -> None:
        self._court = court
        self._arrows = arrows
        self._clock = clock
        self._since: dict[str, Micros] = {}
        self.count = 0

    def thrown(self, scope: str) -> None:
        """It is on the disk."""
        self._since.setdefault(scope, self._clock.now())
        self.count += 1

    def released(self, scope: str) -> None:
        """Somebody is about to release it."""
        self._since.pop(scope, None)

    def read(self, switches: Sequence[Switch]) -> None:
        """What the disk has by now; what healer suspends by itself is another matter."""
        for switch in switches:
            if switch.by == SUSPENDER or switch.thrown == (switch.scope in self._since):
                continue
            (self.thrown if switch.thrown else self.released)(switch.scope)

    def written(self, intent: Intent) -> None:
        if since := self._stands(intent.remediation, file=False):
            ago = (self._clock.now() - since) // SECOND
            self._court.accuse("E4", f"intent {intent.id} is written {ago} s after the switch was thrown")

    def starts(self, order: Order) -> None:
        intent = self._arrows.intents.get(order.intent)
        since = self._stands(intent.remediation, file=True) if intent is not None else 0
        if since and self._clock.now() > since + LATEST:
            ago = (self._clock.now() - since) / SECOND
            self._court.accuse("E4", f"{order.intent} starts on {order.target} {ago} s after the switch was thrown")

    def _stands(self, remediation: str, *, file: bool) -> Micros:
        """Since when nothing may begin for it, or 0."""
        scopes = ["all", f"rule:{self._arrows.remediations[remediation].plan.rule}", *([FILE] if file else [])]
        return min((self._since[scope] for scope in scopes if scope in self._since), default=0)
