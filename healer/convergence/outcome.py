"""What the engine says after a step: frozen values, per incident and never per alert.

`Incident` is the projection that the store keeps and people read; `Happening` is one line of an incident's timeline, from
which the trace is projected too.
"""

from typing import Literal

import msgspec

from healer.changes.model import Touched
from healer.times import Micros, format_rfc3339

Status = Literal["open", "resolved", "merged"]
AlertStatus = Literal["held", "root", "member", "suppressed", "silenced", "resolved"]
Stage = Literal["detect", "converge", "decide", "execute", "verify", "notify"]


class Root(msgspec.Struct, frozen=True):
    """The alert that nothing else explains: the incident's face.

    `labels` is canonical JSON; `node` is "" when unmapped, `beneath` its topmost ancestor; `hard` means down, not degraded.
    """

    labels: bytes
    name: str
    node: str
    beneath: str
    severity: str
    hard: bool
    starts_at: Micros
    onset: Micros
    onset_from: Literal["startsAt", "for", "activeAt", "judged afresh"]


class Candidate(msgspec.Struct, frozen=True):
    """A node that could be the cause. `labels` is its alert, b"" for a silent suspect; `score` in millionths; `why` in words."""

    node: str
    labels: bytes
    score: int
    why: tuple[str, ...]


class Confidence(msgspec.Struct, frozen=True):
    """How sure a name is, in millionths, None for not known yet; `right` of `of` roots that were found so proved right here."""

    value: int | None = None
    right: int = 0
    of: int = 0


How = Literal["direct", "ranked", "silent", "unmapped", "person"]


class Naming(msgspec.Struct, frozen=True):
    """How an incident got its name, and who else could be the cause. `root` is None where it is the face that the rules chose.

    `weigh_at` alerts are to be weighed anew; `face` is whom it was weighed for.
    """

    how: How = "direct"
    root: Root | None = None
    candidates: tuple[Candidate, ...] = ()
    weigh_at: int = 0
    face: bytes = b""


class People(msgspec.Struct, frozen=True):
    """What people said of an incident, by their names: "" where nobody did. `acked_at` is wall time.

    `suspect` is the node that was blamed and has no alert: a silent root. `how` the root had been found that was judged first.
    `silenced_until` is wall time, 0 for until it is over.
    """

    acked_by: str = ""
    acked_at: Micros = 0
    confirmed_by: str = ""
    blamed_by: str = ""
    suspect: str = ""
    closed_by: str = ""
    how: str = ""
    silenced_by: str = ""
    silenced_until: Micros = 0


class Incident(msgspec.Struct, frozen=True):
    """A root with all it explains. Counts are of alerts; `resolution` is how the last one ended, "" while open.

    `told` is False while people need not hear of it (its root is silenced, or its severity is ignored). `revision` grows
    with every change. `beside` is the incident whose root would explain this one, were it not to be told in any case;
    `said_again` counts how often people were reminded of what is suppressed here. `how` the root was found among `candidates`,
    best first; `named` is the best one's alert where it is not the root by the rules, which decide who is suppressed and healed.
    `changes` are deployments and pushes shortly before, near its root, the newest first.
    """

    id: str
    trace_id: str
    status: Status
    severity: str
    title: str
    root: Root
    began_at: Micros
    opened_at: Micros
    resolved_at: Micros
    firing: int
    members: int
    suppressed: int
    total: int
    told: bool
    revision: int
    resolution: str = ""
    merged_into: str = ""
    reopened: int = 0
    beside: str = ""
    said_again: int = 0
    flapping: bool = False
    storm: bool = False
    people: People = People()
    owner: str = ""
    affected: tuple[str, ...] = ()
    how: How = "direct"
    named: Root | None = None
    candidates: tuple[Candidate, ...] = ()
    confidence: Confidence = Confidence()
    changes: tuple[Touched, ...] = ()


class Storm(msgspec.Struct, frozen=True):
    """Too many new roots at once: since when (wall time), and how many incidents opened in it."""

    since: Micros
    opened: int


class Happening(msgspec.Struct, frozen=True):
    """One line of an incident's timeline. `code` is from a closed set; `facts` fills in the words that belong to it."""

    incident: str
    at: Micros
    stage: Stage
    code: str
    facts: dict[str, str] = {}


class AlertView(msgspec.Struct, frozen=True):
    """One alert as the engine judges it now, for the API and for whoever asks why."""

    labels: bytes
    node: str
    status: AlertStatus
    code: str
    by: bytes
    starts_at: Micros
    onset: Micros
    ended_at: Micros
    resolution: str
    severity: str
    incident: str
    held_until: Micros
    distance: int = 0
    silence: str = ""
    spoken_at: Micros = 0
    person: str = ""
    onset_from: str = ""
    beside: bytes = b""
    flapping: bool = False


class AtWork(msgspec.Struct, frozen=True):
    """Maintenance that is under way on a node: which, by whom, on what, until when (wall time), and what for."""

    id: str
    by: str
    what: str
    until: Micros
    comment: str = ""

    def __str__(self) -> str:
        comment = f": {self.comment}" if self.comment else ""
        return f"{self.by}, who has {self.what} in maintenance until {format_rfc3339(self.until)}{comment}"
