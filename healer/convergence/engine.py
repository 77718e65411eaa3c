"""The convergence engine: records and time in, incidents and their timelines out. Pure, deterministic, one owner.

`healer.journey.fold` calls `deliver`, `silence`, ... and `advance`, then `take`s what changed. Between those calls every
verdict is up to date, so whoever reads sees one consistent state.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

import msgspec

from healer.alerts.maintenance import Maintenance
from healer.alerts.model import Alert
from healer.alerts.silences import Silence, identify
from healer.convergence import flapping, intake, onset, quiet, regroup, rewiring, saying, storms
from healer.convergence.beside import forget
from healer.convergence.candidates import Changed
from healer.convergence.episode import Case, Episode, Place, Status
from healer.convergence.freeze import Frozen, freeze, thaw
from healer.convergence.history import History, Remembered
from healer.convergence.incidents import derive, let_place_go, projection, remind
from healer.convergence.judge import alternatives, explanation
from healer.convergence.kept import keep, sift
from healer.convergence.lasting import Rule
from healer.convergence.naming import places_of
from healer.convergence.onset import known_from
from healer.convergence.outcome import AlertView, AtWork, Happening, Incident, Storm
from healer.convergence.people import Said
from healer.convergence.settings import Convergence
from healer.convergence.settle import MAX_PAST, bury, leave, settle
from healer.convergence.state import State, Topology, Turn
from healer.convergence.timers import Kind
from healer.times import Micros

TOPOLOGY_CHANGED = "the topology or the settings changed"
"""Why incidents merged or split, where alerts neither came nor went."""


class Closed(msgspec.Struct, frozen=True):
    """The alerts of an incident that memory forgets."""

    incident: str
    alerts: tuple[AlertView, ...]


class Taken(msgspec.Struct, frozen=True):
    """What changed since the last time somebody asked."""

    incidents: tuple[Incident, ...]
    timeline: tuple[Happening, ...]
    closed: tuple[Closed, ...]


class Engine:
    """Many alerts in, one cause out. `heartbeat` is the alertname that says only that monitoring lives: nobody is told of it."""

    def __init__(
        self,
        settings: Convergence,
        topology: Topology,
        installation: str = "",
        heartbeat: str = "",
        history: Remembered | None = None,
    ) -> None:
        self.state = State(settings, topology, installation, heartbeat)
        if history is not None:
            self.state.history = History(history)

    def ask_changes(self, changed: Changed) -> None:
        """Who knows what changed on a node shortly before something was wrong there: a signal for candidates."""
        self.state.changed_before = changed

    # --- what happens

    def deliver(self, sender: str, alerts: tuple[Alert, ...], position: int, at: Micros) -> None:
        """Alerts of one request, accepted at `at` (wall time) as the journal's record `position`."""
        intake.deliver(self.state, sender, alerts, position, at)
        if self.state.people.suspects:
            saying.look_for_suspects(self.state)
        self._conclude()

    def silence(self, source: str, readable: bool, silences: tuple[Silence, ...]) -> None:
        """All silences that a source knows now."""
        quiet.mirror(self.state, source, readable, silences)
        self._conclude()

    def hush(self, said: Silence, position: int, about: str = "", key: str = "") -> None:
        """A silence said to healer itself, by the journal's record `position`: it is new, or changes the one with its id.

        One that ends with an incident is none where that is over. A `key` that was heard before changes nothing.
        """
        if said.incident and said.incident not in self.state.cases:
            return
        if self.state.people.heard(key):
            return
        quiet.hush(self.state, said, identify(self.state.installation, position))
        if about:
            saying.hushed(self.state, about, said)
        self._conclude()

    def maintain(self, said: Maintenance, position: int) -> None:
        """Maintenance, said by the journal's record `position`."""
        quiet.maintain(self.state, said, identify(self.state.installation, position))
        self._conclude()

    def extend(self, id: str, until: Micros) -> None:
        """Maintenance takes until then."""
        quiet.extend(self.state, id, until)
        self._conclude()

    def lift(self, id: str) -> None:
        """A silence said to healer, or maintenance, is taken back."""
        quiet.lift(self.state, id)
        self._conclude()

    def say(self, said: Said, position: int) -> None:
        """Somebody's word on an incident, said by the journal's record `position`."""
        saying.say(self.state, said, position)
        self._conclude()
        saying.split_off(self.state, said, position)

    def began(self, alerts: Sequence[tuple[bytes, Micros]]) -> None:
        """A Prometheus says since when the conditions behind alerts hold."""
        onset.began(self.state, alerts)
        self._conclude()

    def lasts(self, source: str, rules: Sequence[Rule]) -> None:
        """All alerting rules of a Prometheus, with their `for:`."""
        onset.lasts(self.state, source, rules)
        self._conclude()

    def undated(self) -> Iterator[tuple[str, bytes, Micros]]:
        """Name, labels and startsAt of what fires and of which no Prometheus said yet when it began."""
        return onset.undated(self.state)

    def rules_of(self, source: str) -> tuple[Rule, ...]:
        """The alerting rules of a Prometheus, as far as they wait before they fire."""
        return tuple(chain.from_iterable(self.state.lasting.get(source, {}).values()))

    def vanish(self, labels: tuple[bytes, ...]) -> None:
        """Alerts that no Alertmanager knows any more."""
        for one in labels:
            episode = self.state.episodes.get(one)
            if episode is not None:
                intake.end(self.state, episode, "vanished")
        self._conclude()

    def resume(self, gap: Micros) -> None:
        """Nobody stepped for `gap`: every deadline moves by it, because engine time stood still."""
        quiet.resume(self.state, gap)
        self._conclude()

    def advance(self, wall: Micros) -> None:
        """Let time pass up to `wall`: every timer due fires in order, at its own due time. Time never goes back."""
        state = self.state
        now = max(wall - state.away, state.now)
        while (due := state.timers.pop(now)) is not None:
            state.now = max(due[0], state.now)
            self._fire(due[1], due[2])
            self._conclude()
        state.now = now

    def next_due(self) -> Micros | None:
        """Wall time of the next timer."""
        due = self.state.timers.next_due()
        return None if due is None else due + self.state.away

    def take(self) -> Taken:
        """What changed since the last call, as frozen values."""
        state = self.state
        incidents = tuple([projection(state, case) for case in state.changed])
        closed = tuple([self._close(case) for case in state.closed])
        timeline = tuple(state.timeline)
        state.changed, state.closed, state.timeline = {}, [], []
        return Taken(incidents, timeline, closed)

    # --- going on elsewhere

    def freeze(self) -> Frozen:
        """All that is remembered, after `take`."""
        return freeze(self.state)

    @classmethod
    def thawed(
        cls, frozen: Frozen, settings: Convergence, topology: Topology, installation: str, heartbeat: str = ""
    ) -> "Engine":
        """An engine that goes on where another stopped."""
        engine = cls.__new__(cls)
        engine.state = thaw(frozen, settings, topology, installation, heartbeat)
        return engine

    def adopt(self, settings: Convergence, topology: Topology, heartbeat: str = "") -> Taken:
        """Go on under other settings and another topology: everything that fires is judged again. Returns what `take` had."""
        taken = self.take()
        self.go_on(self.successor(settings, topology, heartbeat))
        return taken

    def go_on(self, successor: "Engine") -> None:
        """As the one that was made of this one, now that what this one changed was taken."""
        self.state = successor.state

    def successor(
        self, settings: Convergence, topology: Topology, heartbeat: str = "", changed: Changed | None = None
    ) -> "Engine":
        """An engine that goes on from here under other settings and another topology; everything that fires is judged again.
        `changed` is what its candidates ask for changes.

        That takes long where much fires. This one stays as it is, so that others may look at it meanwhile, and must have been
        taken from.
        """
        before = self.state
        engine = Engine.thawed(freeze(before), settings, topology, before.installation, heartbeat)
        state = engine.state
        state.changed_before = changed or before.changed_before
        state.why = TOPOLOGY_CHANGED
        quiet.left(before, state)
        keep(state, state.episodes.values())
        for episode in state.episodes.values():
            if episode.ended_at:
                continue
            if episode.place is not None and episode.place.key != state.key_of(episode):
                leave(state, episode)
                episode.status = Status.NEW
            state.dirty[episode] = None
        sift(state)
        _conclude(state)
        state.why = ""
        return engine

    def rewired(self, changed: rewiring.Differences, *, placed: bool) -> "Engine | dict[Episode, None]":
        """The topology changed in place at these nodes, or above them: what has to be judged again, for `judge_again`; or an
        engine that goes on from here, where an alert may sit on another node now, or that would be too much at once.

        `placed` is False when nothing changed that says where alerts sit. Like `successor`, it leaves this one as it is.
        """
        state = self.state
        if rewiring.stays(state, placed=placed):
            concerned = rewiring.concerned(state, changed)
            if len(concerned) <= rewiring.AT_ONCE:
                return concerned
        return self.successor(state.settings, state.topology, state.heartbeat)

    def judge_again(self, concerned: dict[Episode, None]) -> None:
        """What fires and may be explained otherwise since the topology changed."""
        state = self.state
        state.dirty.update(concerned)
        state.why = TOPOLOGY_CHANGED
        keep(state, state.dirty)
        sift(state)
        self._conclude()
        state.why = ""

    # --- what is known

    @property
    def now(self) -> Micros:
        """Wall time of the last thing that happened."""
        return self.state.wall

    @property
    def history(self) -> Remembered:
        """What is remembered of incidents that are over, for another engine."""
        return self.state.history.remembered()

    @property
    def firing(self) -> int:
        """How many alerts fire."""
        return self.state.firing

    @property
    def mapped(self) -> int:
        """How many known alerts sit on a node."""
        return self.state.mapped

    @property
    def unknown_severities(self) -> tuple[str, ...]:
        """Severities that alerts had and that mean nothing here, "" for none at all; they count as warning."""
        return tuple(self.state.traits.unknown)

    @property
    def storm(self) -> Storm | None:
        """The storm that is under way."""
        return self.state.storm

    def __len__(self) -> int:
        """How many alerts are known: firing, or ended less than `settle` ago."""
        return len(self.state.episodes)

    def alerts(self) -> Iterator[AlertView]:
        """All that was known when the walk began, in the order it came; the engine may go on meanwhile."""
        for episode in list(self.state.episodes.values()):
            yield self.view(episode)

    def known(self) -> list[bytes]:
        """The canonical labels of all that is known, in the order it came."""
        return list(self.state.episodes)

    def what_fires(self) -> Iterator[bytes]:
        """The canonical labels of all that fired when the walk began, in the order it came."""
        return (labels for labels, episode in list(self.state.episodes.items()) if not episode.ended_at)

    def alert(self, labels: bytes) -> AlertView | None:
        """The alert with this canonical label set."""
        episode = self.state.episodes.get(labels)
        return self.view(episode) if episode is not None else None

    def alternatives(self, labels: bytes) -> list[AlertView]:
        """What would explain a suppressed alert besides what does, the next best first."""
        episode = self.state.episodes.get(labels)
        if episode is None or episode.status != Status.SUPPRESSED:
            return []
        return [self.view(one) for one in alternatives(episode, self.state)]

    def incident_alerts(self, id: str) -> list[AlertView]:
        """The alerts of an incident in memory: its own first, then what they explain."""
        case = self.state.cases.get(id)
        return self._alerts_of(case) if case is not None else []

    def silence_of(self, id: str) -> Silence | None:
        """The silence with this id, as its source said it."""
        return self.state.said.get(id) or next((one for one in self.silences() if one.id == id), None)

    def own_silence(self, id: str) -> Silence | None:
        """The silence with this id, if it was said to healer itself."""
        return self.state.said.get(id)

    def silences(self) -> list[Silence]:
        """All silences, those said to healer first: what is over is kept for a while of these alone."""
        return list(quiet.everything(self.state))

    def maintenance(self) -> list[Maintenance]:
        """All maintenance: under way, to come, or over less than a few days ago."""
        return list(self.state.maintenance.values())

    def maintenance_of(self, id: str) -> Maintenance | None:
        """The maintenance with this id."""
        return self.state.maintenance.get(id)

    def at_work(self, node: int) -> AtWork | None:
        """The maintenance that is under way on a node, by its number, or on what is above it with all beneath."""
        found = self.state.words.on_node(node) if node >= 0 else None
        if found is None:
            return None
        work = self.state.maintenance[found.id]
        return AtWork(work.id, work.created_by, work.what, found.until, work.comment)

    def heard(self, key: str) -> bool:
        """Whether a person's word came with this key of a client before."""
        return key in self.state.people.keys

    def where(self, labels: bytes) -> tuple[int, int] | None:
        """Position and index of an alert's newest delivery in the journal."""
        episode = self.state.episodes.get(labels)
        return (episode.position, episode.index) if episode is not None else None

    def on_node(self, node: int) -> list[AlertView]:
        """The alerts that sit on a node, by its number."""
        there = self.state.at_node.get(node, ())
        return [self.view(one) for one in ((there,) if isinstance(there, Episode) else there)]

    def view(self, episode: Episode) -> AlertView:
        """One episode, frozen."""
        state = self.state
        place = episode.by.place if episode.by is not None else episode.place
        case = place.incident if place is not None else None
        assert episode.status != Status.NEW, "nobody sees an alert before it is judged"
        return AlertView(
            labels=episode.labels,
            node=state.node_name(episode.node),
            status=episode.status,
            code=episode.code,
            by=self._by(episode, place),
            starts_at=episode.starts_at,
            onset=episode.onset,
            ended_at=episode.ended_at + state.away if episode.ended_at else 0,
            resolution=episode.resolution,
            severity=episode.traits.severity,
            incident=case.id if case is not None else "",
            held_until=self._held_until(episode),
            distance=episode.distance,
            silence=silence.id if (silence := state.silenced_by.get(episode)) is not None else "",
            spoken_at=episode.spoken_at,
            onset_from=known_from(episode),
            person=state.people.who.get(episode.labels, ""),
            flapping=bool(state.flapping) and flapping.flaps(state, episode),
            beside=beside.labels if (beside := state.beside.get(episode)) is not None else b"",
        )

    # --- inside

    def _held_until(self, episode: Episode) -> Micros:
        """Until when it waits for a cause or, contested, to be confirmed; 0 when it does not."""
        if episode.status != Status.HELD:
            return 0
        return self.state.contested.get(episode, episode.held_until) + self.state.away

    @staticmethod
    def _by(episode: Episode, place: Place | None) -> bytes:
        if episode.by is not None:
            return episode.by.labels
        if episode.status == Status.MEMBER and place is not None and place.face is not None:
            return place.face.labels
        return b""

    def _alerts_of(self, case: Case) -> list[AlertView]:
        places = list(places_of(case))
        unexplained = chain.from_iterable(place.unexplained for place in places)
        beneath = (one for place in places for one in place.explained if one.by is not None and one.by.place is place)
        past = (one for place in places for one in place.past if one.ended_at)
        distinct = dict.fromkeys(chain(unexplained, beneath, past))
        return [self.view(one) for one in islice(distinct, MAX_PAST)]

    def _close(self, case: Case) -> Closed:
        alerts = self._alerts_of(case)
        return Closed(case.id, tuple(msgspec.structs.replace(view, incident=case.id) for view in alerts))

    def _conclude(self) -> None:
        _conclude(self.state)

    def _fire(self, kind: int, who: list[Episode | Place | Turn]) -> None:
        state = self.state
        if kind == Kind.SILENCE:
            quiet.turn(state)
            return
        if kind == Kind.REMIND:
            remind(state)
            return
        if kind == Kind.CALM:
            flapping.calm(state, who)
            return
        if kind == Kind.STORM:
            storms.look(state)
            return
        if kind == Kind.REGROUP:
            regroup.look(state, who)
            return
        for one in who:
            if isinstance(one, Place):
                let_place_go(state, one)
            elif isinstance(one, Episode):
                if kind == Kind.HOLD:
                    self._hold_ends(one)
                elif kind == Kind.EXPIRE:
                    intake.expire(state, one)
                else:
                    self._settled(one)

    def _hold_ends(self, episode: Episode) -> None:
        """Rule 14: nobody came to explain it, so it is told, with all that waits in its place."""
        state = self.state
        until = state.contested.get(episode)
        if until is not None and until <= state.now:
            intake.confirm(state, episode)
        if episode.status != Status.HELD or episode.held_until > state.now or episode in state.contested:
            return
        state.dirty[episode] = None

    def _settled(self, episode: Episode) -> None:
        """Rule 9: what it explained and still fires is judged afresh, as if it had begun now."""
        state = self.state
        if not episode.ended_at or state.now - episode.ended_at < state.settings.settle:
            return
        if state.episodes.get(episode.labels) is not episode:
            return  # it ended twice at one instant, and this is the second timer
        place = episode.place
        if place is not None:
            symptoms = [one for one in place.explained if one.by is episode and not one.ended_at]
            leave(state, episode)
            for one in symptoms:
                if explanation(one, state) is None:
                    one.onset, one.judged_afresh = state.wall, True
        elif episode.by is not None:
            place = episode.by.place
        if place is not None:
            bury(place, episode)
        state.forget(episode)
        forget(state, episode)


def _conclude(state: State) -> None:
    """Judge, derive, and again while deriving changed what is judged (a merge names a place)."""
    while state.dirty or state.touched:
        settle(state)
        derive(state)
