"""What the service is made of: everything that it touches outside, and what its files say. `healer.bootstrap` makes both."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from healer.alertmanager.backstop import Place
from healer.alertmanager.client import Source
from healer.audit.anchoring import Anchoring
from healer.executors.target import Target
from healer.heartbeat.agents import Roster
from healer.heartbeat.watch import Ping
from healer.journey.charter import Deciding, RuleText
from healer.journey.rosters import Feed
from healer.journey.tenure import Tenure
from healer.locks.ports import LockService
from healer.notification.conduct import Conduct
from healer.notification.deliver import Sender
from healer.notification.wording import Speech
from healer.prometheus.rules import Source as PrometheusSource
from healer.prometheus.telling import Probe
from healer.rehearsal.drill import Drill
from healer.remediation.home import Home
from healer.remediation.observing import Halted
from healer.remediation.verify import Asker
from healer.requests.answering import Cluster
from healer.seams import Clock, Random, Spawn
from healer.settings.outside import Watchdog
from healer.store.store import Store
from healer.survey.apart import Apart
from healer.survey.standing import Terms
from healer.telemetry.exporting import Sink
from healer.telemetry.redacting import Redactor
from healer.times import MINUTE, SECOND, Micros
from healer.topology import graph
from healer.topology import source as topology_source


class Alertmanager(Source, Place, Protocol):
    """One Alertmanager, read and, in `lead`, held back."""


class Ports(msgspec.Struct, frozen=True):
    """Everything that touches the outside."""

    clock: Clock
    random: Random
    spawn: Spawn
    store: Store
    locks: LockService
    targets: Mapping[str, Target]
    senders: Mapping[str, Sender]
    asker: Asker
    alertmanagers: Sequence[Alertmanager] = ()
    prometheus: Sequence[PrometheusSource] = ()
    ping: Ping | None = None
    sink: Sink | None = None
    requests: Sequence[Cluster] = ()
    """Where people ask for remediations with objects of a cluster."""
    sources: Sequence[topology_source.Source] = ()
    """Of the topology: those that are asked again and again."""
    apart: Apart | None = None
    """Does the work on large graphs, for those sources too."""
    feeds: Sequence[Feed] = ()
    """Calendars that say who is on call: those that are asked again and again."""
    anchoring: Anchoring | None = None
    """Sends heads of the audit log outside."""
    agents: Roster | None = None
    """The machines that dial in for their orders."""
    home: Home = Home()
    """What healer itself stands on."""
    halted: Halted = lambda _: ""
    """Looks for the pause file."""
    probe: Probe | None = None
    """Asks URLs."""
    tenure: Tenure | None = None
    """The right to converge, where several processes share the store."""
    locks_outside: bool = False
    """Whether the locks are kept by somebody else, who may be gone."""
    redact: Callable[[str], str] = Redactor()
    """Takes secrets out of what the outside says, before it is kept."""


class Plan(msgspec.Struct, frozen=True):
    """What the files say: what decides, and a few settings that do not. Durations are microseconds."""

    deciding: Deciding
    topology: graph.Topology
    """What the files say."""
    rules: tuple[RuleText, ...]
    base_url: str = ""
    snapshot_every: int = 500_000
    reconcile_every: Micros = 30 * SECOND
    silences_every: Micros = 5 * SECOND
    grace_s: int = 5
    retention: Micros = 0
    """How long the past is kept; 0 keeps it for ever."""
    watchdog: Watchdog | None = None
    last_resort: tuple[str, ...] = ()
    """Channels that are told from memory when the store is lost."""
    speech: dict[str, Speech] = {}
    """In which language and time zone each channel is told, where it is not plain English in UTC."""
    conduct: dict[str, Conduct] = {}
    """How each channel wants to be treated, where there is something to be said of it."""
    trace_sample: float = 1.0
    drills: Mapping[str, Drill] = {}
    """Rehearsals, by name."""
    sources: tuple[tuple[str, str], ...] = (("file", "file"),)
    """Names and kinds of the topology's sources, the one that is believed first at first."""
    terms: Terms = Terms(shrink=1.0, confirm=0, trouble_after=5 * MINUTE, linger=0)
