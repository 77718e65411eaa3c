"""What goes wrong, when, and for how long: drawn from a seed. Carried out by `site`."""

import random
from typing import Literal, NamedTuple

from healer.journey.tenure import LEASE
from healer.locks.redis import TTL
from healer.times import SECOND

Kind = Literal["kill", "stop", "hole", "restart", "flush"]
Where = Literal["postgres", "locks", "one lock", "chat", "ssh", "cluster", "everything"]

REPLICAS = ("one", "other")
TO_REPLICAS: tuple[Kind, ...] = ("kill", "stop", "kill", "stop", "stop")
AROUND: tuple[Kind, ...] = ("hole", "hole", "hole", "hole", "restart", "flush")
HOLES: tuple[Where, ...] = ("postgres", "locks", "one lock", "chat", "ssh", "cluster", "everything")

LEASE_S = LEASE / SECOND
TTL_S = TTL / SECOND


class Fault(NamedTuple):
    """From `at` (seconds from the beginning) for `lasts` seconds: to a replica, around one, or to a server of all ("")."""

    at: float
    lasts: float
    kind: Kind
    replica: str = ""
    where: Where | Literal[""] = ""


def draw(seed: int, seconds: float) -> list[list[Fault]]:
    """Two rows of faults, each of one after another: what befalls the replicas, and what befalls all around them."""
    chance = random.Random(f"chaos {seed}")
    return [_row(chance, seconds, TO_REPLICAS), _row(chance, seconds, AROUND)]


def one_of_each(seed: int) -> list[list[Fault]]:
    """As few as show every kind: nobody stands still for longer than the lease, and the one hole is the store's."""
    chance = random.Random(f"chaos {seed}")
    first, second = chance.sample(REPLICAS, 2)
    stop = Fault(1.0, LEASE_S + 1.0, "stop", first)
    around = [Fault(3.0, 0.0, "flush"), Fault(6.0, 1.0, "hole", second, "postgres"), Fault(8.5, 0.0, "restart")]
    return [[stop, Fault(7.0, 0.5, "kill", second)], around]


def _row(chance: random.Random, seconds: float, kinds: tuple[Kind, ...]) -> list[Fault]:
    found: list[Fault] = []
    at = chance.uniform(1, 4)
    while at < seconds:
        # Each kind in its turn, so that a short run has them all as well.
        fault = _fault(chance, at, kinds[len(found) % len(kinds)], len(found))
        found.append(fault)
        at += fault.lasts + chance.uniform(3, 9)
    return found


def _fault(chance: random.Random, at: float, kind: Kind, number: int) -> Fault:
    replica = chance.choice(REPLICAS)
    match kind:
        case "kill":
            return Fault(at, chance.uniform(0.2, 5), kind, replica)
        case "stop":
            beyond = chance.choice((LEASE_S, TTL_S))
            return Fault(at, beyond + chance.uniform(0.5, 4), kind, replica)
        case "hole":
            return Fault(at, chance.uniform(2, 12), kind, replica, chance.choice(HOLES))
        case _:
            return Fault(at, 0.0, kind)
