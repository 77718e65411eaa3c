"""The state machine of a remediation, read from the disk after every commit: each arrow is counted, and none is impossible.

Other promises about effects follow remediations and intents through it, one commit at a time.
"""

from collections import Counter

import msgspec

from healer.remediation.model import UNDER_WAY, Intent, Remediation
from healer.store.connections import raw_of
from healer.store.inline import Memory
from healer.times import Micros
from tests.simulation.court import Court

WRITES = frozenset({"commit", "move", "answer", "write_intent", "settle_intent", "begin_probe"})
"""Transactions that may change a remediation or an intent; what people say by the API is a `move` as well."""
_remediation = msgspec.msgpack.Decoder(Remediation).decode
_intent = msgspec.msgpack.Decoder(Intent).decode


class Follower:
    """Sees what a commit changed, in order: remediations first. `before` is None for what is new."""

    def moved(self, before: Remediation | None, after: Remediation) -> None: ...

    def written(self, intent: Intent) -> None: ...

    def settled(self, intent: Intent) -> None: ...


class Arrows:
    """`counts` holds how often each arrow was taken: "waiting -> executing", and "-> planned" for a beginning."""

    def __init__(self, court: Court, memory: Memory) -> None:
        self._court = court
        self._raw = raw_of(memory.connection)
        self._seen: dict[str, bytes] = {}
        self.remediations: dict[str, Remediation] = {}
        self.intents: dict[str, Intent] = {}
        self.followers: list[Follower] = []
        self.counts: Counter[str] = Counter()

    def committed(self, name: str) -> None:
        """A transaction of this name was committed, and nobody was answered yet."""
        if name not in WRITES:
            return
        changed = self._changed("intent")
        for id, data in self._changed("remediation"):
            before, after = self.remediations.get(id), _remediation(data)
            self.remediations[id] = after
            self._follow(name, before, after, {key for key, _ in changed})
            for follower in self.followers:
                follower.moved(before, after)
        for id, data in changed:
            known, intent = self.intents.get(id), _intent(data)
            self.intents[id] = intent
            for follower in self.followers:
                if known is None:
                    follower.written(intent)
                if intent.outcome and not (known and known.outcome):
                    follower.settled(intent)
            if known and known.outcome and intent != known:
                self._court.accuse("arrows", f"intent {id} was settled as {known.outcome}, and is changed again")

    def resumed_at(self, scope: str) -> Micros:
        """When a person took a kill switch of this scope back, 0 where none did, or it is thrown."""
        query = "SELECT at FROM switch WHERE scope = ? AND NOT thrown AND by <> 'healer'"
        found = self._raw.execute(query, (scope,)).fetchone()
        return found[0] if found else 0

    def unsettled(self, remediation: str) -> bool:
        return any(one.remediation == remediation and not one.outcome for one in self.intents.values())

    def _changed(self, table: str) -> list[tuple[str, bytes]]:
        found = []
        for id, data in self._raw.execute(f"SELECT id, data FROM {table} ORDER BY number"):
            if self._seen.get(f"{table} {id}") != data:
                self._seen[f"{table} {id}"] = data
                found.append((id, data))
        return found

    def _follow(self, name: str, before: Remediation | None, after: Remediation, intents: set[str]) -> None:
        if before is None:
            self.counts[f"-> {after.state}"] += 1
            return
        if before.state != after.state or before.step != after.step:
            self.counts[f"{before.state} -> {after.state}"] += 1
        wrong = self._impossible(name, before, after, intents)
        if wrong:
            self._court.accuse("arrows", f"remediation {after.id}, {before.state} -> {after.state}: {wrong}")

    @staticmethod
    def _impossible(name: str, before: Remediation, after: Remediation, intents: set[str]) -> str:
        """Why there is no such arrow, or ""."""
        if before.state not in UNDER_WAY and after.state != before.state:
            return f"it was at its end ({name})"
        if after.state == "executing" != before.state and not intents:
            return "it executes, and no intent was written with it"
        if after.plan != before.plan:
            return "its plan is another one"
        return ""
