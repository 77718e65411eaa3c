"""The whole service with an escalation: whatever fails, whoever is next is called in time, and nobody once somebody is on it.

The world, its faults and all other promises are those of the service's own scenario; people acknowledge more often here.
"""

import asyncio
import random

from msgspec.structs import replace

from healer.assembly.ports import Plan
from healer.convergence.people import Said
from healer.notification.oncall.settings import Escalation, Oncall, Rung
from healer.notification.settings import Route
from healer.times import MINUTE, SECOND
from healer.web import words
from healer.web.ports import Service as Door
from tests.simulation import Outcome, scenario
from tests.simulation.chat import NAME
from tests.simulation.loop import SimLoop
from tests.simulation.people import chance_of
from tests.simulation.promises.called import Called
from tests.simulation.scenarios.service import Run, run_of

ESCALATION = Escalation(
    steps=(Rung(tell=(NAME,), after=15 * SECOND), Rung(tell=(NAME,), after=MINUTE)), repeat=2, wait=MINUTE
)
ACKS = 3
"""How often somebody acknowledges an incident, at most."""
POLICY = "nights"


class Escalating(Run):
    """One seed of it."""

    def __init__(self, seed: int, loop: SimLoop) -> None:
        super().__init__(seed, loop)
        self.plans = [escalating(plan) for plan in self.plans]
        self.service.plan = self.plans[0]
        world = self.world
        self.called = Called(world.court, self.tape, world.memory, world.chat, ESCALATION)
        world.witnesses.append(self.called)
        self.acknowledged = 0

    async def go(self) -> None:
        acks = asyncio.get_running_loop().create_task(self._acknowledge(), name="acknowledgements")
        await super().go()
        acks.cancel()

    async def _acknowledge(self) -> None:
        chance, storm = random.Random(f"acks {self.options.seed}"), self.options.storm
        for at in sorted(chance.randrange(2 * storm) for _ in range(chance.randrange(ACKS + 1))):
            await asyncio.sleep(max(at - self._loop.now, 0) / SECOND)
            draw = chance.randrange(1_000)

            async def say(door: Door, who: str = f"on it {at}", draw: int = draw) -> None:
                found, _ = await door.projections.incidents(status="open")
                if found:
                    incident = chance_of(sorted(one.id for one in found), draw)
                    await words.say(door, Said("ack", incident, who, who, who))
                    self.acknowledged += 1

            await self.service.order(say)

    def outcome(self) -> Outcome:
        found = super().outcome()
        counts = {"calls": self.called.count, "acknowledged": self.acknowledged}
        return replace(found, counts={**found.counts, **counts})


def escalating(plan: Plan) -> Plan:
    """The same, and everything escalates."""
    oncall, route = Oncall(escalations={POLICY: ESCALATION}), Route(channels=(NAME,), escalate=(POLICY,))
    return replace(plan, deciding=replace(plan.deciding, oncall=oncall, routes=(route,)))


@scenario("oncall")
def oncall(seed: int) -> Outcome:
    """The whole service with an escalation under this seed."""
    return run_of(Escalating, seed)
