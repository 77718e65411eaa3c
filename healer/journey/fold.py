"""The deterministic fold: journal records and time in, steps out.

It drives three pure machines in turn: the engine (what broke), the planner (what to do about it), the story (what people
are to know). Whoever feeds it the same records at the same times gets the same steps, byte for byte; `healer.journey.owner`
feeds it, and so do replay, tests and rehearsals.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType

import msgspec

from healer.changes.model import Touched
from healer.changes.recent import Remembered
from healer.convergence.engine import Engine, Taken
from healer.convergence.freeze import Frozen
from healer.convergence.outcome import AtWork, Happening, Incident
from healer.convergence.people import Said
from healer.journey.charter import Charter
from healer.journey.ground import Ground
from healer.journey.lately import Lately
from healer.journey.ports import Closed, Planned, Step, Superseded
from healer.journey.records import (
    Adopted,
    Answered,
    Began,
    Changed,
    Delivered,
    Entry,
    Extended,
    Hushed,
    Lasting,
    Lifted,
    Maintained,
    Progressed,
    Resumed,
    Rewired,
    Rostered,
    Silenced,
    Switched,
    Troubled,
    Vanished,
)
from healer.journey.telling import Telling, Told
from healer.journey.troubles import Troubles
from healer.notification.oncall.turns import Shift
from healer.notification.story import Story, Summary, sum_up
from healer.remediation.autonomy import Trust
from healer.remediation.course import Course
from healer.remediation.planner import Planner, Question
from healer.remediation.repetition import Run
from healer.times import HOUR, Micros
from healer.topology.map import Map
from healer.topology.patch import Patch, change

VERSION = "1"
"""Of the snapshot's format; another version is replayed from the journal instead."""

MAX_QUARANTINED = 100
"""Records that could not be applied and are remembered, the newest; all are counted."""

QUARANTINE_TOLD: Micros = HOUR
"""For so long after the last record that was stepped over it is an incident; nothing else says that it is over."""

MANY = 2_000
"""Alerts from which on what is long about a record may be done ahead: for fewer of them it takes some milliseconds."""

LINGER: Micros = HOUR
"""How long an incident that is over is kept for a remediation that was superseded: its intent may have been written before."""

_encode = msgspec.msgpack.Encoder().encode


class Quarantined(msgspec.Struct, frozen=True):
    """A record on which the engine raised: it is stepped over, told, and met again in the same way by replay."""

    position: int
    error: str


class Memory(Told, msgspec.Struct, frozen=True, kw_only=True):
    """Everything a fold remembers: a snapshot's data."""

    adopted: Adopted
    engine: Frozen
    courses: dict[str, Course]
    incidents: dict[str, Incident]
    over: dict[str, Micros] = {}
    runs: list[Run] = []
    patch: Patch = Patch()
    changes: Remembered = Remembered()
    trust: Trust = Trust()
    shifts: dict[str, tuple[Shift, ...]] = {}
    """By schedule, the turns that its calendar said last."""
    eras: dict[str, Adopted] = {}
    """By the version of a set of rules that incidents under way began with: under what it was in force."""


_memory = msgspec.msgpack.Decoder(Memory)


def remembered(data: bytes) -> Memory:
    """A snapshot's data, read. Raises msgspec.DecodeError for another version's."""
    return _memory.decode(data)


class Fold:
    """All decisions, as a function of the journal."""

    def __init__(self, charter: Charter, installation: str) -> None:
        self.installation = installation
        self.charter = charter
        topology = charter.map()
        self.lately = Lately(charter, topology)
        self.engine = Engine(charter.settings.convergence, topology, installation, charter.settings.heartbeat)
        self.ground = Ground(charter, topology, self.engine, self.lately, Patch())
        self.troubles = Troubles(self.engine)
        self.planner = Planner(charter, self.map, at_work=self.at_work, fires=self._fires, changed=self.lately.newest)
        self.telling = Telling(self.planner, Told())
        self.eras = {charter.ruleset.version: charter.adopted}
        self.quarantined: list[Quarantined] = []
        self.skipped = 0
        """Records that could not be applied since this fold began; `quarantined` has the newest of them."""
        self._incidents: dict[str, Incident] = {}
        self._stirred: dict[str, None] = {}
        """Incidents of which something changed at this instant."""
        self._over: dict[str, Micros] = {}
        self._fired = False
        self._changed: dict[str, None] = {}
        self._timeline: list[Happening] = []
        self._planned: list[Planned] = []
        self._superseded: list[Superseded] = []
        self._closed: list[Closed] = []

    @property
    def map(self) -> Map:
        """The topology that decides now, and what places alerts on it."""
        return self.ground.map

    # --- in

    def apply(self, entry: Entry, charter: Charter | None = None) -> None:
        """One record, after all that was due before it. `charter` is what an `Adopted` record refers to."""
        record = entry.record
        if isinstance(record, Resumed):
            # What another process accepted after the gap may come before this: then time has not stood still for so long.
            gap = min(record.gap, max(entry.at - self.engine.now, 0))
            self.engine.resume(gap)
            self.telling.escalations.resume(gap)
        self.advance(entry.at)
        try:
            self._apply(entry, charter)
        except Exception as error:  # noqa: BLE001 - a record that cannot be applied must not stop all that follow it
            self.quarantined.append(Quarantined(entry.position, f"{type(error).__name__}: {error}"))
            del self.quarantined[:-MAX_QUARANTINED]
            self.skipped += 1
            self.troubles.say("quarantine", True, entry.position, entry.at, QUARANTINE_TOLD)
        self._consider()

    def ahead(self, entry: Entry, charter: Charter | None = None) -> Callable[[], None] | None:
        """The part of `apply` that takes long where much fires, None for most records. It may be done before, where it keeps
        nobody waiting: nothing that others look at changes meanwhile, and what is decided is the same."""
        record = entry.record
        if not isinstance(record, Adopted | Rewired) or len(self.engine) < MANY:
            return None
        self.advance(entry.at)
        if isinstance(record, Rewired):
            return self.ground.ahead(entry.position, record.patch)
        assert charter is not None, "whoever feeds an Adopted record brings its charter"
        return self.ground.ahead(entry.position, charter)

    def advance(self, wall: Micros) -> None:
        """Let time pass: every timer due by `wall` fires at its own due time, and what it changes is considered then."""
        while (due := self.next_due()) is not None and due <= wall:
            self._fired = True
            self.engine.advance(due)
            self.planner.advance(due)
            for incident in self.telling.ring(due):
                self._touch(incident)
            for incident in self.telling.escalations.due(due):
                self._stirred[incident] = None
            self._consider()
        self.engine.advance(wall)

    def next_due(self) -> Micros | None:
        """When the next timer fires."""
        timers = (self.engine.next_due(), self.planner.next_due(), self.telling.next_due())
        return min((due for due in timers if due is not None), default=None)

    # --- out

    def take(self, number: int, epoch: int, first: int, last: int) -> Step | None:
        """All that was decided since the last step; None if no record was applied and no timer fired.

        A timer that changed nothing that people see makes a step all the same: a record accepted before it fired, and applied
        after it, has to meet it in this order again.
        """
        incidents = tuple([self._incidents[id] for id in self._changed])
        now = self.engine.now
        wanted = tuple(
            [
                one
                for incident in incidents
                for one in self.telling.take(incident, self.charter, self._summary(incident), now)
            ]
        )
        content = (
            incidents,
            tuple(self._timeline),
            wanted,
            tuple(self._planned),
            tuple(self._superseded),
            tuple(self._closed),
        )
        if last < first and not self._fired and not any(content):
            return None
        self._fired = False
        for id in [id for id in self._over if self._is_done(id)]:
            self._let_go(id)
        self._changed, self._timeline = {}, []
        self._planned, self._superseded, self._closed = [], [], []
        digest = blake2b(_encode(content), digest_size=16).hexdigest()
        return Step(number, epoch, first, last, now, digest, *content)

    # --- going on elsewhere

    def dump(self) -> bytes:
        """All that is remembered, between two steps."""
        return _encode(
            Memory(
                adopted=self.charter.adopted,
                engine=self.engine.freeze(),
                courses=self.planner.courses,
                incidents=self._incidents,
                over=self._over,
                shifts=dict(self.charter.shifts),
                runs=self.planner.begun.runs,
                patch=self.ground.changed.patch(),
                changes=self.lately.remembered(),
                trust=self.planner.begun.record.remembered(),
                eras={version: self.eras[version] for version in self._older_rules()},
                **msgspec.structs.asdict(self.telling.remembered()),
            )
        )

    @classmethod
    def load(
        cls,
        memory: "Memory",
        charter: Charter,
        installation: str,
        earlier: Mapping[str, Charter] = MappingProxyType({}),
    ) -> "Fold":
        """A fold that goes on where another stopped; `charter` is the one that `memory.adopted` names, `earlier` those of
        its `eras` that can still be made."""
        charter = charter.saying(memory.shifts)
        fold = cls(charter, installation)
        change(fold.map.index, memory.patch)
        fold.engine = Engine.thawed(
            memory.engine, charter.settings.convergence, fold.map, installation, charter.settings.heartbeat
        )
        fold.lately = Lately(charter, fold.map, memory.changes)
        fold.ground = Ground(charter, fold.map, fold.engine, fold.lately, memory.patch)
        fold.troubles = Troubles(fold.engine)
        fold.planner = Planner(
            charter,
            fold.map,
            memory.courses,
            fold.at_work,
            runs=memory.runs,
            trust=memory.trust,
            earlier={version: one.ruleset for version, one in earlier.items()},
            fires=fold._fires,
            changed=fold.lately.newest,
        )
        fold.telling = Telling(fold.planner, memory)
        fold._incidents, fold._over = memory.incidents, memory.over
        fold.eras = {**memory.eras, charter.ruleset.version: charter.adopted}
        return fold

    def _older_rules(self) -> list[str]:
        """The versions of rules that only incidents under way still go by."""
        used = self.planner.rules_in_use() - {self.charter.ruleset.version}
        return sorted(version for version in used if version in self.eras)

    def at_work(self, node: str) -> AtWork | None:
        """The maintenance that is under way on a node."""
        return self.engine.at_work(self.map.id(node))

    def questions(self, wall: Micros = 0) -> Sequence[Question]:
        """What rules need to know before they can decide. `wall` is the time by the clock: where nothing happens it runs on
        while that of the last step stands still, and what was asked is to be asked again all the same."""
        return self.planner.questions(max(wall, self.engine.now))

    @property
    def begun(self) -> Sequence[Planned]:
        """What was planned since the last step."""
        return self._planned

    def incident(self, id: str) -> Incident | None:
        """One incident, under way, or over less than `settle` ago, or with a remediation that may not be at its end."""
        return self._incidents.get(id)

    def story(self, id: str, channel: str = "") -> Story | None:
        """What people are told of it by now, in a channel or in any to which rules say nothing of their own; None where it is
        over for good."""
        found = self._incidents.get(id)
        return self.telling.story(found, self._summary(found), channel) if found is not None else None

    def incidents(self) -> Iterator[Incident]:
        """Incidents under way, as last changed."""
        yield from self._incidents.values()

    # --- inside

    def _fires(self, node: int) -> bool:
        """Whether an alert fires on a node, for rules that ask."""
        return any(view.status != "resolved" for view in self.engine.on_node(node))

    def _apply(self, entry: Entry, charter: Charter | None) -> None:
        record = entry.record
        if isinstance(record, Delivered):
            self.engine.deliver(record.sender, record.alerts, entry.position, entry.at)
        elif isinstance(record, Silenced):
            self.engine.silence(record.source, record.readable, record.silences)
        elif isinstance(record, Hushed):
            self.engine.hush(record.silence, entry.position, record.about, record.key)
        elif isinstance(record, Maintained | Extended | Lifted):
            self._at_work(record, entry.position)
        elif isinstance(record, Said):
            self.engine.say(record, entry.position)
            if record.verb == "blame":
                self.planner.begun.blame(record.incident, record.by, self.engine.now)
        elif isinstance(record, Began):
            self.engine.began(record.alerts)
        elif isinstance(record, Lasting):
            self.engine.lasts(record.source, record.rules)
        elif isinstance(record, Vanished):
            self.engine.vanish(record.labels)
        elif isinstance(record, Adopted):
            assert charter is not None, "whoever feeds an Adopted record brings its charter"
            self.ground.adopt(entry.position, charter)
            self.charter = charter.saying(self.charter.shifts)
            self._stirred = dict.fromkeys(self._incidents)
            self.planner.adopt(charter, self.map)
            self.eras = {version: self.eras[version] for version in self._older_rules()}
            self.eras[charter.ruleset.version] = charter.adopted
        elif isinstance(record, Rewired):
            self.ground.rewire(entry.position, record.patch)
        elif isinstance(record, Answered):
            self.planner.answer(record, self.engine.now)
        elif isinstance(record, Progressed):
            if self._is_done(record.incident):
                return
            happening = self.planner.progress(record, self.engine.now)
            if happening is not None:
                self._timeline.append(happening)
                self._touch(record.incident)
        elif isinstance(record, Changed):
            if (found := self.lately.take(record.change)) is not None:
                self._stand_beside(found)
        elif isinstance(record, Troubled):
            self.troubles.say(record.code, record.firing, entry.position, entry.at)
        elif isinstance(record, Rostered):
            self.charter = self.charter.saying({**self.charter.shifts, record.schedule: record.shifts})
        else:
            assert isinstance(record, Switched | Resumed)

    def _at_work(self, record: Maintained | Extended | Lifted, position: int) -> None:
        """Somebody says when they work where: what waits for the end of it is looked at again."""
        if isinstance(record, Maintained):
            self.engine.maintain(record.maintenance, position)
        elif isinstance(record, Extended):
            self.engine.extend(record.id, record.until)
        else:
            self.engine.lift(record.id)
        self.planner.look_again()

    def _consider(self) -> None:
        """Let the planner see what changed at this instant."""
        taken = self.engine.take()
        self._took(taken)
        incidents = (*taken.incidents, *self._storms())
        if incidents and (summary := self.troubles.storm_incident()):
            self._touch(summary)
        decided = self.planner.consider(incidents, self.engine.now)
        for planned in decided.planned:
            self._planned.append(planned)
            self._touch(planned.plan.incident)
        for id in decided.retold:
            self._touch(id)
        self._superseded.extend(decided.superseded)
        self._timeline.extend(decided.timeline)
        stirred, self._stirred = self._stirred, {}
        for id in stirred:
            if (incident := self._incidents.get(id)) is not None:
                lines = self.telling.escalate(incident, self.charter, self.engine.now)
                if lines:
                    self._touch(id)
                self._timeline.extend(lines)

    def _storms(self) -> tuple[Incident, ...]:
        if not self.troubles.weather():
            return ()
        taken = self.engine.take()
        self._took(taken)
        return taken.incidents

    def _took(self, taken: Taken) -> None:
        self._timeline.extend(taken.timeline)
        for incident in taken.incidents:
            before = self._incidents.get(incident.id)
            if before is not None and before.changes:
                incident = msgspec.structs.replace(incident, changes=before.changes)
            self._incidents[incident.id] = self.lately.beside(incident)
            self._touch(incident.id)
            if incident.status == "merged":
                self._over.setdefault(incident.id, self.engine.now)
        for one in taken.closed:
            self._closed.append(Closed(one.incident, _encode(one.alerts)))
            self._over.setdefault(one.incident, self.engine.now)

    def _stand_beside(self, change: Touched) -> None:
        """A change was told of: it may belong to what is open by now, since hosts tell late."""
        for id, incident in self._incidents.items():
            if incident.status == "open" and (found := self.lately.beside(incident)) is not incident:
                self._incidents[id] = found
                self._touch(id)
        courses = [one for id in self.planner.courses if (one := self._incidents.get(id)) is not None]
        self.planner.look_at([one.id for one in courses if self.lately.newest(one) == change])

    def _touch(self, incident: str) -> None:
        if incident in self._incidents:
            self._changed[incident] = self._stirred[incident] = None
            self.telling.touch(self._incidents[incident], self.charter, self.engine.now)

    def _summary(self, incident: Incident) -> Summary | None:
        """What it says of others, where it is the one that speaks for a storm."""
        storm = self.engine.storm
        if storm is None or incident.id != self.troubles.storm_incident():
            return None
        # The incident that says so opened in the storm as well.
        opened = storm.opened - (incident.opened_at >= storm.since)
        return sum_up(opened, [one for one in self._incidents.values() if one.storm and one.id != incident.id])

    def _is_done(self, incident: str) -> bool:
        """Over, and nothing more will be heard of it. The answer does not depend on when steps let go of it.

        What was started for an incident is verified, and told, also when that takes longer than the incident; so is what
        was superseded here while somebody began it there.
        """
        since = self._over.get(incident)
        if since is None or self.planner.busy(incident):
            return False
        superseded = any(deed.state == "superseded" for deed in self.planner.deeds(incident))
        return not superseded or self.engine.now >= since + LINGER

    def _let_go(self, incident: str) -> None:
        self._over.pop(incident, None)
        self._incidents.pop(incident, None)
        self.telling.let_go(incident)
        self.planner.let_go(incident)
