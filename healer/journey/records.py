"""The journal's records: everything that can change a decision.

T1 appends them, `healer.journey.fold` applies them in the order of their positions, replay reads them again. A new kind
of record is a new Struct here; an old one is never changed, because journals outlive versions.
"""

from typing import Literal

import msgspec

from healer.alerts.maintenance import Maintenance
from healer.alerts.model import Alert
from healer.alerts.silences import Silence
from healer.changes.model import Change
from healer.convergence.lasting import Rule
from healer.convergence.people import Said
from healer.notification.oncall.turns import Shift
from healer.times import Micros
from healer.topology.patch import Patch


class Delivered(msgspec.Struct, frozen=True, array_like=True, tag="alerts"):
    """Alerts of one request. Their details lie beside the record, in the journal's own column."""

    sender: str
    alerts: tuple[Alert, ...]


class Silenced(msgspec.Struct, frozen=True, array_like=True, tag="silences"):
    """All silences one source knows, replacing what it said before. `readable=False`: it did not answer."""

    source: str
    readable: bool
    silences: tuple[Silence, ...] = ()


class Hushed(msgspec.Struct, frozen=True, array_like=True, tag="silence"):
    """A silence was said to healer itself. Without an id it is new; with one it changes that silence, or takes its place.

    `about` is the incident under whose message that was said; `key` the client's own: one that was heard before changes nothing.
    """

    silence: Silence
    about: str = ""
    key: str = ""


class Maintained(msgspec.Struct, frozen=True, array_like=True, tag="maintenance"):
    """Somebody is about to work somewhere. Its id is made from this record's position."""

    maintenance: Maintenance


class Extended(msgspec.Struct, frozen=True, array_like=True, tag="extend"):
    """Maintenance takes until then, by whom."""

    id: str
    until: Micros
    by: str


class Lifted(msgspec.Struct, frozen=True, array_like=True, tag="lift"):
    """A silence that was said to healer, or maintenance, is taken back, by whom."""

    id: str
    by: str


class Began(msgspec.Struct, frozen=True, array_like=True, tag="onsets"):
    """A Prometheus says since when (`activeAt`) the conditions behind alerts, by canonical labels, hold."""

    source: str
    alerts: tuple[tuple[bytes, Micros], ...]


class Lasting(msgspec.Struct, frozen=True, array_like=True, tag="rules"):
    """All alerting rules of a Prometheus that wait before they fire, in place of those it had before."""

    source: str
    rules: tuple[Rule, ...]


class Vanished(msgspec.Struct, frozen=True, array_like=True, tag="vanished"):
    """Alerts (by canonical labels) that no Alertmanager knows any more, found by reconciling."""

    labels: tuple[bytes, ...]


class Adopted(msgspec.Struct, frozen=True, array_like=True, tag="adopted"):
    """From here on these versions decide: hashes of documents kept in the store's `version` table."""

    topology: str
    settings: str
    rules: str


class Rewired(msgspec.Struct, frozen=True, array_like=True, tag="topology"):
    """The topology changed by this much since what was adopted, and what was said of it after that."""

    patch: Patch


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What a query said. `value` is None when it could not say, and `why` tells; `text` is what an alert says in words."""

    query: str
    value: float | None
    sampled_at: Micros
    why: str = ""
    text: str | None = None


class Answered(msgspec.Struct, frozen=True, array_like=True, tag="answers"):
    """Answers to the queries that a rule needs for an incident."""

    incident: str
    rule: str
    answers: tuple[Answer, ...]


class Progressed(msgspec.Struct, frozen=True, array_like=True, tag="remediation"):
    """A remediation reached a state (see `healer.remediation.model.STATES`)."""

    remediation: str
    incident: str
    state: str
    detail: str = ""
    at: Micros = 0
    doubted: bool = False
    """What its `then` did was not verified."""


class Switched(msgspec.Struct, frozen=True, array_like=True, tag="switch"):
    """The kill switch was thrown or released, by whom and why."""

    scope: str
    thrown: bool
    by: str
    why: str = ""


class Changed(msgspec.Struct, frozen=True, array_like=True, tag="change"):
    """Something was pushed or deployed, or a deployment went on."""

    change: Change


class Rostered(msgspec.Struct, frozen=True, array_like=True, tag="oncall"):
    """All turns that the calendar of a schedule says, in place of those that it said before."""

    schedule: str
    shifts: tuple[Shift, ...]


class Resumed(msgspec.Struct, frozen=True, array_like=True, tag="resume"):
    """Nobody stepped for `gap`: deadlines of hold, settle, expiry and flap move by it."""

    gap: Micros


class Troubled(msgspec.Struct, frozen=True, array_like=True, tag="trouble"):
    """Something is wrong with healer itself or its sources; told as a root of its own until it ends."""

    code: str
    firing: bool
    detail: str = ""


Record = (
    Delivered
    | Silenced
    | Hushed
    | Maintained
    | Extended
    | Lifted
    | Vanished
    | Adopted
    | Rewired
    | Answered
    | Progressed
    | Switched
    | Resumed
    | Troubled
    | Said
    | Began
    | Lasting
    | Changed
    | Rostered
)

ResolutionKind = Literal["sent", "expired", "vanished", "superseded", "person"]

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    """The record as msgpack."""
    return _encoder.encode(record)


def decode(data: bytes) -> Record:
    """The record again. Raises msgspec.DecodeError, which only a damaged store or a newer version can cause."""
    record: Record = _decoder.decode(data)
    return record


class Entry(msgspec.Struct, frozen=True):
    """A record with its place: position in commit order without gaps, and when it was accepted."""

    position: int
    at: Micros
    record: Record
