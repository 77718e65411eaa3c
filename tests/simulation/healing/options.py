"""What a seed chooses for a run of healing alone. Printed with every seed that fails."""

import random
from typing import Literal, Self

import msgspec

from healer.times import SECOND, Micros, format_duration
from tests.simulation.faults import Odds

Wanted = Literal["resolved", "query", "both"]
ARRANGED = ("",) * 8 + ("in vain", "unread switch") + ("overtaken on the way", "late writer") * 2
"""What seeds are arranged for, as often as it stands here."""


class Options(msgspec.Struct, frozen=True):
    """Durations are microseconds; chances are in a hundred."""

    seed: int
    hosts: int
    plans: int
    storm: Micros
    """How long plans are made and faults are injected; then comes the quiet phase."""
    down_for: Micros
    """At most so long nobody heals after a crash."""
    locks: Literal["local", "redis", "quorum"]
    takeover: Micros
    """So long after a holder stood still another one begins."""
    zombie: Micros
    """So long a holder that was overtaken goes on after it woke."""
    failovers: int
    """How often a lock's node loses its newest writes, or is away for a while."""
    steps: int
    retry: int
    idempotent: bool
    otherwise: bool
    after_success: bool
    undo: bool
    """What was done can be taken back."""
    ineffective: bool
    """After two that did not help there, none."""
    cancels: int
    """How often a person stops a plan."""
    approve: int
    """How many people have to agree."""
    limit: int
    limit_within: Micros
    at_once: bool
    wanted: Wanted
    """What the rule asks for as a proof that it helped."""
    effect_takes: Micros
    effect_helps: int
    effect_fails: int
    vanishes: int
    """How often an alert ends because its source went away, and not because it is well."""
    unseen: int
    """How often Prometheus has no sample, or none that is new."""
    unreachable: int
    """How often a host cannot be reached for a while."""
    switches: int
    silences: int
    works: int
    superseded: int
    skew: Micros
    """What a holder's wall clock is wrong by, at most."""
    clock_steps: int
    odds: Odds
    arranged_for: str = ""
    """What chance brings about too seldom, and this seed therefore has all that is needed for."""

    @classmethod
    def drawn(cls, seed: int) -> Self:
        chance = random.Random(f"healing {seed}")
        drawn = cls(
            seed=seed,
            hosts=chance.choice((1, 2, 3)),
            plans=chance.choice((2, 3, 5, 8)),
            storm=chance.choice((60, 120, 180)) * SECOND,
            down_for=chance.choice((1, 5, 30)) * SECOND,
            locks=chance.choice(("local", "local", "redis", "quorum")),
            takeover=chance.choice((1, 1, 5, 16)) * SECOND,
            zombie=chance.choice((1, 10, 30)) * SECOND,
            failovers=chance.choice((0, 2, 6)),
            steps=chance.choice((1, 1, 2)),
            retry=chance.choice((0, 1, 3)),
            idempotent=chance.random() < 0.15,
            otherwise=chance.random() < 0.3,
            after_success=chance.random() < 0.2,
            undo=chance.random() < 0.3,
            ineffective=chance.random() < 0.4,
            cancels=chance.choice((0, 0, 2)),
            approve=chance.choice((0, 0, 1, 2)),
            limit=chance.choice((1, 1, 2, 3)),
            limit_within=chance.choice((40, 120, 600)) * SECOND,
            at_once=chance.random() < 0.4,
            wanted=chance.choice(("resolved", "query", "both")),
            effect_takes=chance.choice((0, 2, 12, 30)) * SECOND,
            effect_helps=chance.choice((100, 70, 30)),
            effect_fails=chance.choice((0, 0, 30)),
            vanishes=chance.choice((0, 30, 100)),
            unseen=chance.choice((0, 30, 70)),
            unreachable=chance.choice((0, 0, 2)),
            switches=chance.choice((0, 1, 3)),
            silences=chance.choice((0, 1, 3)),
            works=chance.choice((0, 1, 2)),
            superseded=chance.choice((0, 0, 3)),
            skew=chance.choice((0, 0, 2, 60)) * SECOND,
            clock_steps=chance.choice((0, 0, 2)),
            # Holders that wake late are what this is about.
            odds=msgspec.structs.replace(
                Odds.drawn(seed),
                pause=chance.choice((0, 10, 40)),
                pauses=chance.choice((0, 2, 5)),
                longest_pause=chance.choice((8, 8, 20, 60)) * SECOND,
            ),
        )
        return drawn.arranged(random.Random(f"arranged {seed}"))

    def arranged(self, chance: random.Random) -> Self:
        """In three of seven seeds: what has to come together for something that chance brings about too seldom."""
        which = chance.choice(ARRANGED)
        odds = self.odds
        more: dict[str, object] = {}
        if which == "in vain":
            # So many fail on one host, and soon, that a rule is suspended there.
            more = {
                "hosts": 1,
                "plans": 8,
                "ineffective": True,
                "effect_fails": 100,
                "limit": 3,
                "limit_within": 40 * SECOND,
            }
        if which == "overtaken on the way":
            # What was sent lands when somebody else has asked what became of it, and sent nothing since.
            odds = msgspec.structs.replace(odds, midway=500, pauses=5, longest_pause=8 * SECOND)
            more = {"takeover": SECOND, "zombie": 30 * SECOND, "retry": 0, "locks": "local", "plans": 8, "approve": 0}
        if which == "late writer":
            # Who wakes writes what somebody else has written, and begun, meanwhile.
            odds = msgspec.structs.replace(odds, hesitates=500, pauses=5, longest_pause=10 * SECOND)
            more = {
                "takeover": SECOND,
                "zombie": 30 * SECOND,
                "locks": "local",
                "plans": 8,
                "approve": 0,
                "limit": 3,
                "limit_within": 40 * SECOND,
                "effect_takes": 12 * SECOND,
            }
        if which == "unread switch":
            odds = msgspec.structs.replace(odds, unread=500, slow=600, longest_delay=8 * SECOND)
            more = {"switches": 6, "plans": 8, "approve": 0, "limit": 3, "limit_within": 40 * SECOND}
        return msgspec.structs.replace(self, arranged_for=which, odds=odds, **more)

    def described(self) -> dict[str, str]:
        """Each option as people read it."""
        told = msgspec.structs.asdict(self)
        odds = told.pop("odds")
        spans = {"storm", "down_for", "takeover", "zombie", "limit_within", "effect_takes", "skew"}
        words = {name: format_duration(value) if name in spans else str(value) for name, value in told.items()}
        words |= {f"odds.{name}": str(value) for name, value in msgspec.structs.asdict(odds).items()}
        for name in ("longest_delay", "longest_pause"):
            words[f"odds.{name}"] = format_duration(getattr(odds, name))
        return words
