"""healer's side: one process after another that has orders carried out by agents, and at times two who both believe they lead."""

import asyncio
from collections.abc import Mapping
from typing import Protocol, cast

from msgspec.structs import replace

from healer.executors.agent.agents import Agents
from healer.executors.agent.authority import Authority
from healer.executors.agent.passes import NoPass, Passes
from healer.executors.agent.reception import Caller, Reception, Refused
from healer.executors.agent.roll import Roll
from healer.executors.agent.settings import AgentSettings
from healer.executors.agent.target import AgentTarget, EitherWay
from healer.executors.agent.wire import TOKEN_LIFE, Pass, Task, ToAgent
from healer.executors.target import Order, Result
from healer.times import MINUTE, SECOND, Micros
from tests.simulation.agents.ledger import Intent, Ledger
from tests.simulation.agents.machine import SERVERS, Door
from tests.simulation.agents.network import Line
from tests.simulation.agents.options import Options
from tests.simulation.agents.trouble import Trouble
from tests.simulation.faults import Faults, Odds
from tests.simulation.loop import SimLoop
from tests.simulation.machines import Fleet, Machines
from tests.simulation.world import SimClock, SimRandom

LOOK_S = 0.5
"""Seconds between looks at what is to be done."""
AGAIN_S = 1.0
"""Seconds until something is tried, or asked, again."""
SETTINGS = AgentSettings(names=SERVERS, patience=10 * MINUTE, margin=5 * SECOND)
KEY = b"k" * 32


class Queues(Protocol):
    """Who looks at the order in which orders go out: an order waits for its agent at one healer, is handed out, is over."""

    def waits(self, at: str, order: Order) -> None: ...

    def handed(self, at: str, order: Order) -> None: ...

    def over(self, at: str, order: Order) -> None: ...


class Tokens(Protocol):
    """Who looks for tokens where somebody reads."""

    tokens: set[str]

    def look(self, where: str, text: str) -> None: ...


class Ground:
    """What all healers of a run stand on."""

    def __init__(
        self,
        options: Options,
        loop: SimLoop,
        trouble: Trouble,
        fleet: Fleet,
        ledger: Ledger,
        in_turn: Queues,
        secrets: Tokens,
    ) -> None:
        self.options = options
        self.loop = loop
        self.trouble = trouble
        self.fleet = fleet
        self.ledger = ledger
        self.clock = SimClock(loop)
        self.noted: dict[str, int] = {}
        """Entries of the audit log, by kind."""
        self.calm = Faults(loop, options.seed, Odds())
        self.in_turn = in_turn
        self.secrets = secrets

    async def note(self, kind: str, detail: Mapping[str, object]) -> None:
        self.noted[kind] = self.noted.get(kind, 0) + 1
        self.secrets.look("the audit log", str(detail))


class Replica(Door):
    """One process of healer's."""

    def __init__(self, name: str, ground: Ground, roll: Roll) -> None:
        super().__init__(name)
        self._ground = ground
        self._passes = Passes(KEY)
        self._lines: list[Line] = []
        self._busy: set[str] = set()
        self._notices = True
        authority = cast("Authority", None)  # nobody enrols here
        chance = SimRandom(ground.options.seed, name)
        self._agents = Agents(SETTINGS, roll, authority, self._passes, ground.clock, chance, ground.note)
        self._agents.leads = self.leads
        self._reception = Reception(self._agents, self.spawn, lambda *_: None)
        self._agent = AgentTarget(self._agents)
        other = Machines(ground.fleet, ground.calm, self) if ground.options.ssh else None
        self._way = EitherWay(self._agent, other)

    # --- for agents

    def leads(self) -> bool:
        """By what it knows: one that stood still believes it until it looks again."""
        return not self._notices or self._ground.ledger.owner == self.name

    def shown(self, name: str) -> Pass:
        token = self._passes.issue(name, "its certificate", self._ground.clock.now())
        self._ground.secrets.tokens.add(token)
        return Pass(token, TOKEN_LIFE)

    def receive(self, line: Line, name: str, shown: Pass) -> None:
        self._lines = [*(one for one in self._lines if not one.broken), line]
        line.healer.said = self._says
        caller = Caller(name, "", self._until(name, shown.token), lambda token: self._until(name, token))
        self.start(self._reception.receive(line.healer, caller), name=f"line of {name}")

    def _until(self, name: str, token: str) -> Micros:
        try:
            return self._passes.check(token, name, "its certificate", self._ground.clock.now())
        except NoPass as error:
            raise Refused(error.reason, str(error)) from error

    def _says(self, message: ToAgent) -> None:
        if isinstance(message, Task) and message.verb == "run":
            self._ground.in_turn.handed(self.name, message.order)

    # --- its orders

    async def work(self) -> None:
        """Look for what is to be done, for as long as it lives."""
        while True:
            for target in self._ground.ledger.free():
                if target not in self._busy and self.leads():
                    self._busy.add(target)
                    self.spawn.start(f"order for {target}", self._serve(target))
            if any(agent.waiting for agent in self._agents.standings()):
                self._ground.ledger.queued.set()
            await asyncio.sleep(LOOK_S)

    async def _serve(self, target: str) -> None:
        """What is unsettled there first; then the next."""
        ledger = self._ground.ledger
        try:
            left = ledger.unsettled(target)
            if left is not None:
                await self._settle(left, Result("unknown"))
            elif (intent := ledger.write(self.name, target)) is not None:
                await self._settle(intent, await self._run(intent.order))
            await asyncio.sleep(AGAIN_S)
        finally:
            self._busy.discard(target)

    async def _run(self, order: Order) -> Result:
        if self._agent.reaches(order):
            self._ground.in_turn.waits(self.name, order)
        try:
            return await self._way.run(order, self._go)
        finally:
            self._ground.in_turn.over(self.name, order)

    async def _settle(self, intent: Intent, result: Result) -> None:
        """By a probe with a newer token, again and again, where its outcome is not known."""
        ledger = self._ground.ledger
        while result.outcome == "unknown":
            await asyncio.sleep(AGAIN_S)
            token = ledger.token(self.name, intent.order.target)
            if token is None or intent.result is not None:
                return
            result = await self._way.probe(replace(intent.order, token=token))
        ledger.settle(intent, result)

    async def _go(self) -> bool:
        await asyncio.sleep(0.005)
        return self._ground.ledger.thrown_at is None

    # --- its end

    def kill(self) -> None:
        """It is killed: its system hangs up for it."""
        self.freeze()
        for line in self._lines:
            line.left_by_healer()

    async def outlive(self, zombie_s: float) -> None:
        """It stood still while another one took over: it wakes, goes on as if nothing had been, and then notices."""
        self._notices = False
        await self.alive_or_never()
        await asyncio.sleep(zombie_s)
        self._notices = True
        await asyncio.sleep(1)
        self.kill()


class Replicas:
    """Keeps one at work. `doors` are those that listen, by where they do."""

    def __init__(self, ground: Ground, roll: Roll) -> None:
        self._ground = ground
        self._roll = roll
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.doors: dict[str, Door] = {}
        self.current: Replica | None = None

    def begin(self) -> None:
        """The next one takes over."""
        self._count += 1
        name = f"healer {self._count}"
        self.current = replica = Replica(name, self._ground, self._roll)
        self._ground.ledger.owner = name
        self.doors[SERVERS[self._count % len(SERVERS)]] = replica
        replica.start(self._work(replica), name="main")

    async def restart(self) -> None:
        """It is killed, or ended properly, and after a while there is another."""
        replica, trouble = self.current, self._ground.trouble
        if replica is None or replica.paused:
            return
        self.current = None
        if trouble.chance.random() < 0.5:
            trouble.note(replica.name, "healer is killed")
        else:
            trouble.note(replica.name, "healer is ended")
            await replica.end()
        replica.kill()
        await asyncio.sleep(trouble.chance.choice((1, 5, 20)))
        self.begin()

    async def overtake(self) -> None:
        """It stands still for longer than its lock, and another one begins."""
        trouble, options = self._ground.trouble, self._ground.options
        await trouble.worst(self._ground.ledger.queued)
        replica = self.current
        if replica is None or replica.paused:
            return
        trouble.note(replica.name, "healer stands still beyond its lock")
        replica.pause(options.takeover / SECOND + trouble.chance.choice((0.2, 5, 30)))
        await asyncio.sleep(options.takeover / SECOND)
        task = self._ground.loop.create_task(replica.outlive(trouble.chance.choice((1, 10, 30))), name="zombie")
        self._tasks.add(task)
        self.begin()

    async def _work(self, replica: Replica) -> None:
        replica.spawn.keep("orders", replica.work)
