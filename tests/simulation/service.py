"""The whole service in the simulation: one incarnation after another on the same disk, machines and chat.

`Service` is what systemd is to healer: it starts it, starts it again after a crash, and now and then ends it properly.
"""

import asyncio
import contextlib
import functools
import random
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextvars import Context
from typing import Protocol

import msgspec

from healer.assembly import Healer
from healer.assembly.adopting import TooFarBehind
from healer.assembly.ports import Alertmanager, Plan, Ports
from healer.executors.target import Target
from healer.journey.ports import Step, StoreUnavailable
from healer.locks.degrading import DegradingLocks
from healer.locks.local import LocalLocks
from healer.locks.ports import LockService
from healer.locks.redis import RedisLocks
from healer.notification.deliver import Sender
from healer.remediation.model import UNDER_WAY
from healer.seams import Supervisor
from healer.store.inline import Memory
from healer.store.store import Store
from healer.store.transactions import switches
from healer.telemetry.metrics import Registry
from healer.times import SECOND, Micros
from healer.topology.source import Source
from healer.web import ports as web
from healer.web.guard import unavailable_store
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
from tests.simulation.faults import Faults, Kind, land_later
from tests.simulation.incarnation import Incarnation
from tests.simulation.loop import SimLoop
from tests.simulation.machines import Fleet, Machines
from tests.simulation.options import Options
from tests.simulation.prometheus import Prometheus
from tests.simulation.promises.arrows import Arrows
from tests.simulation.promises.counted import Counted
from tests.simulation.promises.noted import Noted
from tests.simulation.promises.stopped import Stopped
from tests.simulation.promises.unsaid import Unsaid
from tests.simulation.valkey import NODES, Node, Wire
from tests.simulation.world import SimClock, SimRandom

REQUEST_S = 20.0
"""Seconds that a sender waits for an answer."""
STOP_S = 10.0
DEPLOY_S = 30.0
"""Seconds that a deploy waits at most for the moment at which it hurts."""
AMID = UNDER_WAY - {"awaiting_approval", "planned"}
CARRIED: tuple[Kind, ...] = ("black hole", "twice")
"""What befalls a request on its way, beside what befalls any call: it lands when its sender has given up, or once more."""
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

    def __init__(self, name: str, world: "World", skew: Micros = 0) -> None:
        super().__init__(name)
        self._world = world
        self.clock = SimClock(world.loop, skew=skew)
        """Its machine's: wrong by so much, and now and then set."""
        self.healer: Watched | None = None
        self.intake: Intake | None = None
        self.door: web.Service | None = None
        self.over = asyncio.Event()

    def freeze(self) -> None:
        super().freeze()
        self.over.set()

    def pause(self, seconds: float) -> None:
        if not self.paused and not self.frozen:
            self._world.outlasted += any(node.outlasted(seconds) for node in self._world.nodes)
        super().pause(seconds)


class World:
    """What outlives every incarnation."""

    def __init__(self, options: Options, loop: SimLoop) -> None:
        self.options = options
        self.loop = loop
        self.court = Court()
        self.clock = SimClock(loop)
        self.faults = Faults(loop, options.seed, options.odds)
        self.memory = Memory(f"seed {options.seed}")
        self.datacentre = Datacentre(options, self.clock)
        self.chat = Chat(self.clock)
        self.fleet = Fleet(self.datacentre, self.clock, self.faults.secrets.printed)
        self.unsaid = Unsaid(self.court, self.memory, self.faults.secrets)
        self.chat.watchers.append(lambda post: self.unsaid.look("a message", post.text))
        self.nodes = [Node(loop) for _ in range(NODES[options.locks])]
        self.outlasted = 0
        """Pauses that were longer than what was left of a lock's time to live."""
        self.halted = ""
        """What the pause file says, when there is one."""
        self.intent = asyncio.Event()
        """Something is about to begin."""
        self.arrows = Arrows(self.court, self.memory)
        self.stopped = Stopped(self.court, self.arrows, self.clock)
        self.noted = Noted(self.court, self.memory)
        self.arrows.followers = [Counted(self.court, self.arrows), self.stopped, self.noted]
        self.witnesses: list[Witness] = []

    def committed(self, name: str) -> None:
        """A transaction was committed, and nobody was answered yet."""
        if name == "throw":
            self.stopped.read(switches.read(self.memory.connection))
        self.arrows.committed(name)
        self.noted.compare()
        if name == "write_intent":
            self.intent.set()

    def moments(self, count: int, within: Micros) -> list[Micros]:
        """Some moments of the storm, in order."""
        chance = random.Random(f"moments {self.options.seed}")
        return sorted(chance.randrange(within) for _ in range(count))


class Service:
    """Keeps an incarnation running."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._world = world
        self._loop = world.loop
        self.plan = plan
        """What the files say: read at every start."""
        self.sources: Callable[[Life], Sequence[Source]] = lambda _: ()
        self.alertmanagers: Callable[[Life], Sequence[Alertmanager]] = lambda _: ()
        self._chance = random.Random(f"service {world.options.seed}")
        self.lives: list[Life] = []
        self.carried = 0
        """Requests that arrived once more, or when their sender had given up."""
        self._endings: set[asyncio.Task[None]] = set()

    @property
    def life(self) -> Life | None:
        """The incarnation that answers requests now."""
        life = self.lives[-1] if self.lives else None
        return life if life and life.intake and not life.frozen else None

    async def keep(self) -> None:
        """Start it again and again, each time after a while."""
        while True:
            options = self._world.options
            life = Life(f"life {len(self.lives) + 1}", self._world, self._chance.randint(-1, 1) * options.skew)
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

    async def reload(self) -> bool:
        """Have the files read again, in the middle of a remediation where there is one; whether there was."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DEPLOY_S):
                while not self._amid():
                    await asyncio.sleep(0.5)
        life, amid = self.life, self._amid()
        if life is None or life.healer is None:
            return False
        taking = life.start(self._take_files(life, life.healer), name="reload")
        over = asyncio.ensure_future(life.over.wait())
        await asyncio.wait([taking, over], return_when="FIRST_COMPLETED")
        return taking.done() and taking.result() and amid

    def _amid(self) -> bool:
        return any(one.state in AMID for one in self._world.arrows.remediations.values())

    async def _take_files(self, life: Life, healer: Healer) -> bool:
        """What `healer.bootstrap` does when it is asked to read the files again: what touches the outside is made anew."""
        anew = msgspec.structs.replace(
            healer.ports,
            targets=self._targets(life),
            senders=self._senders(life),
            asker=Prometheus(self._world.datacentre, self._world.clock, self._world.faults, life),
            alertmanagers=self.alertmanagers(life),
            sources=self.sources(life),
        )
        try:
            await healer.take(self.plan, anew)
        except (TooFarBehind, StoreUnavailable):
            return False
        return True

    def set_clock(self, by: Micros) -> None:
        """NTP, or a person, sets the clock of healer's machine."""
        if self.lives:
            self.lives[-1].clock.step(by)

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
        return await self._request(lambda life: self._take(life, body), also=CARRIED)

    async def order(self, act: Callable[[web.Service], Awaitable[None]]) -> int | None:
        """What a person says by the API: the request's status. None: there was no answer."""

        async def say(life: Life) -> None:
            assert life.door is not None, "only asked for once it is up"
            await act(life.door)

        return await self._request(say)

    async def _request(
        self, work: Callable[["Life"], Coroutine[None, None, None]], also: Collection[Kind] = ()
    ) -> int | None:
        """A request, over a network that may lose it or its answer."""
        faults = self._world.faults
        kind = faults.decide("network.post", also=also)
        if kind in CARRIED:
            later = faults.hole() / SECOND if kind == "black hole" or faults.toss() else 0.01
            land_later(self._carry(work, later), "a request on its way")
        if kind == "black hole":
            await asyncio.sleep(REQUEST_S)
            return None
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

    async def _carry(self, work: Callable[["Life"], Coroutine[None, None, None]], later: float) -> None:
        """It arrives so many seconds later, wherever healer is by then."""
        await asyncio.sleep(later)
        life = self.life
        if life is not None and (not life.paused or await self._accepts(life)):
            self.carried += 1
            life.start(self._handle(work(life)), name="request carried")

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
        except StoreUnavailable as unavailable:
            self._world.unsaid.look("an answer", unavailable_store(unavailable).detail)
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
        spawn = Supervisor()
        disk = Disk(world.memory, life.clock, world.faults, life, committed=world.committed)
        return Ports(
            clock=life.clock,
            random=SimRandom(world.options.seed, life.name),
            spawn=spawn,
            store=Store(disk, world.memory.installation),
            locks=self._locks(life, spawn),
            targets=self._targets(life),
            senders=self._senders(life),
            asker=Prometheus(world.datacentre, world.clock, world.faults, life),
            alertmanagers=self.alertmanagers(life),
            sources=self.sources(life),
            halted=lambda _: world.halted,
            redact=world.faults.secrets.redact,
        )

    def _targets(self, life: Life) -> dict[str, Target]:
        return {"ssh": Machines(self._world.fleet, self._world.faults, life, life.clock)}

    def _senders(self, life: Life) -> dict[str, Sender]:
        world = self._world
        return {
            NAME: Channel(
                Line(world.chat, world.faults, life),
                breaker=Breaker(NAME, life.clock),
                limiter=MemoryLimiter(life.clock),
                backoff=TELEGRAM,
                random=SimRandom(world.options.seed, f"channel of {life.name}"),
                sleep=asyncio.sleep,
            )
        }

    def _locks(self, life: Life, spawn: Supervisor) -> LockService:
        world = self._world
        if not world.nodes:
            return LocalLocks()
        wires = [Wire(node, self._loop, world.faults, life) for node in world.nodes]
        random = SimRandom(world.options.seed, f"locks of {life.name}")
        shared = RedisLocks(wires, life.clock, random, spawn)  # type: ignore[arg-type] # as much of a client as it uses
        return DegradingLocks(shared, life.clock) if world.options.degrade else shared

    def _door(self, healer: Healer) -> web.Service:
        store = healer.ports.store
        return web.Service(
            journal=store,
            view=healer.view,
            projections=store,
            effects=store,
            told=store,
            clock=healer.ports.clock,
            registry=healer.registry,
        )
