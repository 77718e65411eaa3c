"""How would it have gone under other settings, another topology, other rules? The recorded arrivals, folded twice. Pure.

Called by `healer replay`. Nothing is sent, run or written; `meanwhile` says what becomes of what was never asked, or begun.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Literal, NamedTuple, Protocol

import msgspec

from healer.convergence.outcome import AlertView, Incident
from healer.journey.charter import Charter
from healer.journey.fold import Fold
from healer.journey.ports import Closed, Planned, Step
from healer.journey.records import Adopted, Delivered, Entry, Progressed
from healer.journey.refold import Charters, Past, Refold
from healer.rehearsal.meanwhile import Ask, Meanwhile
from healer.rehearsal.remedies import Remedies, Would, kept_back, would_of
from healer.rehearsal.replay import Heard, Span, begin
from healer.rehearsal.stopping import Ledger, refuse
from healer.remediation.model import Refused, Remediation
from healer.times import Micros


class Otherwise(NamedTuple):
    """What to try. `charter` makes it of what was in force; with `rewired` the topology changes as it did."""

    charter: Callable[[Charter], Charter]
    rewired: bool = True


Episode = tuple[bytes, int]
"""An alert by its labels, and when it began to fire."""
What = Literal["other root", "gone", "new", "told", "not told", "other alerts"]

_views = msgspec.msgpack.Decoder(list[AlertView]).decode


class Ended(msgspec.Struct, frozen=True):
    """An incident as it stood last, with its alerts."""

    incident: Incident
    alerts: frozenset[Episode]


class Course(msgspec.Struct, frozen=True):
    """How it went: what became of `alerts` episodes. A notice is one incident's first message to one channel."""

    alerts: int
    incidents: dict[str, Ended]
    notices: int
    edits: int
    remedies: Remedies = Remedies()
    unknown: int = 0
    """Rules of incidents that had to do without an answer, because it is gone."""

    @property
    def told(self) -> int:
        """Incidents that people heard of, or would have with a channel."""
        return sum(one.incident.told for one in self.incidents.values())

    @property
    def compression(self) -> float:
        """1 - told incidents / alerts."""
        return 1 - self.told / self.alerts if self.alerts else 0.0


class Change(msgspec.Struct, frozen=True):
    """One incident that would have been otherwise. `gained` and `lost` are numbers of alerts; `into` has most of a gone one's."""

    what: What
    before: Incident | None
    after: Incident | None
    gained: int = 0
    lost: int = 0
    into: str = ""


class Recorded(Past, Protocol):
    """What a store kept, and whether it kept a remediation."""

    async def remediation(self, id: str) -> Remediation | None: ...


async def went(
    past: Recorded,
    charters: Charters,
    installation: str,
    span: Span,
    heard: Heard,
    otherwise: Otherwise | None = None,
    ask: Ask | None = None,
) -> Course:
    """Fold the span's records, as it was or otherwise. What opened, or was planned, in the span counts.

    `ask` says what queries would have said then, where nobody recorded it.
    """

    async def tried(adopted: Adopted) -> Charter:
        charter = await charters(adopted)
        return otherwise.charter(charter) if otherwise else charter

    async def known(remediation: str) -> bool:
        return await past.remediation(remediation) is not None

    meanwhile = Meanwhile(known, ask) if otherwise is not None else None
    refold = Refold(past, tried, installation, rewired=otherwise is None or otherwise.rewired, between=meanwhile)
    await begin(refold, past, span)
    if refold.fold is not None and otherwise is not None:
        _turn(refold.fold, refold.position)
    log = _Log(span, meanwhile.judged if meanwhile is not None else {})
    async with aclosing(refold.run()) as steps:
        async for again in steps:
            if again.mark.now > span.until:
                break
            heard(again.mark)
            log.hear(again.entries)
            if again.step is not None:
                assert refold.fold is not None, "a step was folded"
                log.write(again.step, refold.fold)
            log.hear(meanwhile.take() if meanwhile is not None else ())
    return log.course(refold.fold, len(meanwhile.unknown) if meanwhile is not None else 0)


def _turn(fold: Fold, position: int) -> None:
    """What a snapshot remembers was judged as it was: judge it anew, by what is tried."""
    fold.apply(Entry(position, fold.engine.now, fold.charter.adopted), fold.charter)


class _Log:
    """Gathers what a fold says."""

    def __init__(self, span: Span, judged: Mapping[str, tuple[Micros, Refused | None]]) -> None:
        self._span = span
        self._judged = judged
        self._alerts: set[Episode] = set()
        self._incidents: dict[str, Incident] = {}
        self._closed: dict[str, frozenset[Episode]] = {}
        self._told: set[tuple[str, str]] = set()
        self._edits = 0
        self._would: dict[str, Would] = {}
        self._ledger = Ledger()

    def hear(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if isinstance(entry.record, Delivered) and entry.at in self._span:
                self._alerts.update((one.labels, one.starts_at) for one in entry.record.alerts if one.firing)
            elif isinstance(entry.record, Progressed):
                self._progress(entry.record, entry.at)

    def _progress(self, record: Progressed, at: Micros) -> None:
        self._ledger.progress(record, at)
        would = self._would.get(record.remediation)
        if would is not None:
            stopped = record.detail.partition(": ")[0] if record.state == "refused" else ""
            self._would[record.remediation] = msgspec.structs.replace(
                would, state=record.state, guard=would.guard or stopped
            )

    def _plan(self, planned: Planned, fold: Fold) -> None:
        self._ledger.plan(planned)
        at, refused = self._judged.get(planned.remediation) or (
            fold.engine.now,
            refuse(fold, planned.remediation, planned.plan, self._ledger),
        )
        would = would_of(planned, at, refused.guard if refused is not None else "")
        self._would[planned.remediation] = would
        if refused is None and kept_back(planned):
            self._ledger.pretend(planned, at)

    def write(self, step: Step, fold: Fold) -> None:
        for incident in step.incidents:
            self._incidents[incident.id] = incident
        for closed in step.closed:
            self._close(closed)
        if step.now in self._span:
            for planned in step.planned:
                self._plan(planned, fold)
            for wanted in step.wanted:
                to = (wanted.incident, wanted.channel)
                if to in self._told:
                    self._edits += 1
                elif wanted.opens:
                    self._told.add(to)

    def course(self, fold: Fold | None, unknown: int) -> Course:
        ended: dict[str, Ended] = {}
        for id, incident in self._incidents.items():
            if incident.status == "merged" or incident.opened_at not in self._span:
                continue
            alerts = self._closed.get(id)
            if alerts is None and fold is not None:
                alerts = _episodes(fold.engine.incident_alerts(id))
            ended[id] = Ended(incident, alerts or frozenset())
        return Course(
            len(self._alerts), ended, len(self._told), self._edits, Remedies(tuple(self._would.values())), unknown
        )

    def _close(self, closed: Closed) -> None:
        self._closed[closed.incident] = _episodes(_views(closed.alerts))


def _episodes(views: Iterable[AlertView]) -> frozenset[Episode]:
    return frozenset((view.labels, view.starts_at) for view in views)


def changes(before: Course, after: Course) -> list[Change]:
    """What would have been otherwise, oldest first. Which incident is which, the alerts in common say."""
    pairs = _pairs(before, after)
    found: list[Change] = []
    for id, was in before.incidents.items():
        if id not in pairs:
            into = _most(was.alerts, after)
            found.append(Change("gone", was.incident, None, lost=len(was.alerts), into=into))
            continue
        change = _change(was, after.incidents[pairs[id]])
        if change is not None:
            found.append(change)
    kept = set(pairs.values())
    found += [
        Change("new", None, now.incident, gained=len(now.alerts))
        for id, now in after.incidents.items()
        if id not in kept
    ]
    return sorted(found, key=_when)


def _change(was: Ended, now: Ended) -> Change | None:
    gained, lost = len(now.alerts - was.alerts), len(was.alerts - now.alerts)
    what: What
    if was.incident.root.labels != now.incident.root.labels:
        what = "other root"
    elif was.incident.told != now.incident.told:
        what = "told" if now.incident.told else "not told"
    elif gained or lost:
        what = "other alerts"
    else:
        return None
    return Change(what, was.incident, now.incident, gained, lost)


def _pairs(before: Course, after: Course) -> dict[str, str]:
    """Which incident is which: by most alerts in common, largest first; each is paired once."""
    where: dict[Episode, list[str]] = {}
    for id, now in after.incidents.items():
        for alert in now.alerts:
            where.setdefault(alert, []).append(id)
    common: dict[tuple[str, str], int] = {}
    for id, was in before.incidents.items():
        for alert in was.alerts:
            for other in where.get(alert, ()):
                common[id, other] = common.get((id, other), 0) + 1
    pairs: dict[str, str] = {}
    taken: set[str] = set()
    for (id, other), _ in sorted(common.items(), key=lambda one: (-one[1], one[0][0] != one[0][1], one[0])):
        if id not in pairs and other not in taken:
            pairs[id] = other
            taken.add(other)
    return pairs


def _most(alerts: frozenset[Episode], after: Course) -> str:
    """The incident that has most of these alerts; "" if none has any."""
    shares = {id: len(alerts & now.alerts) for id, now in after.incidents.items()}
    share, best = max(((share, id) for id, share in shares.items()), default=(0, ""))
    return best if share else ""


def _when(change: Change) -> tuple[int, str]:
    incident = change.before or change.after
    assert incident is not None, "a change has one side at least"
    return incident.opened_at, incident.id
