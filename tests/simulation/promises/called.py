"""Escalations: whoever is next is called in time, by a row that nothing takes away while somebody is needed; and nobody any more
once somebody is on it, or nobody is needed.

The times are counted here, from the incidents as they stand after each step; the calls are those on the disk, and in the chat.
"""

import re

import msgspec
from sqlalchemy import select

from healer.assembly import Healer
from healer.convergence.outcome import Incident
from healer.journey.fold import Fold
from healer.journey.ports import Step
from healer.notification.oncall.settings import Escalation
from healer.notification.story import state_of
from healer.store.inline import Memory
from healer.store.schema import told
from healer.times import SECOND, Micros
from tests.simulation.chat import Chat, Post, Watcher
from tests.simulation.court import Court
from tests.simulation.promises import Checker
from tests.simulation.tape import Tape

PROMISE = "escalation"
LATE: Micros = 2 * SECOND
"""How far the instant of a call may be from the time that its step says."""
CALLS = re.compile(r"nobody is on it yet \(escalation (\S+), call (\d+)\)")


class Needed(msgspec.Struct):
    """Of one incident that needs somebody: the calls since then, and between which instants the last was made (at first: between
    which somebody began to be needed). Engine time."""

    after: Micros
    by: Micros
    seen: set[str]
    calls: int = 0


class Called(Checker, Watcher):
    """Looks at every incident after every committed step, and at each message."""

    def __init__(self, court: Court, tape: Tape, memory: Memory, chat: Chat, escalation: Escalation) -> None:
        self._court = court
        self._tape = tape
        self._connection = memory.connection
        self._escalation = escalation
        self._needed: dict[str, Needed] = {}
        self._looked: Micros = 0
        self._before: dict[str, dict[str, int]] = {}
        self._tried: dict[str, set[str]] = {}
        """Of incidents that need nobody: the calls that may have been on their way when that was decided."""
        self.count = 0
        chat.watchers.append(self)

    def __call__(self, post: Post) -> None:
        called = CALLS.search(post.text)
        if called is None or post.kind != "send" or post.incident not in self._tried:
            return
        if f"escalation {called[1]} {called[2]}" not in self._tried[post.incident]:
            self._court.accuse(PROMISE, f"incident {post.incident} needs nobody, and call {called[2]} is made")

    def stepped(self, healer: Healer, step: Step) -> None:
        fold = healer.owner.fold
        self._tape.pull()
        now = step.now - self._tape.away(healer.owner.applied)
        rows = self._rows()
        incidents = {one.id: one for one in fold.incidents()}
        anew = {line.incident for line in step.timeline if line.code == "escalation began"}
        for id in [id for id in self._needed if id not in incidents or id in anew]:
            del self._needed[id]
        for id, incident in incidents.items():
            calls = rows.get(id, {})
            if incident.status == "open" and incident.told and not incident.people.acked_by:
                self._tried.pop(id, None)
                self._due(fold, incident, calls, now)
            else:
                self._needless(id, calls)
        self._looked, self._before = now, rows

    def _due(self, fold: Fold, incident: Incident, calls: dict[str, int], now: Micros) -> None:
        """Somebody is needed: is it time that somebody is called, and was it before?"""
        if incident.storm and incident.severity != "critical" and incident.id not in self._needed and not calls:
            return
        first = Needed(self._looked, now, set(self._before.get(incident.id, ())))
        needed, policy = self._needed.setdefault(incident.id, first), self._escalation
        for lost in needed.seen - calls.keys():
            self._court.accuse(PROMISE, f"incident {incident.id} needs somebody, and {lost} is gone")
        new, place = calls.keys() - needed.seen, needed.calls % len(policy.steps)
        wait = policy.wait if needed.calls and not place else policy.steps[place].after
        if new:
            if now < needed.after + wait - LATE:
                early = (needed.after + wait - now) // SECOND
                self._court.accuse(
                    PROMISE, f"incident {incident.id}: call {needed.calls + 1} comes {early} s too early"
                )
            self.count += len(new)
            needed.calls, needed.seen = needed.calls + len(new), needed.seen | new
            needed.after, needed.by = self._looked, now
        elif state_of(incident, fold.planner.deeds(incident.id)) in ("healing", "healed"):
            needed.by = max(needed.by, now - wait)
        elif now > needed.by + wait + LATE and needed.calls < policy.calls:
            late = (now - needed.by - wait) // SECOND
            self._court.accuse(PROMISE, f"incident {incident.id}: call {needed.calls + 1} is {late} s late")

    def _needless(self, id: str, calls: dict[str, int]) -> None:
        """Nobody is needed: what nobody tried to tell is taken back."""
        self._needed.pop(id, None)
        for matter, tried in calls.items():
            if not tried:
                self._court.accuse(PROMISE, f"incident {id} needs nobody, and {matter} is still to be told")
        self._tried[id] = set(calls)

    def _rows(self) -> dict[str, dict[str, int]]:
        """By incident, the calls on the disk, and whether anybody tried to tell them."""
        found: dict[str, dict[str, int]] = {}
        columns = (told.c.incident, told.c.matter, told.c.tried)
        query = select(*columns).where(told.c.matter.startswith("escalation "))
        for incident, matter, tried in self._connection.execute(query):
            found.setdefault(incident, {})[matter] = tried
        return found
