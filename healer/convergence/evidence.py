"""How much does an alert say about its node? By severity, by the words of its name, by how often it comes. Pure.

Read by `candidates`. The words are those that operators use in the names of their alerts, whatever they monitor.
"""

import re
from functools import lru_cache
from typing import Final

import msgspec

from healer.convergence.fixed import ONE, ln_one_plus
from healer.times import Micros


class Class:
    """What kind of trouble an alert's name speaks of."""

    DOWN: Final = "down"
    SATURATION: Final = "saturation"
    ERROR: Final = "error"
    LATENCY: Final = "latency"
    TRAFFIC: Final = "traffic"
    OTHER: Final = "other"


WORDS: tuple[tuple[str, str], ...] = (
    (Class.DOWN, r"unreachable|not_?ready|probe_?fail|offline|broken|crash"
     r"|(host|node|target|instance|server|service)_?down|down$"),
    (Class.SATURATION, r"cpu|memory|\boom|oom_?kill|disk|filesystem|space|inode|saturat|throttl|exhaust|swap|heap|pressure"
     r"|queue|connections|file_?descriptors|full|usage"),
    (Class.ERROR, r"error|fail|fault|success|availab|5xx|refused|reject|panic|restart|lost|loss"),
    (Class.LATENCY, r"latency|duration|slow|response|time_?out|delay|lag|p[59][059]"),
    (Class.TRAFFIC, r"traffic|throughput|request|rate|qps|rps|packets|bytes|network|receive|transmit"),
)  # fmt: skip
"""The first class one of whose words a name has is its class."""

_EXPRESSIONS = tuple((name, re.compile(words)) for name, words in WORDS)

WEIGHT = {
    Class.DOWN: ONE,
    Class.SATURATION: ONE,
    Class.ERROR: 700_000,
    Class.LATENCY: 500_000,
    Class.OTHER: 400_000,
    Class.TRAFFIC: 200_000,
}
"""How much each class says of the node itself, in millionths: what is full is its own doing, what is slow may be another's."""
SEVERITY = (300_000, 600_000, 800_000, ONE)
"""How much each level says, from info to critical, in millionths."""

_BACKLOG = re.compile(
    r"backlog|back_?pressure|unack|undelivered|publish|(consumer|group|topic)\w*lag|queue_?(depth|length|size)|messages_?in_?queue"
)
"""What waits for somebody to take it: who is slow is mostly who takes, not who gives."""
_REMEMBERED = 10_000


@lru_cache(_REMEMBERED)
def class_of(name: str) -> str:
    """The class of an alert by its name."""
    lower = name.lower()
    return next((found for found, words in _EXPRESSIONS if words.search(lower)), Class.OTHER)


@lru_cache(_REMEMBERED)
def is_backlog(name: str) -> bool:
    """Whether an alert of this name says that something waits for somebody to take it."""
    return _BACKLOG.search(name.lower()) is not None


class Clue(msgspec.Struct, frozen=True, gc=False):
    """One alert as a clue: its node, name, level (0 info to 3 critical), onset, and how rare it is here, in millionths."""

    node: int
    name: str
    level: int
    onset: Micros
    rarity: int = ONE


class Trouble(msgspec.Struct, frozen=True, gc=False):
    """What one node's alerts say together. `plain` and `classed` are ln(1 + sum of weights), without and with their class.

    `drop`: nothing but its traffic changed. `backlog`: something waits there for somebody to take it. `seen_from_outside`: all
    of it is what a caller measures.
    """

    node: int
    onset: Micros
    names: tuple[str, ...]
    plain: int
    classed: int
    rarity: int
    level: int
    drop: bool
    backlog: bool
    seen_from_outside: bool


_OUTSIDE = {Class.ERROR, Class.LATENCY, Class.TRAFFIC}


def trouble(node: int, clues: list[Clue]) -> Trouble:
    """The clues of one node, at least one."""
    plain = classed = 0
    for clue in clues:
        weight = SEVERITY[clue.level] * clue.rarity // ONE
        plain += weight
        classed += weight * WEIGHT[class_of(clue.name)] // ONE
    classes = {class_of(clue.name) for clue in clues}
    return Trouble(
        node=node,
        onset=min(clue.onset for clue in clues),
        names=tuple(sorted({clue.name for clue in clues})),
        plain=ln_one_plus(plain),
        classed=ln_one_plus(classed),
        rarity=max(clue.rarity for clue in clues),
        level=max(clue.level for clue in clues),
        backlog=any(is_backlog(clue.name) for clue in clues),
        drop=classes == {Class.TRAFFIC},
        seen_from_outside=classes <= _OUTSIDE,
    )
