"""A2: every firing alert has exactly one status, true to what it names, and none stays untold without one firing root."""

from healer.alerts.identity import labels_of
from healer.assembly import Healer
from healer.convergence.outcome import AlertView, Incident
from healer.journey.ports import Step
from healer.times import Micros, format_duration
from tests.simulation.alertmanager import Silences
from tests.simulation.court import Court
from tests.simulation.datacentre import Datacentre
from tests.simulation.options import Options
from tests.simulation.promises import Checker
from tests.simulation.promises.patience import Look, Patience
from tests.simulation.tape import Tape


class Statuses(Checker):
    """Looks at every alert after every committed step."""

    def __init__(self, court: Court, tape: Tape, options: Options, datacentre: Datacentre, silences: Silences) -> None:
        self._court = court
        self._tape = tape
        self._options = options
        self._datacentre = datacentre
        self._silences = {silence.id: silence for silence in silences.all}
        self._patience = Patience(options)
        self._looked: Micros = 0
        self.count = 0

    def recovered(self, healer: Healer) -> None:
        self._look(healer)

    def stepped(self, healer: Healer, step: Step) -> None:
        self._look(healer)

    def _look(self, healer: Healer) -> None:
        fold = healer.owner.fold
        self._tape.pull()
        wall = fold.engine.now
        now = wall - self._tape.away(healer.owner.applied)
        alerts = {alert.labels: alert for alert in fold.engine.alerts()}
        incidents = {incident.id: incident for incident in fold.incidents()}
        heard = {id for id, incident in incidents.items() if self._looked < incident.opened_at}
        self._looked = wall
        for alert in alerts.values():
            self.count += 1
            wrong = self._wrong(alert, alerts, incidents, wall) or self._patience.too_long(
                alert, alerts, Look(now, wall, heard)
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
        if incident is None or incident.status != "open":
            return f"its incident {alert.incident!r} is {incident.status if incident else 'not there'}"
        if alert.status == "member":
            if by is None or by.status == "resolved" or by.node != alert.node:
                return f"the root that it names does not fire in its place: {by and _words(by)}"
            return "" if by.incident == alert.incident else "it is in another incident than its root"
        return ""

    def _wrong_silence(self, alert: AlertView, wall: Micros) -> str:
        silence = self._silences.get(alert.silence)
        if silence is None or not silence.starts_at <= wall < silence.ends_at:
            return f"the silence that it names does not stand: {alert.silence!r}"
        return "" if silence.matchers[0].value == alert.node else f"{alert.silence} is not about it"

    def _wrong_cause(self, alert: AlertView, by: AlertView | None, wall: Micros) -> str:
        if by is None:
            return "it names nobody, or somebody that is forgotten"
        if by.by and by.status != "member":
            return f"what explains it ({_words(by)}) is explained itself"
        if by.ended_at and wall - by.ended_at >= self._options.settle:
            ago = format_duration(wall - by.ended_at)
            return f"what explains it ({_words(by)}) ended {ago} ago, settle is {format_duration(self._options.settle)}"
        if by.node not in self._datacentre.above(alert.node):
            return f"what explains it ({_words(by)}) is not above it"
        return "" if by.incident == alert.incident else "it is in another incident than what explains it"


def _words(alert: AlertView) -> str:
    labels = labels_of(alert.labels)
    return f"{labels['alertname']} on {labels.get('node', 'nothing')}"
