"""A1: an alert answered with 2xx survives a crash at any instant, and is decided afterwards."""

from healer.alerts.identity import canonical
from healer.assembly import Healer
from tests.simulation.alerting import Alerting, Sent
from tests.simulation.court import Court
from tests.simulation.promises import Checker
from tests.simulation.tape import Tape


class Accepted(Checker):
    """Counts by the sender's own list."""

    def __init__(self, court: Court, tape: Tape, alerting: Alerting) -> None:
        self._court = court
        self._tape = tape
        self._alerting = alerting
        self.count = 0
        alerting.on_acknowledged = self.acknowledged

    def acknowledged(self, batch: list[Sent]) -> None:
        """The sender heard 2xx: a kill at this instant must find all of it on the disk."""
        self._tape.pull()
        self.count += len(batch)
        for sent in batch:
            if not self._position(sent):
                self._court.accuse("A1", f"answered with 2xx and not in the journal: {sent}")

    def recovered(self, healer: Healer) -> None:
        """What was accepted before the crash is applied, and the engine knows the last that was said of each alert."""
        self._tape.pull()
        for labels, sent in self._alerting.acknowledged.items():
            position = self._position(sent)
            if position > healer.owner.applied:
                self._court.accuse("A1", f"accepted at position {position} and not decided after recovery: {sent}")
            if self._alerting.attempted[labels] != sent or self._tape.last[labels] != (sent.firing, sent.starts_at):
                continue
            known = healer.owner.fold.engine.alert(canonical(dict(labels)))
            fires = known is not None and known.status != "resolved"
            # Whether a person's word was heeded is another checker's question (`words`).
            closed = (known is not None and known.resolution == "person") or sent.starts_at <= self._tape.closed_at
            if sent.firing and not fires and (closed or self._vanished(sent, position)):
                continue
            if fires != sent.firing and not (known is not None and known.resolution == "expired"):
                self._court.accuse("A1", f"after recovery the engine takes {sent} for {known and known.status}")

    def _position(self, sent: Sent) -> int:
        """Where the journal says it, or 0. That it fires until an instant says the same as that it ended then."""
        tape = self._tape
        said = tape.delivered.get((sent.labels, sent.firing, sent.starts_at), 0)
        return said or (not sent.firing and tape.until.get((sent.labels, sent.starts_at, sent.ends_at), 0))

    def _vanished(self, sent: Sent, position: int) -> bool:
        """Whether Alertmanager said that it knows it no more, before it could tell that it ended; and it did end."""
        goes_on = any(
            one.labels == sent.labels and one.fires and one.starts_at == sent.starts_at for one in self._alerting.rules
        )
        return self._tape.vanished.get(canonical(dict(sent.labels)), 0) > position and not goes_on
