"""People's words: what was answered is in the journal, counts once, and what it says is so, until a later word or an end.

What a word makes of an incident is looked at where its record was a step of its own.
"""

from healer.assembly import Healer
from healer.convergence.outcome import AlertView, Incident
from healer.convergence.people import Said
from healer.journey.ports import Step
from healer.times import Micros
from tests.simulation.court import Court
from tests.simulation.promises import Checker
from tests.simulation.tape import Tape

SAID = {"acknowledged", "confirmed", "blamed", "split", "merged by hand", "noted", "closed"}
PROMISE = "words"


class Heeded(Checker):
    """Looks at what each word did, after the step that applied it, and at what is to last after every step."""

    def __init__(self, court: Court, tape: Tape) -> None:
        self._court = court
        self._tape = tape
        self._read = 0
        self._keys: set[str] = set()
        self._alerts: dict[bytes, AlertView] = {}
        self._incidents: dict[str, Incident] = {}
        self._acked: dict[str, tuple[str, int]] = {}
        self._closed: dict[bytes, Micros] = {}
        self._lines: dict[tuple[str, str], int] = {}
        self.count = 0

    def stepped(self, healer: Healer, step: Step) -> None:
        fold = healer.owner.fold
        self._tape.pull()
        alerts = {one.labels: one for one in fold.engine.alerts()}
        incidents = {one.id: one for one in fold.incidents()}
        for said in self._new(step):
            wrong = self._unheeded(said, alerts, incidents, step) if step.first == step.last else ""
            if wrong:
                self._court.accuse(PROMISE, f"{said.by} said {said.verb} of incident {said.incident}: {wrong}")
        self._once(step)
        self._lasts(alerts, incidents)
        self._alerts, self._incidents = alerts, incidents

    def _new(self, step: Step) -> list[Said]:
        found = []
        while self._read < len(self._tape.words) and self._tape.words[self._read].position <= step.last:
            row = self._tape.words[self._read]
            self._read += 1
            if isinstance(row.record, Said) and row.record.key not in self._keys and row.position >= step.first:
                self._keys.add(row.record.key)
                found.append(row.record)
        return found

    def _unheeded(self, said: Said, alerts: dict[bytes, AlertView], incidents: dict[str, Incident], step: Step) -> str:
        """What is not so after a word, in words."""
        before, after = self._incidents.get(said.incident), incidents.get(said.incident)
        if before is None or after is None or before.status != "open":
            return ""
        self.count += 1
        if said.verb == "ack" and after.status == "open":
            self._acked[said.incident] = (said.by, after.reopened)
            return "" if after.people.acked_by == said.by else f"it is acknowledged by {after.people.acked_by!r}"
        if said.verb == "confirm":
            return "" if after.people.confirmed_by == said.by else f"it is confirmed by {after.people.confirmed_by!r}"
        if said.verb == "close":
            return self._still_open(said, alerts, step)
        if said.verb == "split":
            stay = [one for one in said.alerts if self._was_of(one, before) and alerts[one].incident == before.id]
            return f"{stay[0]!r} is still in it" if stay and alerts[stay[0]].status != "resolved" else ""
        if said.verb == "merge":
            other = incidents.get(said.other)
            was = self._incidents.get(said.other)
            # Where nothing fires (a flapping incident stays open), there is nothing that could be merged.
            both = was is not None and was.status == "open" and was.firing and before.firing
            # What came and went often stays until it is calm, with nothing in it that fires.
            apart = both and other is not None and other.status == "open" and not (other.flapping and not other.firing)
            return "the other one is still open" if apart else ""
        return self._unblamed(said, after, alerts) if said.verb == "blame" else ""

    def _still_open(self, said: Said, alerts: dict[bytes, AlertView], step: Step) -> str:
        for labels, one in self._alerts.items():
            now = alerts.get(labels)
            if one.incident == said.incident and one.status != "resolved" and now is not None:
                if now.status != "resolved" and now.starts_at <= one.starts_at:
                    return f"{labels!r} still fires"
                self._closed[labels] = step.now
        return ""

    def _was_of(self, labels: bytes, incident: Incident) -> bool:
        """Whether it was one of an incident's alerts, and not what all others are explained by."""
        one, face = self._alerts.get(labels), self._alerts.get(incident.root.labels)
        root = face.by or face.labels if face is not None else b""
        return one is not None and one.incident == incident.id and labels not in (incident.root.labels, root)

    def _unblamed(self, said: Said, incident: Incident, alerts: dict[bytes, AlertView]) -> str:
        there = [one for one in alerts.values() if one.node == said.node and one.status != "resolved"]
        named = {incident.root.node, incident.named.node if incident.named else "", incident.people.suspect}
        if incident.status != "open" or said.node in named or any(one.status == "silenced" for one in there):
            return ""
        return f"{said.node} (with {len(there)} alerts) is not its root, but {incident.root.node}"

    def _once(self, step: Step) -> None:
        """Every line of a timeline that says a word is there once."""
        for line in step.timeline:
            if line.code in SAID and (by := line.facts.get("by", "")):
                first = self._lines.setdefault((by, line.code), step.number)
                if first != step.number:
                    self._court.accuse(PROMISE, f"what {by} said is {line.code} twice")

    def _lasts(self, alerts: dict[bytes, AlertView], incidents: dict[str, Incident]) -> None:
        for id, (by, reopened) in list(self._acked.items()):
            incident = incidents.get(id)
            if incident is None or incident.status != "open" or incident.reopened != reopened:
                del self._acked[id]
            elif incident.people.acked_by != by:
                self._court.accuse(PROMISE, f"{by} is on incident {id}, and it says {incident.people.acked_by!r}")
        for labels, closed_at in list(self._closed.items()):
            alert = alerts.get(labels)
            if alert is not None and alert.status != "resolved":
                del self._closed[labels]
                if alert.starts_at <= closed_at:
                    self._court.accuse(PROMISE, f"{labels!r} was closed, and counts again without having ended")
