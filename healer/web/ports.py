"""What the pages and the API read and ask of the rest of healer.

`Projections` is implemented by `healer.store` on its read-only connections, `View` by `healer.bootstrap` over the engine's
memory. `Service` is the bundle of everything that `create_app` needs.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from healer.accounts.rights import Covers
from healer.alerts.limits import Limits
from healer.alerts.maintenance import Maintenance
from healer.alerts.model import Detail, RefusedAlert
from healer.alerts.silences import Silence
from healer.audit.ports import Log
from healer.changes.model import Change
from healer.changes.settings import Changes
from healer.convergence.outcome import AlertView, Happening, Incident
from healer.executors.agent.agents import Agents
from healer.journey.ports import Journal
from healer.journey.tenure import Converging
from healer.notification.budget import Budget
from healer.notification.oncall.reach import Rota
from healer.notification.ports import LedgerRow
from healer.reload import Reloaded
from healer.remediation.model import Intent, Remediation
from healer.remediation.ports import Switch
from healer.remediation.request import Beneath
from healer.seams import Clock
from healer.survey.desk import Desk
from healer.telemetry.metrics import Registry
from healer.times import SECOND, Micros
from healer.web.settings import Auth


class Projections(Protocol):
    async def incidents(self, *, status: str = "", before: str = "", limit: int = 100) -> tuple[list[Incident], int]:
        """Newest first, from the one after `before` (an id), and how many there are in all."""
        ...

    async def incident(self, id: str) -> Incident | None: ...

    async def timeline(self, incident: str) -> list[Happening]: ...

    async def closed_alerts(self, incident: str) -> list[AlertView]:
        """The alerts of an incident that ended, as they stood then."""
        ...

    async def detail(self, position: int, index: int) -> Detail | None:
        """Annotations and link of the alert at this place of the journal."""
        ...

    async def refused(self, limit: int = 100) -> list[RefusedAlert]: ...


class Quiet(Protocol):
    """Silences and maintenance as the engine knows them."""

    def identify(self, position: int) -> str:
        """The id of what the record at this position of the journal said."""
        ...

    def own_silence(self, id: str) -> Silence | None: ...

    def all_silences(self) -> list[Silence]:
        """healer's own, some of them over, and those that are mirrored."""
        ...

    def maintenance(self) -> list[Maintenance]: ...

    def maintenance_of(self, id: str) -> Maintenance | None: ...

    def near(self, node: str) -> list[str] | None:
        """None for a node of the topology; else names of nodes that somebody may have meant, the nearest first."""
        ...


class View(Quiet, Protocol):
    """The engine's memory as of its last committed step."""

    async def settled(self) -> None:
        """Wait, for a bounded time, until what was accepted before this call has been applied and committed."""
        ...

    def alerts(self) -> Iterator[AlertView]:
        """Every alert known, in any order. The walk may pause while the engine goes on; alerts that come or go meanwhile may
        be missing or be there."""
        ...

    def alert_count(self) -> int: ...

    def alert(self, labels: bytes) -> AlertView | None:
        """The alert with this canonical label set."""
        ...

    def heard(self, key: str) -> bool:
        """Whether somebody's word came with this key of a client before."""
        ...

    def is_beneath(self, node: str, above: str) -> bool:
        """Whether a fault of the node `above` reaches `node`."""
        ...

    def incident_alerts(self, incident: str) -> list[AlertView]:
        """The alerts of an open incident; none for one that memory has forgotten."""
        ...

    def why(self, alert: AlertView) -> list[str]:
        """The reason for its status in sentences, the shortest first."""
        ...

    def where(self, labels: bytes) -> tuple[int, int] | None:
        """Position and index of an alert's newest delivery in the journal."""
        ...

    def channels(self) -> tuple[str, ...]:
        """The names of all channels."""
        ...

    def heard_of(self, change: Change) -> bool:
        """Whether this delivery of a Git host came before."""
        ...

    def touches(self, change: Change) -> tuple[str, ...]:
        """The nodes that a change touches."""
        ...

    def lag(self) -> int:
        """Alerts accepted and not yet applied."""
        ...

    def ready(self) -> tuple[bool, str]:
        """May requests be sent here? If not, why in a sentence."""
        ...


class Effects(Protocol):
    """What the API shows of remediations, and the kill switch: a part of `healer.remediation.ports.EffectStore`."""

    async def switches(self) -> list[Switch]: ...

    async def throw(self, switch: Switch) -> None: ...

    async def remediations(self, incident: str = "", limit: int = 100) -> list[Remediation]: ...

    async def remediation(self, id: str) -> Remediation | None: ...

    async def intents(self, remediation: str) -> list[Intent]: ...

    async def answer(
        self, id: str, say: Callable[[Remediation], Remediation], *, now: Micros
    ) -> Remediation | None: ...


class Told(Protocol):
    """What the API shows of the told ledger: a part of `healer.notification.ports.ToldLedger`."""

    async def rows(self, *, incident: str = "", state: str = "", limit: int = 100) -> list[LedgerRow]: ...

    async def resend(self, incident: str, channel: str, *, now: Micros) -> bool: ...


class Hook(Protocol):
    """Takes what Telegram sends of buttons that people pressed. Implemented by `healer.bootstrap`, which knows the channels."""

    def admits(self, secret: str) -> bool:
        """Whether this is the secret of a channel. Never, where none has one."""
        ...

    async def take(self, secret: str, body: bytes) -> bool:
        """Do what was pressed, and answer whoever pressed; False for what cannot be read."""
        ...


class Delivery(msgspec.Struct, frozen=True):
    """A callback as it came in."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Answered(msgspec.Struct, frozen=True):
    """What a callback is answered, with 200."""

    body: bytes = b""
    kind: str = "text/plain"
    """Its content type."""


class Callback(Protocol):
    """Takes what WeCom, or Feishu, sends: buttons that people pressed, commands that they wrote. Implemented by
    `healer.bootstrap`."""

    @property
    def open(self) -> bool:
        """Whether anything could be genuine: some channel has the secrets for it."""
        ...

    async def take(self, delivery: Delivery) -> Answered | None:
        """Do what was pressed; None for what the provider did not send. In time for its deadline."""
        ...


class Drills(Protocol):
    """Rehearsals. Implemented by `healer.rehearsal.drilling`; what they say is for JSON."""

    async def all(self) -> list[dict[str, Any]]:
        """Every drill with its last run."""
        ...

    async def last(self, name: str) -> dict[str, Any] | None:
        """How the last run of one goes, or went; None where it was never run."""
        ...

    def start(self, name: str) -> dict[str, Any] | None:
        """Begin one, unless it runs already, and say how far it is; None where there is no such drill."""
        ...


class Bounds(msgspec.Struct, frozen=True):
    """Limits of the HTTP side: bytes, alerts, and microseconds."""

    body: int = 64 << 20
    """Bytes of one request, after decompression."""
    bodies: int = 256 << 20
    """Bytes of all requests that are being read or stored at the same moment; above it the answer is 503."""
    read: Micros = 60 * SECOND
    """For a sender to send its body."""
    store: Micros = 15 * SECOND
    """For the store to take it: Alertmanager is better served by a 503 than by silence."""
    max_lag: int = 100_000
    """`journal.max_lag`: alerts that may wait for the engine."""
    alerts: Limits = Limits()


class Service(msgspec.Struct, frozen=True):
    """Everything that the HTTP side needs."""

    journal: Journal
    view: View
    projections: Projections
    effects: Effects
    told: Told
    clock: Clock
    registry: Registry
    desk: Desk | None = None
    foresee: Callable[[Mapping[str, str], Micros], Awaitable[dict[str, Any]]] | None = None
    """What would happen for an alert with these labels and this start (0: now); see `healer.rehearsal.preview`."""
    preview: Callable[[str, str], str | None] | None = None
    """What a channel's readers would read of an incident under way; None where there is no such incident or channel."""
    rules: Callable[[], Awaitable[list[dict[str, Any]]]] | None = None
    """What each rule has done, and may do; see `healer.rehearsal.record`."""
    """What is asked of the topology and said to it; without one there are no such routes."""
    rota: Callable[[], Rota] | None = None
    """All that says who is on call; without it there is no such route."""
    budget: Callable[[Micros], Awaitable[Budget]] | None = None
    """The noise budget of so long a time up to now; without it there is no such route."""
    reload: Callable[[], Awaitable[Reloaded]] | None = None
    """Reads the configuration again; without it there is no such route."""
    drills: Drills | None = None
    """Rehearsals; without it there are no such routes."""
    hook: Hook | None = None
    """Takes buttons that people pressed; without one none are taken over HTTP."""
    callbacks: Mapping[str, Callback] = {}
    """... those of `wecom` and `feishu`."""
    audit: Log | None = None
    """The log of decisions and effects; without one there are no such routes."""
    converging: Callable[[], Converging | None] = lambda: None
    """Who converges, of several replicas; None where there is only one."""
    halted: Callable[[], str] = lambda: ""
    """Why nothing may be begun, whatever the switches say: a file on healer's machine."""
    doubt: Callable[[str], str] = lambda _: ""
    """What is wrong with a scope of the kill switch: nothing is called so. "" where nothing is wrong."""
    redact: Callable[[str], str] = str
    """Takes secrets out of what is shown as it comes in."""
    installation: str = ""
    auth: Auth = Auth()
    beneath: Callable[[str], Beneath] = lambda _: Beneath(0)
    """What a fault of a node reaches."""
    covers: Covers = lambda matchers, _: not matchers
    """Whether a node of the topology, by name, has what matchers of its attributes ask for."""
    changes: Changes = Changes()
    """Whose word on changes counts."""
    agents: Agents | None = None
    """The machines that dial in; without them there are no such routes."""
    open_metrics: bool = True
    """/metrics needs no credentials, as in the Prometheus family."""
    bounds: Bounds = Bounds()
