"""A2: every firing alert has exactly one status, true to what it names, and none stays untold without one firing root."""

import msgspec

from healer.alerts.identity import labels_of
from healer.assembly import Healer
from healer.convergence.outcome import AlertView, Incident
from healer.journey.ports import Step
from healer.times import SECOND, Micros, format_duration
from tests.simulation.court import Court
from tests.simulation.datacentre import Datacentre
from tests.simulation.options import Options
from tests.simulation.promises import Checker
from tests.simulation.tape import Tape


class Untold(msgspec.Struct):
    """One alert that people do not hear of. Instants are engine time, which stands still while nobody steps."""

    since: Micros
    onset: Micros
    causes: set[bytes]
    """What explained it at some time, and fires since then, or fired less than settle ago."""
    covered_since: Micros
    """Since when some such cause always fired: another one takes over while one before it still does."""


class Statuses(Checker):
    """Looks at every alert after every committed step."""

    def __init__(self, court: Court, tape: Tape, options: Options, datacentre: Datacentre) -> None:
        self._court = court
        self._tape = tape
        self._options = options
        self._datacentre = datacentre
        self._held: dict[bytes, Micros] = {}
        self._untold: dict[bytes, Untold] = {}
        self.count = 0

    def recovered(self, healer: Healer) -> None:
        self._look(healer)

    def stepped(self, healer: Healer, step: Step) -> None:
        self._look(healer)

    def _look(self, healer: Healer) -> None:
        fold = healer.owner.fold
        self._tape.pull()
        wall = fold.engine.now
        now = wall - self._tape.away
        alerts = {alert.labels: alert for alert in fold.engine.alerts()}
        incidents = {incident.id: incident for incident in fold.incidents()}
        for alert in alerts.values():
            self.count += 1
            wrong = self._wrong(alert, alerts, incidents, wall) or self._waits_too_long(alert, alerts, now)
            if wrong:
                self._court.accuse("A2", f"{_words(alert)} is {alert.status}: {wrong}")
        for gone in [labels for labels in self._untold if labels not in alerts]:
            del self._untold[gone]

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
        if alert.status == "suppressed":
            return self._wrong_cause(alert, by, wall)
        if incident is None or incident.status != "open":
            return f"its incident {alert.incident!r} is {incident.status if incident else 'not there'}"
        if alert.status == "member":
            if by is None or by.status == "resolved" or by.node != alert.node:
                return f"the root that it names does not fire in its place: {by and _words(by)}"
            return "" if by.incident == alert.incident else "it is in another incident than its root"
        return "" if alert.status == "root" else "no such status"

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

    def _waits_too_long(self, alert: AlertView, alerts: dict[bytes, AlertView], now: Micros) -> str:
        """Held at most `hold`; untold at most `max_untold` without one continuously firing root."""
        if alert.status != "held":
            self._held.pop(alert.labels, None)
        else:
            since = self._held.setdefault(alert.labels, now)
            limit = self._options.settle if alert.code == "CONTESTED" else self._options.hold
            if now - since > limit:
                return f"it is held for {format_duration(now - since)}, at most {format_duration(limit)}"
        if alert.status not in ("held", "suppressed"):
            self._untold.pop(alert.labels, None)
            return ""
        known = self._untold.get(alert.labels)
        if known is None or alert.onset > known.onset:
            # Judged afresh (rule 9) it begins anew, as if it had arrived then.
            known = self._untold[alert.labels] = Untold(now, alert.onset, set(), now)
        # One that fires again within settle is the same cause (rule 12): memory forgets it only then.
        known.causes = {one for one in known.causes if one in alerts}
        if alert.by and alert.by not in known.causes:
            if all(alerts[one].ended_at for one in known.causes):
                known.causes, known.covered_since = set(), now
            known.causes.add(alert.by)
        limit = self._options.max_untold + self._options.settle
        untold, covered = now - known.since, now - known.covered_since
        if untold > limit and covered < untold - limit:
            return f"it is untold for {_seconds(untold)}, without one root for longer than {_seconds(covered)}"
        return ""


def _words(alert: AlertView) -> str:
    labels = labels_of(alert.labels)
    return f"{labels['alertname']} on {labels.get('node', 'nothing')}"


def _seconds(duration: Micros) -> str:
    return format_duration(duration // SECOND * SECOND)
