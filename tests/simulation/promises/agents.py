"""What agents promise, by the machines' own logs: E1, E4, three at once, nobody starves, every end is heard, no secret told."""

import logging
from collections.abc import Mapping

from healer.executors.register import KILLED, Ran
from healer.executors.target import Order
from healer.seams import Clock
from healer.times import SECOND, Micros, format_duration
from tests.simulation.agents.ledger import Ledger
from tests.simulation.agents.machine import Machine
from tests.simulation.court import Court
from tests.simulation.machines import Fleet
from tests.simulation.secrets import MARK

STEP: Micros = 10 * SECOND
"""What one step of priority counts for, in waiting, as docs/agent.md has it."""
AT_ONCE = 3
"""Orders that an agent carries out, as docs/agent.md has it."""


class AtMostOnce:
    """E1: each effect has an intent that is not settled; what is wanted once is had once; and what is said of it is so."""

    def __init__(self, court: Court, ledger: Ledger) -> None:
        self._court = court
        self._ledger = ledger
        self._had: dict[int, str] = {}
        self._ended: dict[str, int] = {}

    def starts(self, order: Order, ran: Ran) -> None:
        intent = self._ledger.intents.get(order.intent)
        if intent is None:
            self._court.accuse("E1", f"an effect on {order.target} without an intent: {order.intent}")
            return
        if intent.result is not None:
            self._court.accuse("E1", f"{order.intent} was settled as {intent.result.outcome}, and now it starts")
        before = self._had.setdefault(intent.wish.number, order.intent)
        if before != order.intent or order.intent in self._ended:
            self._court.accuse("E1", f"{order.intent} has its effect on {order.target}, and {before} had it")
        by_deadline = ran.takes > order.deadline_s * SECOND
        self._ended[order.intent] = KILLED if by_deadline else ran.exit_code

    def interrupted(self, intents: list[str]) -> None:
        """The power went while they ran."""
        self._ended.update(dict.fromkeys(intents, KILLED))

    def all_known(self) -> None:
        """In the end: what healer knows of each is what the machine did."""
        for wish in self._ledger.wishes:
            did = self._ended.get(self._had.get(wish.number, ""))
            if wish.result is not None and (did == 0) != (wish.result.outcome == "succeeded"):
                self._court.accuse("known", f"order {wish.number} ended with {did}, and is said to have {wish.result}")


class AtOnce:
    """No agent carries out more than three at once."""

    def __init__(self, court: Court, fleet: Fleet, machines: Mapping[str, Machine]) -> None:
        self._court = court
        self._fleet = fleet
        self._machines = machines
        self.full = 0
        """How often all its places were taken."""

    def starts(self, order: Order) -> None:
        machine, now = self._machines[order.address], self._fleet.clock.monotonic()
        running = [
            one.intent for one in self._fleet.effects if one.intent in machine.by_agent and one.ends_at > now
        ] + [order.intent] * (order.intent in machine.by_agent)
        self.full += len(running) == AT_ONCE
        if len(running) > AT_ONCE:
            self._court.accuse("places", f"{machine.name} carries out {', '.join(running)} at once")


class InTurn:
    """Nobody waits for ever: ten seconds of waiting count as much as one step of priority."""

    def __init__(self, court: Court, clock: Clock) -> None:
        self._court = court
        self._clock = clock
        self._waiting: dict[tuple[str, str], tuple[Order, Micros]] = {}
        self.overtaken = 0
        """How often one that came earlier had to wait for a more urgent one."""

    def waits(self, at: str, order: Order) -> None:
        self._waiting[at, order.intent] = (order, self._clock.monotonic())

    def over(self, at: str, order: Order) -> None:
        self._waiting.pop((at, order.intent), None)

    def handed(self, at: str, order: Order) -> None:
        _, since = self._waiting.pop((at, order.intent), (order, None))
        if since is None:
            return
        for (where, intent), (other, earlier) in self._waiting.items():
            if where != at or other.address != order.address or earlier >= since:
                continue
            self.overtaken += 1
            if since - earlier > STEP * (order.priority - other.priority + 1):
                longer = format_duration(since - earlier)
                self._court.accuse(
                    "turns",
                    f"{order.intent} (priority {order.priority}) goes first, and {intent} "
                    f"(priority {other.priority}) has waited {longer} longer",
                )


class Stops:
    """E4: nothing starts later than a second after the switch is thrown, or, by an agent, after the file is there."""

    def __init__(self, court: Court, ledger: Ledger, fleet: Fleet, machines: Mapping[str, Machine]) -> None:
        self._court = court
        self._ledger = ledger
        self._fleet = fleet
        self._machines = machines
        self.file_since: dict[str, Micros] = {}

    def starts(self, order: Order) -> None:
        now = self._fleet.clock.monotonic()
        since = self._ledger.thrown_at
        if since is not None and now - since > SECOND:
            self._court.accuse(
                "E4", f"{order.intent} starts {format_duration(now - since)} after the switch was thrown"
            )
        machine = self._machines[order.address]
        since = self.file_since.get(machine.name)
        if since is not None and now - since > SECOND and order.intent in machine.by_agent:
            self._court.accuse("E4", f"{order.intent} starts {format_duration(now - since)} after the pause file")


class Unsaid(logging.Handler):
    """I17: neither an agent's token nor what a command printed stands in a log line, or in the audit log."""

    def __init__(self, court: Court) -> None:
        super().__init__(logging.INFO)
        self._court = court
        self.tokens: set[str] = set()
        """Those that were given out."""

    def emit(self, record: logging.LogRecord) -> None:
        self.look("a log line", f"{record.getMessage()} {vars(record)}")

    def look(self, where: str, text: str) -> None:
        """Somebody can read this there."""
        if MARK in text or any(token in text for token in self.tokens):
            self._court.accuse("secrets", f"{where} has one: {text[:500]!r}")


class Heard:
    """Of everything that an agent noted as its own, healer hears how it ended, whatever happens to both."""

    def __init__(self, court: Court, machines: Mapping[str, Machine]) -> None:
        self._court = court
        self._machines = machines

    def missing(self) -> list[str]:
        return [task for machine in self._machines.values() for task in sorted(machine.noted - machine.heard)]

    def at_the_end(self) -> None:
        if missing := self.missing():
            self._court.accuse("heard", f"nobody heard how these tasks of agents ended: {', '.join(missing)}")
