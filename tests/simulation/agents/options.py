"""What a seed chooses for a run of agents. Printed with every seed that fails."""

import random
from typing import Self

import msgspec

from healer.times import MILLISECOND, SECOND, Micros, format_duration


class Options(msgspec.Struct, frozen=True):
    """Durations are microseconds; chances are in a thousand."""

    seed: int
    agents: int
    targets: int
    """Of each agent: each has a register of its own, and one order at a time."""
    orders: int
    urgent: int
    """The highest priority; the lowest is 0."""
    storm: Micros
    """So long orders come, and faults are injected; then comes the quiet phase."""
    ssh: bool
    """There is another way to the machines."""
    takes: Micros
    """What is ordered takes up to so long."""
    fails: int
    kills: int
    """How often an agent is killed, or ended properly."""
    stops: int
    """How often one stands still."""
    longest_stop: Micros
    cuts: int
    longest_cut: Micros
    power: int
    """How often a machine loses its power."""
    full: int
    """How often an agent's disk takes nothing for a while."""
    restarts: int
    """How often healer is killed, or ended properly."""
    overtaken: int
    """How often healer stands still, and another one takes over."""
    takeover: Micros
    switches: int
    paused: int
    """How often somebody puts a pause file on a machine."""
    lost: int
    """Messages with which the line breaks."""
    late: int
    latest: Micros
    twice: int

    @classmethod
    def drawn(cls, seed: int) -> Self:
        chance = random.Random(f"agents {seed}")
        return cls(
            seed=seed,
            agents=chance.choice((1, 1, 2)),
            targets=chance.choice((2, 6, 12, 12)),
            orders=chance.choice((12, 30, 60)),
            urgent=chance.choice((1, 3)),
            storm=chance.choice((60, 120, 180)) * SECOND,
            ssh=chance.random() < 0.6,
            takes=chance.choice((1, 4, 12, 12)) * SECOND,
            fails=chance.choice((0, 200)),
            kills=chance.choice((0, 2, 5)),
            stops=chance.choice((0, 2, 4)),
            longest_stop=chance.choice((2, 20, 45)) * SECOND,
            cuts=chance.choice((0, 2, 4)),
            longest_cut=chance.choice((2, 10, 40)) * SECOND,
            power=chance.choice((0, 0, 1, 3)),
            full=chance.choice((0, 0, 2)),
            restarts=chance.choice((0, 1, 3)),
            overtaken=chance.choice((0, 1, 2)),
            takeover=chance.choice((1, 5, 16)) * SECOND,
            switches=chance.choice((0, 1, 3)),
            paused=chance.choice((0, 0, 2)),
            lost=chance.choice((0, 10, 40)),
            late=chance.choice((0, 20, 100)),
            latest=chance.choice((500 * MILLISECOND, 3 * SECOND, 12 * SECOND)),
            twice=chance.choice((0, 0, 20)),
        )

    def described(self) -> dict[str, str]:
        """Each option as people read it."""
        spans = {"storm", "takes", "longest_stop", "longest_cut", "takeover", "latest"}
        told = msgspec.structs.asdict(self).items()
        return {name: format_duration(value) if name in spans else str(value) for name, value in told}
