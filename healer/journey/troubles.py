"""What is wrong with healer itself? Each trouble is an alert like any other, which the fold's engine is told. Pure."""

from healer.alerts.identity import canonical, labels_of
from healer.alerts.model import Alert
from healer.convergence.engine import Engine
from healer.notification.own import ALERT, is_own
from healer.times import Micros

STORM = "storm"
"""The code of the alert that is a storm's one message."""
_SENDER = "healer"


class Troubles:
    """The alerts about healer itself that an engine knows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        known = (labels_of(labels).get("code", "") for labels in engine.known() if is_own(labels))
        self._codes = dict.fromkeys((STORM, *known))
        """What may be wrong."""

    def say(self, code: str, firing: bool, position: int, at: Micros, lasts: Micros = 0) -> None:
        """Something is wrong, or is not any more. It lasts until it is said to end, or for so long."""
        self._codes[code] = None
        ends_at = at + lasts if lasts or not firing else 0
        self._engine.deliver(_SENDER, (Alert(_labels(code), firing, at, ends_at),), position, at)

    def has(self, code: str) -> bool:
        """Whether something of this kind is wrong, as far as it was said."""
        alert = self._engine.alert(_labels(code))
        return alert is not None and alert.status != "resolved"

    def all(self) -> list[str]:
        """The codes of all that is wrong."""
        return [code for code in self._codes if self.has(code)]

    def weather(self) -> bool:
        """Rule 13: a storm of the engine's is an alert, and so one incident with one message. Whether that was news."""
        storms, now = self._engine.storm is not None, self._engine.now
        if storms is self.has(STORM):
            return False
        # No record says so, and an instant is as good for the incident's id as a position.
        self.say(STORM, storms, now, now)
        return True

    def storm_incident(self) -> str:
        """The incident that speaks for a storm; "" where there is none."""
        alert = self._engine.alert(_labels(STORM)) if self._engine.storm is not None else None
        return alert.incident if alert is not None else ""


def _labels(code: str) -> bytes:
    return canonical({"alertname": ALERT, "severity": "critical", "code": code})
