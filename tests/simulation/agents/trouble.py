"""What goes wrong, and when: drawn from the seed, and written down."""

import asyncio
import contextlib
import random

from healer.times import MILLISECOND, SECOND, Micros, format_duration
from tests.simulation.agents.options import Options
from tests.simulation.loop import SimLoop


class Trouble:
    """The seed's chance. `quiet()` ends it, so that a run can come to rest."""

    def __init__(self, loop: SimLoop, options: Options) -> None:
        self.chance = random.Random(f"trouble {options.seed}")
        self.injected: list[str] = []
        self._loop = loop
        self._options = options
        self._over = False
        self.late = asyncio.Event()
        """A go is on its way, and late."""

    def quiet(self) -> None:
        self._over = True

    def note(self, where: str, what: str) -> None:
        self.injected.append(f"{format_duration(self._loop.now)} {where}: {what}")

    def happens(self, per_mille: int, where: str, what: str) -> bool:
        """Whether it does, here and now."""
        if self._over or self.chance.randrange(1_000) >= per_mille:
            return False
        self.note(where, what)
        return True

    def way(self, where: str, kind: str) -> Micros:
        """How long a message of this kind is under way."""
        if self.happens(self._options.late, where, f"late {kind}"):
            if kind == "Go":
                self.late.set()
            return self.chance.randrange(1, self._options.latest + 1)
        return self.chance.randrange(1, 20) * MILLISECOND

    def moments(self, count: int) -> list[Micros]:
        """So many instants of the storm."""
        return sorted(self.chance.randrange(self._options.storm) for _ in range(count))

    async def worst(self, moment: asyncio.Event) -> None:
        """Wait for such a moment, but not for long."""
        moment.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.chance.choice((5, 30))):
                await moment.wait()

    def up_to(self, longest: Micros) -> Micros:
        return self.chance.randrange(SECOND // 2, longest + 1)
