"""What happened, once more: the audit log and the records of machine and cluster, in order, before the simulation's own checkers.

The store as it was after each entry is made anew in memory, so that whoever looks at it there need not know that it is past.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import insert, update

from healer.executors.memory import Effect
from healer.executors.target import Order
from healer.remediation.model import Intent, Remediation
from healer.store import schema
from healer.store.inline import Memory
from healer.times import Micros
from tests.integration.chaos.deeds import Deed
from tests.simulation.court import Court
from tests.simulation.promises.arrows import Arrows
from tests.simulation.promises.counted import Counted
from tests.simulation.promises.effects import WrittenFirst
from tests.simulation.promises.fenced import Fenced
from tests.simulation.promises.proven import Proven
from tests.simulation.promises.stopped import Stopped

_pack = msgspec.msgpack.Encoder().encode
Event = tuple[Micros, int, Callable[[], None]]


class Noted(msgspec.Struct, frozen=True):
    """An entry of the audit log."""

    at: Micros
    kind: str
    detail: dict[str, Any]


class Records(msgspec.Struct, frozen=True):
    """All that was written down."""

    audit: Sequence[Noted]
    remediations: dict[str, Remediation]
    """As they ended, like the intents."""
    intents: dict[str, Intent]
    deeds: Sequence[Deed]
    accepted: Sequence[tuple[Micros, str, int, int]] = ()
    """When an object accepted which (token, step), as far as it says."""


class Hands:
    """A clock that shows when what is looked at happened."""

    def __init__(self) -> None:
        self.at: Micros = 0

    def now(self) -> Micros:
        return self.at

    def monotonic(self) -> Micros:
        return self.at


class Log:
    """The deeds so far."""

    def __init__(self, clock: Hands) -> None:
        self.clock = clock
        self.effects: list[Effect] = []


class Past:
    """`replay` once; then `court.accusations` has what was wrong. `was_well(place, after, until)` is the truth about places."""

    def __init__(self, records: Records, was_well: Callable[[str, Micros, Micros], bool]) -> None:
        self._records = records
        self._was_well = was_well
        self._clock = Hands()
        self._memory = Memory("chaos")
        self._log = Log(self._clock)
        self._states: dict[str, Remediation] = {}
        self.court = court = Court()
        self.arrows = Arrows(court, self._memory)
        self.written = WrittenFirst(court, self._memory)
        self.fenced = Fenced(court, self._log)
        self.stopped = Stopped(court, self.arrows, self._clock)
        self.proven = Proven(court, self.arrows, self, self._log)
        self.arrows.followers = [Counted(court, self.arrows), self.stopped, self.proven]

    def replay(self) -> None:
        """Everything, in order."""
        for at, _, happens in heapq.merge(self._decided(), self._accepted(), self._done()):
            self._clock.at = max(at, self._clock.at)
            happens()
        self._memory.close()

    def healthy_since(self, host: str, after: Micros) -> bool:
        return self._was_well(host, after, self._clock.at)

    def _decided(self) -> Iterator[Event]:
        """In the order of their commits; none was committed before anything that was noted before it."""
        latest: Micros = 0
        for number, entry in enumerate(self._records.audit):
            latest = max(latest, entry.at)
            yield latest, number, partial(self._decide, entry)

    def _accepted(self) -> Iterator[Event]:
        for number, (at, target, token, step) in enumerate(self._records.accepted, -2_000_000):
            order = Order("", step, token, target, "", (), 2)
            yield at, number, partial(self.fenced.accepted, order)

    def _done(self) -> Iterator[Event]:
        for number, deed in enumerate(sorted(self._records.deeds, key=lambda one: one.began_at), -1_000_000):
            yield deed.began_at, number, partial(self._begins, deed)

    def _decide(self, entry: Noted) -> None:
        kind, _, what = entry.kind.partition(" ")
        if kind == "remediation":
            self._move(entry.detail["remediation"], what, entry.detail)
        elif entry.kind == "intent":
            # The state that goes with it is noted after it.
            self._move(entry.detail["remediation"], "executing", {}, quietly=True)
            self._write(self._records.intents[entry.detail["id"]])
        elif kind == "intent" and "id" in entry.detail:
            # Without an id it is one that guards refused before it was written.
            self._settle(self._records.intents[entry.detail["id"]])
        elif kind == "switch":
            (self.stopped.thrown if what == "thrown" else self.stopped.released)(entry.detail["scope"])

    def _move(self, id: str, state: str, said: dict[str, Any], *, quietly: bool = False) -> None:
        """`quietly`: what was changed with it is looked at together with it."""
        parts = {name: said[name] for name in ("step", "attempt", "detail") if name in said}
        before = self._states.get(id)
        now = msgspec.structs.replace(before or self._records.remediations[id], state=state, helped=False, **parts)
        row = {"state": now.state, "data": _pack(now)}
        table = schema.remediation
        if before is None:
            self._execute(insert(table).values(id=id, incident=now.plan.incident, **row))
        else:
            self._execute(update(table).where(table.c.id == id).values(**row))
        self._states[id] = now
        if not quietly:
            self.arrows.committed("move")

    def _write(self, intent: Intent) -> None:
        fresh = msgspec.structs.replace(intent, outcome="", exit_code=None, output="", why="")
        row = {"id": intent.id, "remediation": intent.remediation, "target": intent.target, "unsettled": 1}
        self._execute(insert(schema.intent).values(**row, data=_pack(fresh)))
        self.arrows.committed("write_intent")

    def _settle(self, intent: Intent) -> None:
        table = schema.intent
        self._execute(update(table).where(table.c.id == intent.id).values(unsettled=0, data=_pack(intent)))
        self.arrows.committed("settle_intent")

    def _execute(self, statement: Any) -> None:
        self._memory.connection.execute(statement)

    def _begins(self, deed: Deed) -> None:
        """An effect begins. What its record says of it has to be what was written."""
        intent = self._records.intents.get(deed.intent)
        if intent is None:
            self.written.starts(Order(deed.intent, 0, 0, deed.name, "", (), 2))
            return
        argv = intent.argv if _is_of(deed, intent) else (deed.name,)
        token = intent.token if deed.token is None else deed.token
        step = intent.step if deed.step is None else deed.step
        order = Order(intent.id, step, token, intent.target, intent.address, argv, 2)
        if deed.token is None:
            self.fenced.accepted(order)
        for promise in (self.fenced, self.written):
            promise.starts(order)
        if intent.executor == "ssh":
            self.stopped.starts(order)
        effect = Effect(intent.target, intent.id, token, step, argv, deed.began_at, deed.ended_at)
        self._log.effects.append(effect)


def _is_of(deed: Deed, intent: Intent) -> bool:
    """Whether the record names what the intent was about."""
    return deed.name in (intent.argv[-1], intent.target.rpartition("/")[2])
