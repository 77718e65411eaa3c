"""What healer keeps of its orders: on a disk that outlives its processes, under the one that owns it.

As `healer.store` does it for remediations, with less of it: an intent is written before its effect, by the owner alone and not
while the switch is thrown; tokens only grow; an intent is settled once.
"""

import asyncio
import itertools
import random
from collections import defaultdict

from healer.executors.target import Order, Result
from healer.times import Micros
from tests.simulation.agents.options import Options
from tests.simulation.court import Court

DEADLINE_S = 20


class Wish:
    """Something that is to be done once, on one target, and what is known of it."""

    def __init__(self, number: int, machine: str, target: str, priority: int) -> None:
        self.number = number
        self.machine = machine
        self.target = target
        self.priority = priority
        self.attempts = 0
        self.result: Result | None = None


class Intent:
    """One attempt at it."""

    def __init__(self, wish: Wish, order: Order, author: str) -> None:
        self.wish = wish
        self.order = order
        self.author = author
        self.result: Result | None = None


class Ledger:
    """All of it. `owner` is the healer that may write."""

    def __init__(self, options: Options, machines: list[str], court: Court) -> None:
        chance = random.Random(f"orders {options.seed}")
        self.intents: dict[str, Intent] = {}
        self.owner = ""
        self.thrown_at: Micros | None = None
        self.wishes: list[Wish] = []
        self.comes: list[Micros] = sorted(chance.randrange(options.storm * 4 // 5) for _ in range(options.orders))
        self._to_come = []
        for number in range(options.orders):
            machine = chance.choice(machines)
            target = f"{machine}/{chance.randrange(options.targets)}"
            self._to_come.append(Wish(number, machine, target, chance.randint(0, options.urgent)))
        self._tokens = defaultdict[str, "itertools.count[int]"](lambda: itertools.count(1))
        self._court = court
        self.queued = asyncio.Event()
        """Orders wait for an agent's places."""

    def come(self) -> None:
        """The next one is wanted from now on."""
        self.wishes.append(self._to_come[len(self.wishes)])

    @property
    def left(self) -> list[Wish]:
        """What is not known to be done, and what nobody wanted yet."""
        return [wish for wish in self._to_come if wish.result is None]

    def free(self) -> list[str]:
        """Targets on which something is to be done."""
        return list(dict.fromkeys(wish.target for wish in self.wishes if wish.result is None))

    def unsettled(self, target: str) -> Intent | None:
        return next((one for one in self.intents.values() if one.order.target == target and one.result is None), None)

    def token(self, who: str, target: str) -> int | None:
        """The next, for the owner alone."""
        return next(self._tokens[target]) if who == self.owner else None

    def write(self, who: str, target: str) -> Intent | None:
        """T3: the next attempt there. None: not now, or not this one."""
        if self.thrown_at is not None or self.unsettled(target) is not None:
            return None
        token = self.token(who, target)
        wish = next((one for one in self.wishes if one.target == target and one.result is None), None)
        if wish is None or token is None:
            return None
        wish.attempts += 1
        id = f"w{wish.number}.{wish.attempts}"
        argv = ("/usr/sbin/mend", target)
        order = Order(id, 0, token, target, wish.machine, argv, DEADLINE_S, priority=wish.priority)
        self.intents[id] = Intent(wish, order, who)
        return self.intents[id]

    def settle(self, intent: Intent, result: Result) -> None:
        """T4: what became of it. What was said first counts, and nothing else may be said later."""
        if intent.result is not None:
            if intent.result.started != result.started:
                self._court.accuse("known", f"{intent.order.intent} is {intent.result}, and then {result}")
            return
        intent.result = result
        if result.started:
            intent.wish.result = result
