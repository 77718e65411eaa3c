"""The whole service in the simulation: one incarnation after another on the same disk, machines and chat.

`Service` is what systemd is to healer: it starts it, starts it again after a crash, and now and then ends it properly.
"""

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import Context
from typing import Protocol

from healer.assembly import Alertmanager, Healer, Plan, Ports
from healer.journey.ports import Step, StoreUnavailable
from healer.locks.local import LocalLocks
from healer.seams import Supervisor
from healer.store.inline import Memory
from healer.store.store import Store
from healer.telemetry.metrics import Registry
from healer.times import SECOND, Micros
from healer.topology.source import Source
from healer.web import ports as web
from healer.web.intake import Intake
from healer.web.problems import Problem
from notifiers.breaker import Breaker
from notifiers.channel import Channel
from notifiers.limiter import MemoryLimiter
from notifiers.retry import TELEGRAM
from tests.simulation.chat import NAME, Chat, Line
from tests.simulation.court import Court
from tests.simulation.datacentre import Datacentre
from tests.simulation.disk import Disk
from tests.simulation.faults import Faults
from tests.simulation.incarnation import Incarnation
from tests.simulation.loop import SimLoop
from tests.simulation.machines import Fleet, Machines
from tests.simulation.options import Options
from tests.simulation.prometheus import Prometheus
from tests.simulation.promises.arrows import Arrows
from tests.simulation.promises.counted import Counted
from tests.simulation.promises.noted import Noted
from tests.simulation.world import SimClock, SimRandom

REQUEST_S = 20.0
"""Seconds that a sender waits for an answer."""
STOP_S = 10.0
DEPLOY_S = 30.0
"""Seconds that a deploy waits at most for the moment at which it hurts."""
SLOW_COMMIT = ("store.commit", "delay")


class Witness(Protocol):
    """Looks on: after each committed step, after each recovery, and at each crash."""

    def stepped(self, healer: Healer, step: Step) -> None: ...

    def recovered(self, healer: Healer) -> None: ...

    def died(self, life: Incarnation) -> None: ...


class Watched(Healer):
    """The service, with somebody looking on after each committed step, when everybody may."""

    def __init__(self, plan: Plan, ports: Ports, witnesses: Sequence[Witness], court: Court) -> None:
        super().__init__(plan, ports, Registry())
        self._witnesses = witnesses
        self._court = court

    def _stepped(self, step: Step) -> None:
        super()._stepped(step)
        try:
            for witness in self._witnesses:
                witness.stepped(self, step)
        except Exception as error:  # noqa: BLE001 - a checker that fails is not the service's affair
            self._court.raised(error)


class Life(Incarnation):
    """One incarnation. `healer`, `intake` and `door` are there once it is up."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.healer: Watched | None = None
        self.intake: Intake | None = None
        self.door: web.Service | None = None
        self.over = asyncio.Event()

    def freeze(self) -> None:
        super().freeze()
        self.over.set()


class World:
    """What outlives every incarnation."""

    def __init__(self, options: Options, loop: SimLoop) -> None:
        self.options = options
        self.court = Court()
        self.clock = SimClock(loop)
        self.faults = Faults(loop, options.seed, options.odds)
        self.memory = Memory(f"seed {options.seed}")
        self.datacentre = Datacentre(options, self.clock)
        self.chat = Chat(self.clock)
        self.fleet = Fleet(self.datacentre, self.clock)
        self.arrows = Arrows(self.court, self.memory)
        self.noted = Noted(self.court, self.memory)
        self.arrows.followers = [Counted(self.court, self.arrows), self.noted]
        self.witnesses: list[Witness] = []

    def committed(self, name: str) -> None:
        """A transaction was committed, and nobody was answered yet."""
        self.arrows.committed(name)
        self.noted.compare()

    def moments(self, count: int, within: Micros) -> list[Micros]:
        """Some moments of the storm, in order."""
        chance = random.Random(f"moments {self.options.seed}")
        return sorted(chance.randrange(within) for _ in range(count))


class Service:
    """Keeps an incarnation running."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._world = world
        self.plan = plan
        """What the files say: read at every start."""
        self.sources: Callable[[Life], Sequence[Source]] = lambda _: ()
        self.alertmanagers: Callable[[Life], Sequence[Alertmanager]] = lambda _: ()
        self._chance = random.Random(f"service {world.options.seed}")
        self.lives: list[Life] = []
        self._endings: set[asyncio.Task[None]] = set()

    @property
    def life(self) -> Life | None:
        """The incarnation that answers requests now."""
        life = self.lives[-1] if self.lives else None
        return life if life and life.intake and not life.frozen else None

    async def keep(self) -> None:
        """Start it again and again, each time after a while."""
        while True:
            life = Life(f"life {len(self.lives) + 1}")
            self.lives.append(life)
            life.on_cancel = functools.partial(self._cancel, life)
            life.start(self._live(life), name="main")
            await life.over.wait()
            for witness in self._world.witnesses:
                witness.died(life)
            await asyncio.sleep(self._chance.uniform(0.1, self._world.options.down_for / SECOND))

    async def deploy(self) -> None:
        """End it properly, as for a new version, and have it started again; often while a step is being written."""
        if self._chance.random() < 0.7:
            await self._commit_under_way()
        life = self.life
        if life is not None:
            await self._end(life)

    def _cancel(self, life: Life) -> None:
        """End it properly, from wherever in it this is asked for."""
        task = asyncio.get_running_loop().create_task(self._end(life), name=f"end of {life.name}", context=Context())
        self._endings.add(task)
        task.add_done_callback(self._endings.discard, context=Context())

    async def _end(self, life: Life) -> None:
        """All its tasks are cancelled, and it keeps a snapshot."""
        if life.healer is not None:
            ending = life.start(life.healer.stop(STOP_S), name="stop")
            await asyncio.wait([ending, asyncio.ensure_future(life.over.wait())], return_when="FIRST_COMPLETED")
        life.freeze()

    async def _commit_under_way(self) -> None:
        """Wait, for a while, until the disk is slow with a step."""
        slow = asyncio.Event()
        self._world.faults.on_fault = lambda call, kind: slow.set() if (call, kind) == SLOW_COMMIT else None
        await asyncio.wait([asyncio.ensure_future(slow.wait())], timeout=DEPLOY_S)

    async def post(self, body: bytes) -> int | None:
        """Alerts that a sender posts: the request's status. None: there was no answer."""
        return await self._request(lambda life: self._take(life, body))

    async def order(self, act: Callable[[web.Service], Awaitable[None]]) -> int | None:
        """What a person says by the API: the request's status. None: there was no answer."""

        async def say(life: Life) -> None:
            assert life.door is not None, "only asked for once it is up"
            await act(life.door)

        return await self._request(say)

    async def _request(self, work: Callable[["Life"], Coroutine[None, None, None]]) -> int | None:
        """A request, over a network that may lose it or its answer."""
        faults = self._world.faults
        kind = faults.decide("network.post")
        await asyncio.sleep(faults.delay() / SECOND if kind == "delay" else 0.005)
        life = self.life
        if life is None or life.intake is None or kind == "lost call":
            return None
        if life.paused and not await self._accepts(life):
            return None
        if kind == "crash before":
            life.freeze()
            return None
        if kind == "cancel before":
            life.on_cancel()
        if kind == "pause":
            life.pause(faults.pause() / SECOND)
        handler = life.start(self._handle(work(life)), name="request")
        done, _ = await asyncio.wait([handler], timeout=REQUEST_S)
        if kind in ("crash after", "crash answered"):
            life.freeze()
        if kind in ("cancel after", "cancel answered"):
            life.on_cancel()
        if not done or kind in ("lost answer", "crash after"):
            return None
        return handler.result()

    @staticmethod
    async def _accepts(life: Life) -> bool:
        """Nobody accepts a connection while the process stands still; a sender does not wait for ever."""
        try:
            async with asyncio.timeout(REQUEST_S):
                await life.alive_or_never()
        except TimeoutError:
            return False
        return True

    async def _take(self, life: Life, body: bytes) -> None:
        assert life.intake is not None, "only asked for once it is up"
        if self._world.options.sender == "prometheus":
            await life.intake.posted(body, "prometheus")
        else:
            await life.intake.webhook(body)

    async def _handle(self, work: Coroutine[None, None, None]) -> int:
        """What `healer.web` makes of what intake and orders say."""
        try:
            await work
        except Problem as problem:
            return problem.status
        except StoreUnavailable:
            return 503
        except Exception as error:  # noqa: BLE001 - a defect, and no answer of the service's
            self._world.court.raised(error)
            return 500
        return 200

    # --- one incarnation

    async def _live(self, life: Life) -> None:
        healer = Watched(self.plan, self._ports(life), self._world.witnesses, self._world.court)
        try:
            await healer.start()
        except StoreUnavailable:
            life.freeze()  # the process ends, and is started again
            return
        except Exception as error:  # noqa: BLE001 - a defect: it would never start again
            self._world.court.raised(error)
            return
        life.healer = healer
        for witness in self._world.witnesses:
            witness.recovered(healer)
        life.door = self._door(healer)
        life.intake = Intake(life.door)

    def _ports(self, life: Life) -> Ports:
        world = self._world
        chance = SimRandom(world.options.seed, life.name)
        disk = Disk(world.memory, world.clock, world.faults, life, committed=world.committed)
        return Ports(
            clock=world.clock,
            random=chance,
            spawn=Supervisor(),
            store=Store(disk, world.memory.installation),
            locks=LocalLocks(),
            targets={"ssh": Machines(world.fleet, world.faults, life)},
            senders={
                NAME: Channel(
                    Line(world.chat, world.faults, life),
                    breaker=Breaker(NAME, world.clock),
                    limiter=MemoryLimiter(world.clock),
                    backoff=TELEGRAM,
                    random=chance,
                    sleep=asyncio.sleep,
                )
            },
            asker=Prometheus(world.datacentre, world.clock, world.faults, life),
            alertmanagers=self.alertmanagers(life),
            sources=self.sources(life),
        )

    def _door(self, healer: Healer) -> web.Service:
        store = healer.ports.store
        return web.Service(
            journal=store,
            view=healer.view,
            projections=store,
            effects=store,
            told=store,
            clock=self._world.clock,
            registry=healer.registry,
        )
