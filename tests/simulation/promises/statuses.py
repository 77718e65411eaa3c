"""A2: every firing alert has exactly one status, true to what it names, and none stays untold without one firing root."""

from functools import partial

from healer.alerts.identity import labels_of
from healer.assembly import Healer
from healer.convergence.outcome import AlertView, Incident
from healer.convergence.settings import LEVELS, Convergence
from healer.journey.ports import Step
from healer.times import Micros, format_duration
from tests.simulation.court import Court
from tests.simulation.datacentre import Datacentre
from tests.simulation.options import Options
from tests.simulation.promises import Checker
from tests.simulation.promises.patience import Look, Patience
from tests.simulation.standing import Standing
from tests.simulation.tape import Tape

SLACK = Convergence().slack


class Statuses(Checker):
    """Looks at every alert after every committed step."""

    def __init__(self, court: Court, tape: Tape, options: Options, datacentre: Datacentre, standing: Standing) -> None:
        self._court = court
        self._tape = tape
        self._options = options
        self._datacentre = datacentre
        self._standing = standing
        self._patience = Patience(options)
        self._looked: Micros = 0
        self._window: Micros = 0
        self.count = 0
        self.causes = 0
        """Alerts of which nobody said that they are explained, and that had an alert above."""

    def recovered(self, healer: Healer) -> None:
        self._look(healer)

    def stepped(self, healer: Healer, step: Step) -> None:
        self._look(healer)

    def _look(self, healer: Healer) -> None:
        fold = healer.owner.fold
        self._tape.pull()
        wall = fold.engine.now
        now = wall - self._tape.away(healer.owner.applied)
        self._standing.advance(healer.owner.applied, wall)
        self._window = healer.owner.fold.charter.settings.convergence.window
        alerts = {alert.labels: alert for alert in fold.engine.alerts()}
        incidents = {incident.id: incident for incident in fold.incidents()}
        heard = {id for id, incident in incidents.items() if self._looked < incident.opened_at}
        self._looked = wall
        for alert in alerts.values():
            self.count += 1
            wrong = self._wrong(alert, alerts, incidents, wall) or self._patience.too_long(
                alert, alerts, Look(now, wall, heard, partial(self._tape.ends, healer.owner.applied))
            )
            if wrong:
                self._court.accuse("A2", f"{_words(alert)} is {alert.status}: {wrong}")
        self._patience.forget(alerts)

    def _wrong(
        self, alert: AlertView, alerts: dict[bytes, AlertView], incidents: dict[str, Incident], wall: Micros
    ) -> str:
        """What its status says must be so."""
        by = alerts.get(alert.by) if alert.by else None
        incident = incidents.get(alert.incident)
        if alert.status == "resolved":
            return ""
        if alert.status == "held":
            return "its hold is over" if wall >= alert.held_until else ""
        if alert.status == "silenced":
            return self._wrong_silence(alert, wall)
        if alert.status == "suppressed":
            return self._wrong_cause(alert, by, wall)
        if alert.status == "root" and (missed := self._missed(alert, alerts)):
            return f"{_words(missed)} is above it, fires and fits"
        if incident is None or incident.status != "open":
            return f"its incident {alert.incident!r} is {incident.status if incident else 'not there'}"
        if alert.status == "member":
            if by is None or by.status == "resolved" or by.node != alert.node:
                return f"the root that it names does not fire in its place: {by and _words(by)}"
            return "" if by.incident == alert.incident else "it is in another incident than its root"
        return ""

    def _wrong_silence(self, alert: AlertView, wall: Micros) -> str:
        word = self._standing.word(alert.silence)
        if word is None or not word.begins <= wall < word.ends:
            return f"the word that it names does not stand: {alert.silence!r}"
        return "" if word in self._standing.on(alert.node, wall) else f"{alert.silence} is not about it"

    def _missed(self, alert: AlertView, alerts: dict[bytes, AlertView]) -> AlertView | None:
        """An unexplained alert that fires above it, as far as the topology is known by now, and explains it by rule 1."""
        above = set(self._standing.above(alert.node))
        if not above or alert.code == "UNTOLD_TOO_LONG" or self._standing.wordy:
            return None
        for one in alerts.values():
            if one.node not in above or one.status == "resolved" or (one.by and one.status != "member"):
                continue
            self.causes += 1
            later = alert.onset - one.onset
            if LEVELS.index(one.severity) >= LEVELS.index(alert.severity) and -SLACK <= later <= self._window:
                return one
        return None

    def _wrong_cause(self, alert: AlertView, by: AlertView | None, wall: Micros) -> str:
        if by is None:
            return "it names nobody, or somebody that is forgotten"
        if by.by and by.status != "member":
            return f"what explains it ({_words(by)}) is explained itself"
        if by.ended_at and wall - by.ended_at >= self._options.settle:
            ago = format_duration(wall - by.ended_at)
            return f"what explains it ({_words(by)}) ended {ago} ago, settle is {format_duration(self._options.settle)}"
        # A person's word may put what is above it beneath another.
        if by.node not in self._datacentre.above(alert.node) and not self._standing.wordy:
            return f"what explains it ({_words(by)}) is not above it"
        return "" if by.incident == alert.incident else "it is in another incident than what explains it"


def _words(alert: AlertView) -> str:
    labels = labels_of(alert.labels)
    return f"{labels['alertname']} on {labels.get('node', 'nothing')}"
