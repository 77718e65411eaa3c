"""Agents: many orders for few places, agents that die, stand still and are cut off, and a healer that is restarted meanwhile.

A storm of orders and faults, then a quiet phase at whose end everything is done once, and everybody knows it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from healer.executors.agent.roll import Member, Roll
from healer.executors.register import Ran
from healer.executors.target import Order
from healer.times import DAY, MINUTE, SECOND, Micros
from tests.simulation import Broken, Outcome, scenario
from tests.simulation.agents.healers import Ground, Replicas
from tests.simulation.agents.kept import Shelf, SyncedRegister
from tests.simulation.agents.ledger import Ledger
from tests.simulation.agents.machine import Machine
from tests.simulation.agents.network import Network
from tests.simulation.agents.options import Options
from tests.simulation.agents.trouble import Trouble
from tests.simulation.court import Court
from tests.simulation.listening import listening
from tests.simulation.loop import SimLoop
from tests.simulation.machines import Fleet
from tests.simulation.promises.agents import AtMostOnce, AtOnce, Heard, InTurn, Stops, Unsaid
from tests.simulation.promises.fenced import Fenced
from tests.simulation.secrets import Secrets
from tests.simulation.world import SimClock

QUIET = 20 * MINUTE
"""Everything has to be over by then: the deadline of an order, and what an agent waits beyond it, fit in many times."""
BEYOND_A_LOCK: Micros = 15 * SECOND


class Run:
    """One seed's machines, healers and checkers."""

    def __init__(self, options: Options, loop: SimLoop) -> None:
        self._loop = loop
        self.options = options
        self.court = court = Court()
        self.trouble = trouble = Trouble(loop, options)
        clock = SimClock(loop)
        names = [f"host/cn-{number}" for number in range(options.agents)]
        self.unsaid = Unsaid(court)
        self.secrets = Secrets(options.seed)
        self.fleet = fleet = Fleet(self, clock, self.secrets.printed)
        self.ledger = ledger = Ledger(options, names, court)
        self.in_turn = InTurn(court, clock)
        self.ground = Ground(options, loop, trouble, fleet, ledger, self.in_turn, self.unsaid)
        self.replicas = Replicas(self.ground, _roll(names))
        self.machines = {
            name: Machine(name, fleet, Network(loop, trouble, options, name), clock, self.replicas.doors)
            for name in names
        }
        self.fenced = Fenced(court, fleet)
        self.once = AtMostOnce(court, ledger)
        self.at_once = AtOnce(court, fleet, self.machines)
        self.stops = Stops(court, ledger, fleet, self.machines)
        self.heard = Heard(court, self.machines)
        fleet.registers = defaultdict(lambda: SyncedRegister(self.fenced.accepted))

    # --- the machines, for the fleet

    def reachable(self, target: str) -> bool:
        return self.machines[target.rpartition("/")[0]].on

    def perform(self, order: Order) -> Ran:
        """A command starts."""
        chance = self.trouble.chance
        ran = Ran(int(chance.randrange(1_000) < self.options.fails), takes=chance.randrange(self.options.takes))
        for promise in (self.fenced, self.at_once, self.stops):
            promise.starts(order)
        self.once.starts(order, ran)
        return ran

    # --- the run

    async def go(self) -> None:
        """Storm, then quiet, then the last look; or to the first accusation."""
        await self.court.follow(self._all())

    async def _all(self) -> None:
        options = self.options
        self.replicas.begin()
        for machine in self.machines.values():
            machine.start()
        happens: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (options.kills, self._kills),
            (options.stops, self._stops),
            (options.cuts, self._cuts),
            (options.power, self._loses_power),
            (options.full, self._fills),
            (options.paused, self._pauses),
            (options.switches, self._throws),
            (options.restarts, self.replicas.restart),
            (options.overtaken, self.replicas.overtake),
        ]
        storm = [self._orders(), *(self._at_times(count, what) for count, what in happens)]
        await asyncio.gather(*(self._loop.create_task(one, name=f"storm {at}") for at, one in enumerate(storm)))
        self.trouble.quiet()
        until = self._loop.now + QUIET
        while left := self._left():
            if self._loop.now > until:
                self.heard.at_the_end()
                self.court.accuse("liveness", f"after {QUIET // MINUTE} quiet minutes {left}")
                return
            await asyncio.sleep(5)
        self.once.all_known()

    def _left(self) -> str:
        if self.ledger.left:
            return f"these orders are not done: {', '.join(str(wish.number) for wish in self.ledger.left)}"
        return f"nobody heard of {missing}" if (missing := self.heard.missing()) else ""

    async def _orders(self) -> None:
        for at in self.ledger.comes:
            await asyncio.sleep(max(at - self._loop.now, 0) / SECOND)
            self.ledger.come()

    async def _at_times(self, count: int, what: Callable[[], Awaitable[None]]) -> None:
        for at in self.trouble.moments(count):
            await asyncio.sleep(max(at - self._loop.now, 0) / SECOND)
            await what()

    # --- what happens

    def _one(self) -> Machine:
        return self.trouble.chance.choice(list(self.machines.values()))

    async def _kills(self) -> None:
        machine = self._one()
        if self.trouble.chance.random() < 0.7:
            self.trouble.note(machine.name, "an agent is killed")
            machine.kill()
        else:
            self.trouble.note(machine.name, "an agent is ended")
            await machine.end()

    async def _stops(self) -> None:
        machine, lasts = self._one(), self.trouble.up_to(self.options.longest_stop)
        if machine.process is not None and not machine.process.frozen:
            beyond = " beyond a lock's time" if lasts > BEYOND_A_LOCK else ""
            self.trouble.note(machine.name, f"an agent stands still{beyond}")
            machine.process.pause(lasts / SECOND)
            await asyncio.sleep(lasts / SECOND)

    async def _cuts(self) -> None:
        machine = self._one()
        self.trouble.note(machine.name, "cut off")
        machine.network.sever()
        await asyncio.sleep(self.trouble.up_to(self.options.longest_cut) / SECOND)
        machine.network.mend()

    async def _loses_power(self) -> None:
        machine = self._one()
        if machine.on:
            self.trouble.note(machine.name, "no power")
            interrupted = machine.lose_power()
            self.once.interrupted(interrupted)
            for at, effect in enumerate(self.fleet.effects):
                if effect.intent in interrupted:
                    self.fleet.effects[at] = replace(effect, ends_at=min(effect.ends_at, self._loop.now))
                    self.trouble.note(machine.name, "interrupted")
            await asyncio.sleep(self.trouble.chance.choice((3, 20)))
            machine.boot()

    async def _fills(self) -> None:
        machine = self._one()
        self.trouble.note(machine.name, "full disk")
        machine.disk.full = True
        await asyncio.sleep(self.trouble.chance.choice((2, 10)))
        machine.disk.full = False

    async def _pauses(self) -> None:
        machine = self._one()
        self.trouble.note(machine.name, "pause file")
        machine.pause_file, self.stops.file_since[machine.name] = True, self._loop.now
        await asyncio.sleep(self.trouble.chance.choice((2, 15)))
        machine.pause_file = False
        del self.stops.file_since[machine.name]

    async def _throws(self) -> None:
        await self.trouble.worst(self.trouble.late)
        self.trouble.note("ann", "switch thrown")
        self.ledger.thrown_at = self._loop.now
        await asyncio.sleep(self.trouble.chance.choice((3, 12)))
        self.ledger.thrown_at = None

    def outcome(self) -> Outcome:
        """What it was."""
        effects = "".join(f"{effect}\n" for effect in self.fleet.effects)
        trace = blake2b(f"{self._loop.trace()}\n{effects}".encode(), digest_size=8).hexdigest()
        by_agent = sum(len(machine.by_agent) for machine in self.machines.values())
        return Outcome(
            trace=trace,
            options=self.options.described(),
            faults=tuple(self.trouble.injected),
            counts={
                "virtual seconds": self._loop.now // SECOND,
                "callbacks": self._loop.callbacks,
                "orders": len(self.ledger.wishes),
                "attempts": len(self.ledger.intents),
                "effects": len(self.fleet.effects),
                "effects by another way": len(self.fleet.effects) - by_agent,
                "stale orders refused": sum(one.refusals for one in self.fleet.registers.values()),
                "places all taken": self.at_once.full,
                "overtaken in the queue": self.in_turn.overtaken,
                "secrets blurted out": self.secrets.said,
                "reports that came late": self.ground.noted.get("agent reported late", 0),
            },
        )


@scenario("agents")
def agents(seed: int) -> Outcome:
    """Orders by agents under this seed."""
    options = Options.drawn(seed)
    with SimLoop(seed) as loop:
        run = Run(options, loop)
        with listening(run.court, run.unsaid):
            loop.run(run.go())
            run.court.errors.extend(loop.uncaught())
            outcome = run.outcome()
            loop.close()
    for promise, what in run.court.accusations:
        raise Broken(promise, what, outcome)
    if run.court.errors:
        raise AssertionError(f"{run.court.errors[0]}\n{outcome}")
    return outcome


def _roll(names: list[str]) -> Roll:
    """They were enrolled long ago."""
    enrolled = Shelf()
    for name in names:
        enrolled.keep(name, msgspec.json.encode(Member(name, ("its certificate",), 0, 3_650 * DAY)))
    return Roll(enrolled, Shelf())
