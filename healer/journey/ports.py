"""What the journey needs of a store: one method per transaction (T1, T2), and what replay reads.

Implemented by `healer.store`. Every method may raise `StoreUnavailable` (nothing is known to have happened that the
method's words do not say) — and `commit` may raise `Overtaken`.
"""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeVar, get_args

import msgspec

from healer.alerts.model import Refusal
from healer.convergence.outcome import Happening, Incident
from healer.journey.records import Record
from healer.remediation.model import Plan, State
from healer.times import Micros

T = TypeVar("T")

Tidings = Literal["accepted", "decided", "wanted"]
"""That a record was appended, that a step was committed, that something is wanted told."""
TIDINGS: tuple[Tidings, ...] = get_args(Tidings)


class StoreUnavailable(Exception):
    """The store cannot answer now (disk full, locked, gone). `ambiguous`: the write may have happened all the same."""

    def __init__(self, why: str, *, ambiguous: bool = False) -> None:
        super().__init__(why)
        self.ambiguous = ambiguous


class Overtaken(Exception):
    """Another owner has a newer epoch, or has applied these positions already: memory is to be thrown away."""


class Arrival(msgspec.Struct, frozen=True):
    """A record for T1, with what is kept beside it: details (msgpack of `Detail`s in the order of the alerts) and refusals."""

    record: Record
    details: bytes = b""
    refusals: tuple[Refusal, ...] = ()


class Row(msgspec.Struct, frozen=True):
    """A journal row as replay reads it. `data` is `records.encode(record)`."""

    position: int
    at: Micros
    data: bytes


class Ownership(msgspec.Struct, frozen=True):
    """Who converges: `epoch` grows with every take-over. `step`, `applied`, `now` are the last committed step's."""

    epoch: int
    step: int
    applied: int
    now: Micros


class Term(msgspec.Struct, frozen=True):
    """Who converges, of several processes on one store: `name`, which answers at `url`, for `left` microseconds more by the
    store's clock. Not above 0: nobody does, until somebody stands in. `step` is the last committed one."""

    epoch: int
    step: int
    name: str
    url: str
    left: Micros


class Wanted(msgspec.Struct, frozen=True):
    """What one recipient should know of an incident by now. `story` is msgpack of `healer.notification.story.Story`.

    The told ledger keeps one row per (incident, channel); a newer `revision` replaces an older one that was not sent.
    Without `opens` only who was told before is told more: a silenced root makes no first notice. A `matter` is something that
    a person must act on: a row and a message of its own, which nothing newer replaces before it was heard, for those who may
    have heard of the incident before; to all others the story itself is new. Without `opens` it is what became of it. A call of
    an escalation is for whoever is called, whatever they heard, and tells what is so by then. What `ends` needs nobody any more:
    a row that nobody tried to tell goes.
    """

    incident: str
    channel: str
    revision: int
    story: bytes
    urgent: bool
    opens: bool = True
    matter: str = ""
    ends: bool = False


class Planned(msgspec.Struct, frozen=True):
    """A new remediation, decided in this step: `planned`, or `suggested`, `observed`, `refused`, which are final."""

    remediation: str
    plan: Plan
    state: State
    deadline: Micros
    detail: str = ""


class Superseded(msgspec.Struct, frozen=True):
    """A remediation that is not to go on (its incident ended or merged) if no intent of it was written yet."""

    remediation: str
    why: str


class Closed(msgspec.Struct, frozen=True):
    """The alerts of an incident that ended, as they stood (msgpack of `AlertView`s): memory forgets them."""

    incident: str
    alerts: bytes


class Step(msgspec.Struct, frozen=True):
    """Records `first`..`last` (last = first - 1 when only time passed) become decisions, at `now`. Written by T2 as one.

    `digest` is of all that follows it; replay must come to the same.
    """

    number: int
    epoch: int
    first: int
    last: int
    now: Micros
    digest: str
    incidents: tuple[Incident, ...] = ()
    timeline: tuple[Happening, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    planned: tuple[Planned, ...] = ()
    superseded: tuple[Superseded, ...] = ()
    closed: tuple[Closed, ...] = ()


class StepMark(msgspec.Struct, frozen=True):
    """What replay needs of a committed step."""

    number: int
    first: int
    last: int
    now: Micros
    digest: str


class Snapshot(msgspec.Struct, frozen=True):
    """The fold's whole state after step `number`. `version` is that of its format."""

    number: int
    applied: int
    now: Micros
    version: str
    data: bytes


class Journal(Protocol):
    """T1 and reading back."""

    async def append(self, arrivals: Sequence[Arrival]) -> list[tuple[int, Micros]]:
        """Write the arrivals durably, in order; their positions and times of acceptance (never decreasing).

        Returns only after the sync. Positions have no gaps and follow commit order.
        """
        ...

    async def read(self, after: int, limit: int) -> list[Row]:
        """At most `limit` rows with a position above `after`, in order; fewer, but at least one, where they are long."""
        ...


class Terms(Protocol):
    """Who converges, of several processes on one store. `now` is the clock's; a server's own clock goes before it."""

    async def term(self, *, now: Micros) -> Term:
        """Whose it is."""
        ...

    async def stand_in(self, owner: str, url: str, *, lease: Micros, now: Micros) -> Ownership | None:
        """Become the owner for so long, as `take_over` does, if nobody is, or `owner` itself; else None."""
        ...

    async def renew(self, owner: str, epoch: int, *, lease: Micros, now: Micros) -> None:
        """Stay the owner for so long from now, and let go of what processes that are gone had claimed. Raises Overtaken."""
        ...

    async def hand_over(self, epoch: int) -> None:
        """Let whoever comes first stand in at once. Nothing happens when somebody did already."""
        ...

    async def hear(self, after: int) -> None:
        """Have whoever listens hear what other processes appended, if the journal goes beyond position `after`."""
        ...


class Wakeups(Protocol):
    """Between processes on one store: there is something to look at. Whoever does not hear it finds it at its next look."""

    def ring(self, tidings: Tidings) -> None:
        """Have the others look soon. Waits for nobody."""
        ...

    async def wait(self, tidings: Tidings, within: float) -> bool:
        """Until another process rang for it, since the last wait, `within` seconds at most; whether one did. One task waits for
        each of them."""
        ...


class StepStore(Protocol):
    """T2 and what a new owner needs."""

    async def take_over(self, owner: str) -> Ownership:
        """Become the owner: raises the epoch by one."""
        ...

    async def commit(self, step: Step) -> None:
        """T2, if `epoch` is still ours and `applied` is `step.first - 1`, else raises Overtaken.

        Idempotent for the same step: after an ambiguous failure the same content may be given again, and it returns
        normally when it had been committed already by this epoch.
        """
        ...

    async def steps(self, after: int, limit: int) -> list[StepMark]:
        """At most `limit` committed steps with a number above `after`, in order."""
        ...

    async def snapshot(self, before: int = 0) -> Snapshot | None:
        """The newest snapshot, or None; with `before`, the newest of a step below it, for when the newest cannot be read."""
        ...

    async def aside(self, work: Callable[[], T]) -> T:
        """What `work` returns, run off the event loop. Raises StoreUnavailable when too much waits there."""
        ...

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep it, and the one before; older ones go."""
        ...

    async def keep_version(self, kind: str, content: bytes) -> str:
        """Keep a document (topology, settings, rules) once; returns its SHA-256 in hexadecimal."""
        ...

    async def version(self, digest: str) -> bytes:
        """The document with this hash. Raises KeyError."""
        ...
