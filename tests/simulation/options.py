"""What a seed chooses for a run of the whole service: sizes, times, odds. Printed with every seed that fails."""

import random
from typing import Literal, Self

import msgspec

from healer.times import SECOND, Micros, format_duration
from tests.simulation.faults import Odds


class Options(msgspec.Struct, frozen=True):
    """Durations are microseconds; chances are in a hundred."""

    seed: int
    racks: int
    hosts: int
    services: int
    troubles: int
    storm: Micros
    """How long things break and faults are injected; then comes the quiet phase."""
    hold: Micros
    settle: Micros
    max_untold: Micros
    sender: Literal["alertmanager", "prometheus"]
    group_interval: Micros
    down_for: Micros
    """At most so long a crashed service stays down."""
    deploys: int
    """Restarts by people, with a proper end, in the storm."""
    snapshot_every: int
    asks: bool
    """The rule asks Prometheus before it acts."""
    effect_takes: Micros
    effect_helps: int
    effect_fails: int
    idempotent: bool
    steps: int
    otherwise: bool
    silences: int
    """How often a person silences a host for a while."""
    edits: int
    """How often somebody takes an edge out of the inventory for a while; without any there is no inventory."""
    reloads: bool
    """Each deploy brings other settings."""
    words: int
    """How often a person says something to healer: a silence, maintenance, or a word on an incident."""
    flap_changes: int
    flap_within: Micros
    reopenings: int
    reopened_within: Micros
    storm_roots: int
    storm_within: Micros
    storm_calm: Micros
    stops: int
    """How often somebody throws the kill switch, by the API or with a file."""
    locks: Literal["local", "redis", "quorum"]
    degrade: bool
    """Without an answer from those nodes the process goes by its own lock."""
    failovers: int
    """How often a lock's node loses its newest writes, or is away for a while."""
    reloads_amid: int
    """How often the files are read again without a restart, while a remediation is under way."""
    skew: Micros
    """What the clock of healer's machine is wrong by at most, at each start."""
    clock_steps: int
    """How often it is set, forward or back."""
    odds: Odds

    @classmethod
    def drawn(cls, seed: int) -> Self:
        chance = random.Random(f"options {seed}")
        hold = chance.choice((5, 10, 20)) * SECOND
        return cls(
            seed=seed,
            racks=chance.choice((1, 1, 2)),
            hosts=chance.choice((1, 2, 2, 3)),
            services=chance.choice((0, 1, 1, 2)),
            troubles=chance.choice((1, 2, 3, 4)),
            storm=chance.choice((120, 180, 240)) * SECOND,
            hold=hold,
            settle=chance.choice((15, 30, 60)) * SECOND,
            max_untold=chance.choice((40, 60, 600)) * SECOND,
            sender=chance.choice(("alertmanager", "alertmanager", "prometheus")),
            group_interval=chance.choice((2, 5, 15)) * SECOND,
            down_for=chance.choice((1, 5, 50)) * SECOND,
            deploys=chance.choice((0, 0, 1, 3)),
            snapshot_every=chance.choice((5, 20, 500_000)),
            asks=chance.random() < 0.5,
            effect_takes=chance.choice((0, 2, 12)) * SECOND,
            effect_helps=chance.choice((100, 100, 60)),
            effect_fails=chance.choice((0, 0, 30)),
            idempotent=chance.random() < 0.25,
            steps=chance.choice((1, 1, 2)),
            otherwise=chance.random() < 0.3,
            silences=chance.choice((0, 0, 1, 2)),
            edits=chance.choice((0, 0, 2, 5)),
            reloads=chance.random() < 0.5,
            words=chance.choice((0, 0, 3, 8)),
            flap_changes=chance.choice((3, 4)),
            flap_within=chance.choice((60, 60, 180, 600)) * SECOND,
            reopenings=chance.choice((2, 3)),
            reopened_within=chance.choice((60, 60, 180, 900)) * SECOND,
            storm_roots=chance.choice((2, 3, 20, 20)),
            storm_within=chance.choice((30, 60)) * SECOND,
            storm_calm=chance.choice((60, 120)) * SECOND,
            stops=chance.choice((0, 0, 1, 3)),
            locks=chance.choice(("local", "redis", "quorum")),
            degrade=chance.random() < 0.3,
            failovers=chance.choice((0, 2, 5)),
            reloads_amid=chance.choice((0, 0, 1, 2)),
            skew=chance.choice((0, 0, 0, 1, 5)) * SECOND,
            clock_steps=chance.choice((0, 0, 0, 2)),
            odds=Odds.drawn(seed),
        )

    def described(self) -> dict[str, str]:
        """Each option as people read it."""
        spans = {"storm", "hold", "settle", "max_untold", "group_interval", "down_for", "effect_takes", "skew"}
        spans |= {"flap_within", "reopened_within", "storm_within", "storm_calm"}
        told = msgspec.structs.asdict(self)
        odds = told.pop("odds")
        words = {name: format_duration(value) if name in spans else str(value) for name, value in told.items()}
        words |= {f"odds.{name}": str(value) for name, value in msgspec.structs.asdict(odds).items()}
        words["odds.longest_delay"] = format_duration(odds.longest_delay)
        return words
