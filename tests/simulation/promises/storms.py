"""Storms: many new roots are told in one message, the critical ones by name; nothing is begun for them; the end is told.

Counted by when incidents opened, by the clock: time in which nobody stepped is counted with it, so no count is too high.
"""

from healer.alerts.identity import labels_of
from healer.assembly import Healer
from healer.convergence.outcome import AlertView, Incident
from healer.journey.ports import Step
from healer.journey.troubles import STORM
from healer.store.inline import Memory
from healer.store.transactions import ledger
from healer.times import SECOND, Micros
from tests.simulation.chat import Chat, Post, Watcher
from tests.simulation.court import Court
from tests.simulation.options import Options
from tests.simulation.promises import Checker
from tests.simulation.promises.flapping import BEGUN
from tests.simulation.promises.told import place_of
from tests.simulation.tape import Tape

LATE: Micros = 15 * SECOND
"""How long after the last chance a storm's end may be noticed: healer looks every 10 s."""


class OneSummary(Checker, Watcher):
    """Looks at the incidents after every committed step, and at each message."""

    def __init__(self, court: Court, tape: Tape, options: Options, memory: Memory, chat: Chat) -> None:
        self._court = court
        self._tape = tape
        self._options = options
        self._connection = memory.connection
        self._opened: dict[str, Micros] = {}
        self._latest: Micros = 0
        """Engine time, at the latest, at which an incident opened last."""
        self._storm = False
        self._since: Micros = 0
        self._in_storm: set[str] = set()
        self._wanted: set[str] = set()
        self._incidents: dict[str, Incident] = {}
        self.count = 0
        chat.watchers.append(self)

    def __call__(self, post: Post) -> None:
        incident = self._incidents.get(post.incident)
        # Who is called by a message of its own heard of it before it was only one of many.
        first = post.kind == "send" and not place_of(post)[1]
        # A message may come of a step that was committed and is not seen yet: what it says of itself is newer.
        critical = post.text.startswith("[CRIT ")
        critical |= post.incident in self._wanted  # it was, and is told as it is by now
        lasts = self._speaks_for(incident) and self._lasts(post.at)
        if first and not critical and lasts and not post.life.frozen:
            self._court.accuse(
                "storm", f"incident {post.incident} is told by name in a storm: {post.text.splitlines()[0]}"
            )

    def stepped(self, healer: Healer, step: Step) -> None:
        fold = healer.owner.fold
        self._tape.pull()
        wall = step.now
        now = wall - self._tape.away(healer.owner.applied)
        self._begun(step, wall)
        self._incidents = {one.id: one for one in fold.incidents()}
        # What opened and became part of another within one step is seen in its timeline alone.
        opened = {line.incident: line.at for line in step.timeline if line.code == "opened"}
        opened |= {one.id: one.opened_at for one in self._incidents.values()}
        for id, at in sorted(opened.items(), key=lambda one: one[1]):
            if id not in self._opened:
                self._open(id, at, now)
        self._storm = self._lasts(wall)
        own = next((one for one in fold.engine.alerts() if one.status != "resolved" and _is_storm(one)), None)
        if own is not None and now > self._latest + self._options.storm_calm + LATE:
            calm = self._options.storm_calm // SECOND
            self._court.accuse("storm", f"nothing opened for {calm} s, and the storm goes on")
        self._told_by_name(now)

    def _open(self, id: str, at: Micros, now: Micros) -> None:
        limits = self._options
        self._opened[id] = at
        self._latest = now
        if self._storm and not self._lasts(at):
            self._storm = False
        recent = sum(at - limits.storm_within < one <= at for one in self._opened.values())
        if not self._storm and recent >= limits.storm_roots:
            self._storm, self._since = True, at
            self.count += 1
        if self._storm:
            self._in_storm.add(id)

    def _lasts(self, wall: Micros) -> bool:
        """Whether the storm surely goes on: at least half the limit opened within `calm_within`."""
        recent = sum(wall - self._options.storm_calm < one for one in self._opened.values())
        return self._storm and 2 * recent >= self._options.storm_roots

    def _speaks_for(self, incident: Incident | None) -> bool:
        """Whether the storm's message says it, and nobody else does."""
        return (
            incident is not None and self._storm and incident.id in self._in_storm and incident.severity != "critical"
        )

    def _begun(self, step: Step, wall: Micros) -> None:
        for planned in step.planned:
            if self._lasts(wall) and planned.plan.incident in self._in_storm and planned.state in BEGUN:
                self._court.accuse("storm", f"{planned.remediation} begins for incident {planned.plan.incident}")

    def _told_by_name(self, now: Micros) -> None:
        """What is critical always, and what still fires when it is over, is wanted told."""
        calm = now > self._latest + self._options.storm_calm + LATE
        for one in self._incidents.values():
            if (
                one.status != "open"
                or not one.firing
                or not one.told
                or one.id in self._wanted
                or not (calm or one.severity == "critical")
            ):
                continue
            if ledger.rows(self._connection, one.id, "", 1):
                self._wanted.add(one.id)
            else:
                self._court.accuse(
                    "storm", f"of incident {one.id} ({one.title}, {one.severity}) nobody is told by name"
                )


def _is_storm(alert: AlertView) -> bool:
    return labels_of(alert.labels).get("code") == STORM
