"""After a bad day: everybody was told of everything, once, to its end, within each provider's limits, or it is a dead letter.

Counts by what people see at the providers, and compares it with the ledger; never by what healer says of itself.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from healer.alerts.identity import labels_of
from healer.convergence.outcome import Incident
from healer.notification.ports import LedgerRow
from healer.store.inline import Memory
from healer.store.transactions import incidents, ledger
from healer.times import Micros
from tests.simulation.calamity import Feed, Trouble
from tests.simulation.court import Court
from tests.simulation.providers import Provided

ALL = 1_000_000
_CODE = re.compile(r"\b[0-9a-f]{12}\b")


class Seen(msgspec.Struct):
    """What people of one channel see of one incident: line 1 of each message of its own, and its line where it shares one."""

    lines: list[str] = []

    @property
    def last(self) -> str:
        return self.lines[-1]


class Everybody:
    """The last look."""

    def __init__(self, court: Court, memory: Memory, providers: Mapping[str, Provided]) -> None:
        self._court = court
        self._providers = providers
        found, _ = incidents.newest(memory.connection, "", "", ALL)
        self.incidents: dict[str, Incident] = {labels_of(one.root.labels)["instance"]: one for one in found}
        self.rows: dict[str, list[LedgerRow]] = {}
        for row in ledger.rows(memory.connection, "", "", ALL):
            self.rows.setdefault(row.incident, []).append(row)
        self._codes = {one.id for one in found}
        self.seen = {name: _seen(provided.texts(), self._codes) for name, provided in providers.items()}
        self.counts: Counter[str] = Counter()

    def look(self, found: Sequence[Trouble], feed: Feed, hold: Micros, crashes: int) -> None:
        """Accuse before the court whatever is not as it should be. After each crash one message may come twice."""
        for trouble in found:
            incident = self.incidents.get(trouble.name)
            if incident is None:
                begun, ended = feed.heard[trouble.name][:2]
                if ended - begun > hold:
                    self._court.accuse("told", f"{trouble.name} began no incident")
                self.counts["over before it was an incident"] += 1
            else:
                self._told(trouble, incident)
        for name, provided in self._providers.items():
            self.counts["messages"] += len(provided.texts())
            if provided.standin.overruns:
                self._court.accuse("limits", f"{name} was asked {provided.standin.overruns} times more than its rate")
            twice = self._twice(provided)
            self.counts["twice"] += twice
            if twice and provided.keyed:
                self._court.accuse("once", f"{name} knows repeated messages, and shows {twice} of them twice")
        if self.counts["twice"] > crashes:
            self._court.accuse("once", f"{self.counts['twice']} messages came twice, after {crashes} crashes")

    def _told(self, trouble: Trouble, incident: Incident) -> None:
        rows = self.rows.get(incident.id, [])
        if not rows and trouble.severity != "critical":
            self.counts["over before anybody heard"] += 1
            return
        dead = [row for row in rows if row.state == "dead"]
        self.counts["dead letters"] += len(dead)
        self.counts["told in another's place"] += sum(bool(row.meant_for) for row in rows)
        if waiting := [row for row in rows if row.state not in ("told", "dead")]:
            self._court.accuse("told", f"{incident.id} of {trouble.name} is {waiting[0].state}: {waiting[0].why}")
        told = [row for row in rows if row.state == "told"]
        if not told and not dead:
            self._court.accuse("told", f"nobody was told of {incident.id} of {trouble.name}")
        for row in told:
            self._as_it_is(row, incident)

    def _as_it_is(self, row: LedgerRow, incident: Incident) -> None:
        """What the ledger calls told is what people see, and the last that they see is the end."""
        seen = self.seen[row.channel].get(incident.id)
        if seen is None and row.channel == "pagerduty":
            self.counts["over before PagerDuty knew"] += 1  # it resolves what nobody was paged for
        elif seen is None:
            self._court.accuse("told", f"{row.channel} shows nothing of {incident.id}, which is recorded as told")
        elif not re.search(r" (over|healed)\]", seen.last):
            self._court.accuse("told", f"the last that {row.channel} says of {incident.id} is {seen.last}")

    def _twice(self, provided: Provided) -> int:
        """How many messages say of an incident what another one said."""
        sent = _seen(provided.sent(), self._codes).values()
        return sum(len(seen.lines) - len(set(seen.lines)) for seen in sent)


def _seen(texts: Sequence[str], codes: set[str]) -> dict[str, Seen]:
    found: dict[str, Seen] = {}
    for text in texts:
        rows = text.splitlines()
        shared = len(rows) > 1 and rows[0].partition(" +")[2].isdecimal()
        for row in rows[1:] if shared else rows:
            for code in codes.intersection(_CODE.findall(row)):
                line_1 = row.partition(f" {code}")[0] if shared else rows[0].partition(f" ({code})")[0]
                found.setdefault(code, Seen()).lines.append(line_1)
    return found
