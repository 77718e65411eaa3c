"""Every state of a remediation and every intent, its outcome and each probe has exactly one entry in the audit log.

Each entry holds on to the one before it, and the heads are the newest (I16).

In the transaction in which it is so: looked at after each commit.
"""

import json
from collections import Counter

from healer.audit.chain import START, Head, seal
from healer.remediation.model import Intent, Remediation
from healer.store.inline import Memory
from healer.store.transactions import audit
from tests.simulation.court import Court
from tests.simulation.promises.arrows import Follower


class Noted(Follower):
    """Reads what is new in the log."""

    def __init__(self, court: Court, memory: Memory) -> None:
        self._court = court
        self._connection = memory.connection
        self._read = 0
        self._heads: dict[str, Head] = {}
        self._owed: Counter[tuple[str, str]] = Counter()

    def moved(self, before: Remediation | None, after: Remediation) -> None:
        if before is None or before.state != after.state:
            self._owed[f"remediation {after.state}", after.id] += 1

    def written(self, intent: Intent) -> None:
        self._owed["intent", intent.id] += 1

    def settled(self, intent: Intent) -> None:
        self._owed[f"intent {intent.outcome}", intent.id] += 1

    def compare(self) -> None:
        """What a commit changed, and what it noted. Most commits note nothing, and owe nothing."""
        newest = self._connection.exec_driver_sql("SELECT coalesce(max(number), 0) FROM audit").scalar_one()
        if newest == self._read and not self._owed:
            return
        for entry in audit.entries(self._connection, self._read, 1_000, ""):
            self._read = entry.number
            before = self._heads.get(entry.writer, Head(entry.writer, 0, START))
            self._heads[entry.writer] = seal(before, entry.at, entry.kind, entry.detail)
            if self._heads[entry.writer] != Head(entry.writer, entry.place, entry.digest):
                self._court.accuse("audit", f"entry {entry.number} does not hold on to place {before.place}")
            about = json.loads(entry.detail)
            self._owed[entry.kind, about.get("id") or about.get("remediation", "")] -= 1
        if audit.heads(self._connection) != sorted(self._heads.values(), key=lambda head: head.writer):
            self._court.accuse("audit", "the heads of the log are not its newest entries")
        for (kind, id), owed in self._owed.items():
            if owed > 0:
                self._court.accuse("audit", f"{id} has no entry for {kind}")
        self._owed.clear()
