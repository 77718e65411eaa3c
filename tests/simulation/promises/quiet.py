"""Maintenance and silences: nothing is told of what they cover nor run where somebody works; their end is judged afresh.

By people's words as the journal has them, each from the step that applied it.
"""

from healer.alerts.identity import labels_of
from healer.assembly import Healer
from healer.convergence.outcome import AlertView
from healer.executors.target import Order
from healer.journey.ports import Step
from healer.store.inline import Memory
from healer.store.transactions import intents
from healer.times import SECOND, Micros
from tests.simulation.court import Court
from tests.simulation.options import Options
from tests.simulation.promises import Checker
from tests.simulation.standing import Standing
from tests.simulation.tape import Tape

OBSERVED: Micros = 10 * SECOND
"""How old what a guard knows may be."""


class LeftAlone(Checker):
    """Looks at every alert after every committed step, and at each command."""

    def __init__(self, court: Court, tape: Tape, options: Options, standing: Standing, memory: Memory) -> None:
        self._court = court
        self._tape = tape
        self._options = options
        self._standing = standing
        self._connection = memory.connection
        self._covered: dict[bytes, Micros] = {}
        """Alerts that were covered at the last look, and when that was."""
        self._freed: dict[bytes, Micros] = {}
        """Alerts that were left by the last word after that instant: it ended, or an edge was cut."""
        self._known: set[str] = set()
        self.count = 0

    def starts(self, order: Order) -> None:
        """A command starts on a machine."""
        intent = intents.one(self._connection, order.intent)
        if intent is None:
            return  # E1 has a word for that
        for word in self._standing.on(order.target, intent.written_at):
            if word.work and self._standing.about_since(word, order.target) + OBSERVED <= intent.written_at:
                self._court.accuse("maintenance", f"a command starts on {order.target}, where somebody works: {word}")

    def stepped(self, healer: Healer, step: Step) -> None:
        fold = healer.owner.fold
        self._tape.pull()
        self._standing.advance(healer.owner.applied, fold.engine.now)
        wall = fold.engine.now
        now = wall - self._tape.away(healer.owner.applied)
        alerts = [one for one in fold.engine.alerts() if one.status != "resolved"]
        covered: dict[bytes, Micros] = {}
        for alert in alerts:
            words = self._standing.on(alert.node, wall) if alert.node else []
            if words:
                self.count += 1
                covered[alert.labels] = now
                if alert.status != "silenced":
                    self._court.accuse("maintenance", f"{_words(alert)} is {alert.status}, and a word covers it")
            elif alert.labels in self._covered:
                self._freed[alert.labels] = self._covered[alert.labels]
        self._covered = covered
        self._told_at_once(alerts, now)
        self._known = {one.id for one in fold.incidents()}

    def _told_at_once(self, alerts: list[AlertView], now: Micros) -> None:
        """What still fires when a word ended waits for its cause, as what is new does."""
        firing = {one.labels: one for one in alerts}
        for labels, after in list(self._freed.items()):
            alert = firing.get(labels)
            if alert is None or alert.status != "root" or labels in self._covered or now - after >= self._options.hold:
                if alert is None or alert.status != "held" or labels in self._covered:
                    del self._freed[labels]
                continue
            alone = sum(one.node == alert.node for one in alerts) == 1
            if alone and not alert.flapping and not alert.person and alert.incident not in self._known:
                self._court.accuse("maintenance", f"{_words(alert)} is told at once when its silence ends")
            del self._freed[labels]


def _words(alert: AlertView) -> str:
    labels = labels_of(alert.labels)
    return f"{labels['alertname']} on {labels.get('node', 'nothing')}"
