"""The clock and the chance that a simulated service is given instead of the machine's (see `healer.seams`)."""

import random

from healer.times import DAY, Micros
from tests.simulation.loop import SimLoop

EPOCH: Micros = 20_454 * DAY
"""2026-01-01T00:00:00Z: when a simulation starts, by its wall clock."""


class SimClock:
    """`Clock` on the loop's virtual time. `skew` is how wrong this machine's wall clock is; `step` moves it."""

    def __init__(self, loop: SimLoop, *, epoch: Micros = EPOCH, skew: Micros = 0) -> None:
        self._loop = loop
        self._offset = epoch + skew

    def now(self) -> Micros:
        return self._offset + self._loop.now

    def monotonic(self) -> Micros:
        return self._loop.now

    def step(self, by: Micros) -> None:
        """Set the wall clock forward, or back, as NTP or a person does."""
        self._offset += by


class SimRandom:
    """`Random` from a seed. `stream` keeps two of the same seed apart."""

    def __init__(self, seed: int, stream: str = "") -> None:
        self._chance = random.Random(f"chance {seed} {stream}")

    def uniform(self, low: float, high: float) -> float:
        return self._chance.uniform(low, high)

    def token(self, size: int = 16) -> str:
        return self._chance.randbytes(size).hex()
