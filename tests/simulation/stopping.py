"""Who stops healer in the middle of things: by the API, whose requests may be lost, or with a file on its machine.

`World.halted` is what healer sees of the file. Promise E4 counts from when the switch was written, or the file made.
"""

import asyncio
import contextlib
import random

from healer.remediation.ports import Switch
from healer.times import SECOND
from healer.web.ports import Service as Door
from tests.simulation.promises.stopped import FILE
from tests.simulation.service import Service, World

ATTEMPTS = 20
WAITS_S = 40.0
"""Seconds that a person waits at most for the moment at which it hurts."""


class Stopping:
    """People who throw the kill switch, and release it again."""

    def __init__(self, world: World, service: Service) -> None:
        self._world = world
        self._service = service
        self._chance = random.Random(f"stopping {world.options.seed}")
        self.by_file = 0
        self.by_api = 0

    async def go(self) -> None:
        """Through the storm; what is thrown last is released a little later."""
        begins, options = asyncio.get_running_loop().time(), self._world.options
        moments = sorted(self._chance.randrange(options.storm) / SECOND for _ in range(options.stops))
        for moment in moments:
            await asyncio.sleep(max(begins + moment - asyncio.get_running_loop().time(), 0))
            await self._almost()
            await (self._with_file() if self._chance.random() < 0.4 else self._by_api())

    async def _almost(self) -> None:
        """Wait, for a while, until something is about to begin, and a little longer."""
        self._world.intent.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAITS_S):
                await self._world.intent.wait()
        await asyncio.sleep(self._chance.choice((0, 0.01, 0.5, 3)))

    async def _with_file(self) -> None:
        self.by_file += 1
        self._world.halted = "a file says stop"
        self._world.stopped.thrown(FILE)
        await asyncio.sleep(self._chance.choice((2, 10, 30)))
        self._world.stopped.released(FILE)
        self._world.halted = ""

    async def _by_api(self) -> None:
        scope = self._chance.choice(("all", "all", "rule:unwedge a host"))
        self.by_api += await self._say(scope, thrown=True)
        await asyncio.sleep(self._chance.choice((2, 10, 30)))
        while not await self._say(scope, thrown=False):
            pass

    async def _say(self, scope: str, *, thrown: bool) -> bool:
        """Until healer has heard it, or it seems to be down for good."""

        async def throw(door: Door) -> None:
            await door.effects.throw(Switch(scope, thrown, "ann", "something is odd", door.clock.now()))

        for _ in range(ATTEMPTS):
            if await self._service.order(throw) == 200:
                return True
            await asyncio.sleep(2)
        return False
