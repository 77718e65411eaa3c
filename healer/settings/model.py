"""All settings, each part as its room declares it."""

import hashlib
from pathlib import Path
from typing import Any, Literal

import msgspec

from healer.alerts.matchers import Matchers
from healer.audit.settings import Audit
from healer.changes.settings import Changes
from healer.convergence.settings import Convergence
from healer.documents.fields import Secret
from healer.journey.settings import Journal
from healer.locks.settings import Locks
from healer.notification.oncall.settings import Oncall
from healer.notification.settings import Channel, Route
from healer.rehearsal.drill import Drill
from healer.remediation.settings import Guards
from healer.settings.outside import Alertmanager, Executors, Prometheus, Rules, Watchdog
from healer.store.settings import Store
from healer.telemetry.settings import Log, Telemetry
from healer.topology.settings import TopologySettings
from healer.web.settings import Server
from notifiers.secret import Secret as ChannelSecret

Place = Literal["shadow", "lead", "only"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One installation's configuration, complete and checked. The defaults are the embedded healer."""

    server: Server = Server()
    """Where healer listens, and to whom."""
    store: Store = Store()
    """Where healer keeps what it must not forget."""
    locks: Locks = Locks()
    """Who may touch a target now."""
    place: Place = "shadow"
    """Beside Alertmanager: `shadow` acts on nothing, `lead` tells first and Alertmanager later, `only` has no other."""
    topology: TopologySettings = TopologySettings()
    """What can fail, and what fails with it."""
    convergence: Convergence = Convergence()
    """How alerts fall into incidents."""
    changes: Changes = Changes()
    """Pushes and deployments, told by Git hosts."""
    journal: Journal = Journal()
    """What is recorded, and for how long."""
    health: dict[str, str] = msgspec.field(default_factory=lambda: {"host": 'up{instance="{{ node.instance }}"}'})
    """By kind of node, the Prometheus query whose value 1 means healthy; `node` has the node's id and attributes."""
    calendars: dict[str, Path] = {}
    """Files with the times that a rule's `except: calendar("NAME")` means, by a name of your choice."""
    audit: Audit = Audit()
    """The log of decisions and effects."""
    rules: Rules = Rules()
    """Which rules decide on remedies."""
    prometheus: tuple[Prometheus, ...] = ()
    """Who answers queries; the first whose matchers hold."""
    alertmanager: Alertmanager = Alertmanager()
    """Whom to reconcile with."""
    channels: dict[str, Channel] = {}
    """Ways to reach people, by a name of your choice."""
    routes: tuple[Route, ...] = ()
    """Who hears of what; without any, every channel hears of everything."""
    oncall: Oncall = Oncall()
    """Who is on call, and who is next when nobody answers."""
    telemetry: Telemetry = Telemetry()
    """What healer tells of itself."""
    watchdog: Watchdog = Watchdog()
    """healer's own heartbeat."""
    drills: dict[str, Drill] = {}
    """Rehearsals, by name: an alert about a canary that goes through the whole loop."""
    guards: Guards = Guards()
    """How far healing may go here, whatever a rule says."""
    executors: Executors = Executors()
    """What carries actions out."""
    log: Log = Log()
    """Log lines."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Whom a rule's `notify` may name."""
        return (*self.channels, *self.oncall.people, *self.oncall.schedules)

    def document(self) -> bytes:
        """All settings as canonical JSON, with `***` for every secret: what is kept with the journal's versions."""
        return _encoder.encode(self)

    def digest(self) -> str:
        """SHA-256 of `document()`, in hexadecimal: equal settings are equal, whatever their secrets."""
        return hashlib.sha256(self.document()).hexdigest()

    def secrets(self) -> tuple[str, ...]:
        """The text of every secret in them: for whoever has to keep them out of what is written."""
        found: list[str] = []

        def reveal(value: Any) -> Any:
            if isinstance(value, Secret | ChannelSecret):
                found.append(value.reveal())
                return ""
            return _shown(value)

        msgspec.json.encode(self, enc_hook=reveal)
        return tuple(found)


def _shown(value: Any) -> Any:
    """How a value of a type of its own is shown."""
    if isinstance(value, Secret):
        return repr(value)
    if isinstance(value, Matchers):
        return [str(one) for one in value]
    if isinstance(value, Path):
        return str(value)
    # Channels bring types of their own. What is not known here may be a secret, so only its type is shown.
    return f"<{type(value).__name__}>"


_encoder = msgspec.json.Encoder(enc_hook=_shown, order="sorted")
