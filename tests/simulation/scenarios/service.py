"""The whole service: things break, alerts storm in, rules heal, people are told, and faults fall on every port of it.

A storm of troubles and faults, then a quiet phase at whose end nothing may be left undone.
"""

import asyncio
import contextlib
import random
from hashlib import blake2b

from healer.alertmanager.mirror import SUSPICION
from healer.assembly import Healer
from healer.assembly.ports import Plan
from healer.convergence.settings import Convergence, Flap, Hold, Storm
from healer.executors.target import Order
from healer.journey.charter import Deciding, RuleText
from healer.journey.ports import StoreUnavailable
from healer.remediation.ports import Switch
from healer.remediation.settings import Guards, Ineffective, PerTarget, Ramp, Rates
from healer.store.transactions import switches
from healer.times import MINUTE, SECOND, Micros
from rules import DEFAULT_HEALTH
from tests.simulation import Broken, Outcome, scenario
from tests.simulation.alerting import Alerting
from tests.simulation.alertmanager import Alertmanager, Silences
from tests.simulation.chat import NAME
from tests.simulation.cmdb import NAME as CMDB
from tests.simulation.cmdb import Cmdb, Inventory
from tests.simulation.datacentre import FOR, Datacentre
from tests.simulation.listening import listening
from tests.simulation.loop import SimLoop
from tests.simulation.options import Options
from tests.simulation.people import People
from tests.simulation.promises.accepted import Accepted
from tests.simulation.promises.effects import WrittenFirst
from tests.simulation.promises.fenced import Fenced
from tests.simulation.promises.flapping import OnceUntilCalm
from tests.simulation.promises.peace import unfinished
from tests.simulation.promises.quiet import LeftAlone
from tests.simulation.promises.replayed import Replayed
from tests.simulation.promises.statuses import Statuses
from tests.simulation.promises.storms import OneSummary
from tests.simulation.promises.told import ToldOnce
from tests.simulation.promises.words import Heeded
from tests.simulation.service import Service, World
from tests.simulation.standing import Standing
from tests.simulation.stopping import Stopping
from tests.simulation.tape import Tape
from tests.simulation.valkey import unsettle

QUIET = 40 * MINUTE
"""Everything has to be over by then: a row's longest back-off, an unknown outcome's deadline and a verification fit in."""
LOOK_S = 5.0
CLOCK_STEPS = (-30 * SECOND, -2 * SECOND, 2 * SECOND, 20 * SECOND)
WINDOWS = (10 * MINUTE, 5 * MINUTE)
"""Of the configuration before a reload and after it; both are longer than a storm, so that no promise depends on it."""

RULE = """
action "unwedge"
  run: ssh ["/usr/sbin/unwedge", "agent"]
  accepts: host
  idempotent: {idempotent}   destructive: no   timeout: 20s

action "sweep"
  run: ssh ["/usr/sbin/sweep"]
  accepts: host
  idempotent: {idempotent}   destructive: no   timeout: 20s

rule "unwedge a host"
  on event: "HostNotReady"
  when: {when}
  then: {then}
  verify: resolved AND query("up{{instance='{{{{ node.instance }}}}'}}") == 1 stable 10s within 2m
  {otherwise}
  limit: 3 per 10m per node
  mode: auto

rule "sweep the host of a service"
  on event: "ServiceDown"
  when: duration > 3s
  then: execute("sweep", on: nearest(host))
  verify: resolved within 1m
  limit: 3 per 10m per node
  mode: auto
"""
PAUSE_FILE = "/etc/healer/pause"
UP = """query("up{instance='{{ node.instance }}'}")"""


class Run:
    """One seed's world, service and checkers."""

    def __init__(self, seed: int, loop: SimLoop) -> None:
        self._loop = loop
        self.options = options = Options.drawn(seed)
        self.world = world = World(options, loop)
        inventory = Inventory(options, world.datacentre, world.clock)
        self.plans = [plan_of(options, world.datacentre, inventory, window) for window in WINDOWS]
        self.service = Service(world, self.plans[0])
        if options.edits:
            self.service.sources = lambda life: [Cmdb(inventory, world.clock, world.faults, life)]
        self.alerting = Alerting(options, world.datacentre, world.clock, self.service.post)
        self.alerting.on_refused = lambda status: world.court.error(f"a sender was answered {status}")
        self.silences = silences = Silences(options, world.datacentre, world.clock)
        if options.sender == "alertmanager":
            self.service.alertmanagers = lambda life: [
                Alertmanager(self.alerting, silences, world.clock, world.faults, life)
            ]
        self.tape = tape = Tape(world.memory)
        self.accepted = Accepted(world.court, tape, self.alerting)
        known = inventory.file.edges if options.edits else world.datacentre.topology().edges
        standing = Standing(tape, world.memory.installation, {child: parent for parent, child in known})
        self.statuses = Statuses(world.court, tape, options, world.datacentre, standing)
        self.people = People(world, self.service)
        self.stopping = Stopping(world, self.service)
        self.reloaded_amid = 0
        self.clock_steps = 0
        self.flapping = OnceUntilCalm(world.court, tape, options)
        self.storms = OneSummary(world.court, tape, options, world.memory, world.chat)
        self.left_alone = LeftAlone(world.court, tape, options, standing, world.memory)
        self.heeded = Heeded(world.court, tape)
        self.told = ToldOnce(world.court, world.memory, world.chat)
        self.written = WrittenFirst(world.court, world.memory)
        self.replayed = Replayed(world.court, world.memory)
        world.witnesses.extend((self.accepted, self.statuses, self.told, self.written, self.replayed))
        world.witnesses.extend((self.flapping, self.storms, self.left_alone, self.heeded))
        self.fenced = Fenced(world.court, world.fleet)
        world.fleet.on_accept, world.fleet.on_start = self.fenced.accepted, self._starts

    async def go(self) -> None:
        """Storm, then quiet, then the last look; or to the first accusation."""
        await self.world.court.follow(self._all())

    async def _resume(self) -> None:
        """Somebody has looked at what healer suspended because it did not help, and lets it run again; and at what it does not
        believe: that so many alerts are gone at once."""
        healer = self._healer()
        if healer is None:
            return
        for switch in switches.read(self.world.memory.connection):
            if switch.thrown and switch.by == switches.SUSPENDER:
                released = Switch(switch.scope, False, "ines", "it is mended", healer.ports.clock.now())
                with contextlib.suppress(StoreUnavailable):
                    await healer.ports.store.throw(released)
        if healer.owner.fold.troubles.has(SUSPICION) and not self.alerting.firing():
            await self.people.close_all()

    def _starts(self, order: Order) -> None:
        self.written.starts(order)
        self.fenced.starts(order)
        self.left_alone.starts(order)
        self.world.stopped.starts(order)

    async def _clock(self) -> None:
        """The clock of healer's machine is set, forward and back."""
        chance, options = random.Random(f"clock {self.options.seed}"), self.options
        for at in sorted(chance.randrange(options.storm) for _ in range(options.clock_steps)):
            await asyncio.sleep(max(at - self._loop.now, 0) / SECOND)
            self.service.set_clock(chance.choice(CLOCK_STEPS))
            self.clock_steps += 1

    async def _reloads(self) -> None:
        """The files are read again, and healer goes on by them without a restart."""
        chance, options = random.Random(f"reloads {self.options.seed}"), self.options
        for at in sorted(chance.randrange(options.storm) for _ in range(options.reloads_amid)):
            await asyncio.sleep(max(at - self._loop.now, 0) / SECOND)
            if options.reloads:
                self.plans.reverse()
                self.service.plan = self.plans[0]
            self.reloaded_amid += await self.service.reload()

    async def _all(self) -> None:
        world, options = self.world, self.options
        begin = asyncio.get_running_loop().create_task
        failovers = options.failovers if world.nodes else 0
        stopping, reloads = begin(self.stopping.go(), name="stopping"), begin(self._reloads(), name="reloads")
        _others = [
            begin(self.service.keep(), name="systemd"),
            begin(self.alerting.evaluate(), name="evaluation"),
            begin(self.people.go(), name="people"),
            begin(self._clock(), name="clock"),
            begin(unsettle(world.nodes, self._loop, options.seed, failovers, options.storm), name="lock nodes"),
            *(begin(self.alerting.send(group), name=f"sender {group}") for group in self.alerting.groups()),
        ]
        ends = self._loop.now + options.storm
        for at in world.moments(options.deploys, options.storm):
            await asyncio.sleep(max(at - self._loop.now, 0) / SECOND)
            if options.reloads:
                self.plans.reverse()
                self.service.plan = self.plans[0]
            await self.service.deploy()
        await asyncio.sleep(max(ends - self._loop.now, 0) / SECOND)
        world.faults.quiet()
        world.datacentre.repair()
        await asyncio.gather(stopping, reloads)
        until = self._loop.now + QUIET
        while left := unfinished(world.memory, self._healer(), self.alerting, world.chat):
            if self._loop.now > until:
                world.court.accuse("liveness", f"after {QUIET // MINUTE} quiet minutes {left}")
                return
            await self._resume()
            await asyncio.sleep(LOOK_S)
        healer = self._healer()
        assert healer is not None
        # Memory lets go of what is over after settle: that has to be the same when all is folded again.
        await asyncio.sleep(options.settle / SECOND + LOOK_S)
        await healer.owner.settled(60)
        self.replayed.finally_compare(healer)
        world.unsaid.finally_look(healer)

    def _healer(self) -> Healer | None:
        life = self.service.life
        return life.healer if life is not None else None

    def outcome(self) -> Outcome:
        """What it was."""
        world = self.world
        posts = "".join(f"{post.at} {post.kind} {post.message_id} {post.text}\n" for post in world.chat.posts)
        effects = "".join(f"{effect}\n" for effect in world.fleet.effects)
        trace = blake2b(f"{self._loop.trace()}\n{posts}\n{effects}".encode(), digest_size=8).hexdigest()
        return Outcome(
            trace=trace,
            options=self.options.described(),
            faults=tuple(world.faults.injected),
            counts={
                "virtual seconds": self._loop.now // SECOND,
                "lives": len(self.service.lives),
                "alerts acknowledged": self.accepted.count,
                "statuses checked": self.statuses.count,
                "steps replayed": self.replayed.steps,
                "topology changes": self.replayed.rewired,
                "configurations": self.replayed.adopted,
                "messages": sum(post.kind == "send" for post in world.chat.posts),
                "edits": sum(post.kind == "edit" for post in world.chat.posts),
                "effects": len(world.fleet.effects),
                "switches thrown by the API": self.stopping.by_api,
                "switches thrown with a file": self.stopping.by_file,
                "reloads amid a remediation": self.reloaded_amid,
                "requests carried late or twice": self.service.carried,
                "clock steps": self.clock_steps,
                "half done": world.datacentre.half_done,
                "locks lost": sum(one.lost_writes for one in world.nodes),
                "pauses beyond a lock's time": world.outlasted,
                "flapping": self.flapping.count,
                "storms": self.storms.count,
                "words answered": self.people.answered,
                "words heeded": self.heeded.count,
                "alerts covered": self.left_alone.count,
                "secrets blurted out": world.faults.secrets.said,
                "causes looked for": self.statuses.causes,
                "callbacks": self._loop.callbacks,
                **{f"arrow {arrow}": count for arrow, count in sorted(world.arrows.counts.items())},
            },
        )


@scenario("service")
def service(seed: int) -> Outcome:
    """The whole service under this seed."""
    return run_of(Run, seed)


def run_of(kind: type[Run], seed: int) -> Outcome:
    """One seed of such a run, to its end. Raises Broken."""
    with SimLoop(seed) as loop:
        run = kind(seed, loop)
        with listening(run.world.court, run.world.unsaid):
            loop.run(run.go())
            run.world.court.errors.extend(loop.uncaught())
            outcome = run.outcome()
            loop.close()
    run.world.memory.close()
    for promise, what in run.world.court.accusations:
        raise Broken(promise, what, outcome)
    if run.world.court.errors:
        raise AssertionError(f"{run.world.court.errors[0]}\n{outcome}")
    return outcome


def plan_of(options: Options, datacentre: Datacentre, inventory: Inventory, window: Micros) -> Plan:
    """What the files of such a service would say."""
    sources = (("file", "file"), (CMDB, "http")) if options.edits else (("file", "file"),)
    when = f"{UP} == 0" if options.asks else "duration > 3s"
    rule = RULE.format(
        idempotent="yes" if options.idempotent else "no",
        when=when,
        then='execute("unwedge", retry: 2)' + ' execute("sweep", retry: 1)' * (options.steps - 1),
        otherwise='otherwise: execute("unwedge") notify("oncall")' if options.otherwise else "",
    )
    return Plan(
        deciding=Deciding(
            place="only",
            dry_run=False,
            packs=(),
            convergence=Convergence(
                window=window,
                hold=Hold(default=options.hold, critical=options.hold),
                settle=options.settle,
                max_untold=options.max_untold,
                flap=Flap(
                    changes=options.flap_changes,
                    within=options.flap_within,
                    reopenings=options.reopenings,
                    reopened_within=options.reopened_within,
                ),
                storm=Storm(roots=options.storm_roots, within=options.storm_within, calm_within=options.storm_calm),
                for_=FOR,
            ),
            mappings=(),
            labels=(),
            max_nodes=1_000,
            health=dict(DEFAULT_HEALTH),
            channels=(NAME,),
            routes=(),
            guards=guards_of(options.seed),
        ),
        topology=inventory.file if options.edits else datacentre.topology(),
        sources=sources,
        rules=(RuleText("unwedge.heal", rule),),
        snapshot_every=options.snapshot_every,
    )


def guards_of(seed: int) -> Guards:
    """How far healing may go under this seed: in a third of the seeds as by default, else so far that much is done."""
    chance = random.Random(f"guards {seed}")
    if chance.random() < 0.3:
        return Guards(dwell=0, pause_file=PAUSE_FILE)
    return Guards(
        rates=Rates(target=PerTarget(count=chance.choice((2, 5, 50)))),
        at_once=chance.choice((1, 3, 50)),
        siblings=1,
        healthy=0,
        ineffective=Ineffective(count=chance.choice((2, 50))),
        ramp=Ramp(first=chance.choice((1, 50)), failures=50),
        dwell=0,
        confidence=0,
        pause_file=PAUSE_FILE,
    )
