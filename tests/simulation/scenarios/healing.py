"""Healing alone: many plans for few hosts, holders that die, pause and wake late, people who stop, silence and agree.

A storm of plans and faults, then a quiet phase at whose end nothing may be left undone.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine
from functools import cache
from hashlib import blake2b

import msgspec

from healer.executors.target import Order
from healer.journey.ports import Planned, Step, StoreUnavailable, Superseded
from healer.remediation import approval
from healer.remediation.model import BEFORE_INTENT, UNDER_WAY, Asked, Limit, Plan, PlanStep, Remediation
from healer.remediation.ports import Switch
from healer.store.store import Store
from healer.times import HOUR, MINUTE, SECOND, Micros
from rules import RuleSet, Source, compile_files
from tests.simulation import Broken, Outcome, scenario
from tests.simulation.court import Court
from tests.simulation.disk import Disk
from tests.simulation.faults import Faults, Kind, Odds
from tests.simulation.healing.holders import Ground, Holders
from tests.simulation.healing.hosts import LAG, TIDY, Hosts
from tests.simulation.healing.options import Options, Wanted
from tests.simulation.healing.view import labels_of
from tests.simulation.incarnation import Incarnation
from tests.simulation.listening import listening
from tests.simulation.loop import SimLoop
from tests.simulation.promises.arrows import Arrows
from tests.simulation.promises.counted import Counted
from tests.simulation.promises.effects import WrittenFirst
from tests.simulation.promises.fenced import Fenced
from tests.simulation.promises.noted import Noted
from tests.simulation.promises.observed import Observed
from tests.simulation.promises.proven import Proven
from tests.simulation.promises.stopped import Stopped
from tests.simulation.promises.unsaid import Unsaid
from tests.simulation.valkey import unsettle
from tests.simulation.world import SimClock

QUIET = 100 * MINUTE
"""Everything has to be over by then: an approval that nobody gives, a limit's window and a probe's longest pause fit in."""
LOOK_S = 5.0
SLOW_ORDER = ("target.send", "delay")
WANTED: dict[Wanted, str] = {
    "resolved": "resolved",
    "query": """query("up{{instance='{host}'}}") == 1""",
    "both": """resolved AND query("up{{instance='{host}'}}") == 1""",
}
RULE = """
rule "mend {host}"
  on event: "HostBroken"
  then: execute("restart_service", unit: "agent.service")
  verify: {wanted} stable 10s within 2m
  mode: auto
"""
PEOPLE = ("ann", "bob", "cleo")


class Run:
    """One seed's world, holders and checkers."""

    def __init__(self, options: Options, loop: SimLoop, faults: Faults | None = None) -> None:
        self._loop = loop
        self.options = options
        seed = options.seed
        self._chance = random.Random(f"plans {seed}")
        self.court = court = Court()
        self.clock = SimClock(loop)
        self.faults = faults or Faults(loop, seed, options.odds)
        self.hosts = Hosts(options, self.clock)
        self.ground = Ground(options, loop, self.faults, self.hosts, self.clock)
        self.ruleset = ruleset_of(options.wanted, tuple(self.hosts.names))
        memory, fleet = self.ground.memory, self.ground.fleet
        slack = 2 * (options.skew + (60 * SECOND if options.clock_steps else 0) * options.clock_steps)
        self.arrows = Arrows(court, memory)
        self.written = WrittenFirst(court, memory)
        self.fenced = Fenced(court, fleet)
        self.counted = Counted(court, self.arrows, slack)
        self.observed = Observed(court, self.hosts, self.clock)
        self.stopped = Stopped(court, self.arrows, self.clock)
        self.proven = Proven(court, self.arrows, self.hosts, fleet, slack)
        self.noted = Noted(court, memory)
        self.unsaid = Unsaid(court, memory, self.faults.secrets)
        self.arrows.followers = [self.counted, self.stopped, self.proven, self.noted]
        fleet.on_accept, fleet.on_start = self.fenced.accepted, self._starts
        self.holders = Holders(self.ground, self.ruleset, self._committed)
        calm = Faults(loop, seed, Odds())
        disk = Disk(memory, self.clock, calm, Incarnation("engine"), alone=False, committed=self._committed)
        self.store = Store(disk, memory.installation)
        self._step = 0
        self._intent = asyncio.Event()
        """Something is about to begin."""
        self._slow_order = asyncio.Event()
        self.faults.on_fault = self._hurt

    async def go(self) -> None:
        """Storm, then quiet, then the last look; or to the first accusation."""
        await self.court.follow(self._all())

    def _committed(self, name: str) -> None:
        self.arrows.committed(name)
        self.noted.compare()
        if name == "write_intent":
            self._intent.set()

    def _starts(self, order: Order) -> None:
        for promise in (self.fenced, self.written, self.observed, self.stopped):
            promise.starts(order)

    async def _all(self) -> None:
        options, loop = self.options, self._loop
        await self.store.take_over("engine")
        storm: list[Coroutine[None, None, None]] = [
            self._plans(),
            self._switches(),
            self._supersedes(),
            self._cancels(),
            unsettle(
                self.ground.nodes, loop, options.seed, options.failovers if self.ground.nodes else 0, options.storm
            ),
        ]
        _others = [
            loop.create_task(self.holders.keep(), name="holders"),
            loop.create_task(self._answers(), name="people"),
        ]
        storms = [loop.create_task(one, name=f"storm {number}") for number, one in enumerate(storm)]
        await asyncio.sleep(options.storm / SECOND)
        await asyncio.gather(*storms)
        self.faults.quiet()
        self.holders.quiet = True
        self.hosts.repair()
        until = loop.now + QUIET
        while left := self._unfinished():
            if loop.now > until:
                self.court.accuse("liveness", f"after {QUIET // MINUTE} quiet minutes {left}")
                return
            await asyncio.sleep(LOOK_S)

    def _unfinished(self) -> str:
        going = [one for one in self.arrows.remediations.values() if one.state in UNDER_WAY]
        if going:
            return (
                f"remediations are under way: {', '.join(f'{one.id} is {one.state} ({one.detail})' for one in going)}"
            )
        unsettled = [one.id for one in self.arrows.intents.values() if not one.outcome]
        if unsettled:
            return f"intents are unsettled: {', '.join(unsettled)}"
        held = [key for node in self.ground.nodes for key in node.held()]
        return f"locks are held: {', '.join(held)}" if held else ""

    # --- what happens in the storm

    def _moments(self, count: int) -> list[Micros]:
        return sorted(self._chance.randrange(self.options.storm * 4 // 5) for _ in range(count))

    async def _until(self, at: Micros) -> None:
        await asyncio.sleep(max(at - self._loop.now, 0) / SECOND)

    async def _plans(self) -> None:
        """A host breaks, and what is decided about it is committed."""
        for number, at in enumerate(self._moments(self.options.plans)):
            await self._until(at)
            host = self._chance.choice(self.hosts.names)
            self.hosts.breaks(host)
            await asyncio.sleep((LAG + SECOND) / SECOND)
            plan = plan_of(self.options, self.ruleset, host, number, self.hosts.alert(host, self.clock.now()).starts_at)
            state, within = ("awaiting_approval", plan.approve[0].within) if plan.approve else ("planned", HOUR)
            now = self.clock.now()
            await self._decide(planned=(Planned(f"r{number}", plan, state, now + within),))  # type: ignore[arg-type] # one of two states

    async def _decide(self, planned: tuple[Planned, ...] = (), superseded: tuple[Superseded, ...] = ()) -> None:
        self._step += 1
        step = Step(self._step, 1, 1, 0, self.clock.now(), "", planned=planned, superseded=superseded)
        await self.store.commit(step)

    async def _switches(self) -> None:
        """Somebody throws the switch, of all or of one rule, and releases it after a while."""
        for at in self._moments(self.options.switches):
            await self._until(at)
            if self._chance.random() < 0.7:
                await self._almost()
            scope = self._chance.choice(("all", f"rule:mend {self._chance.choice(self.hosts.names)}"))
            await self.store.throw(Switch(scope, True, "ann", "something is odd", self.clock.now()))
            self.stopped.thrown(scope)
            await asyncio.sleep(self._chance.choice((2, 10, 30)))
            self.stopped.released(scope)
            await self.store.throw(Switch(scope, False, "ann", "all is well", self.clock.now()))

    async def _almost(self) -> None:
        """Wait, for a while, until something is about to begin and a little longer, or until an order is on its way slowly."""
        slowly = self._chance.random() < 0.5
        moment = self._slow_order if slowly else self._intent
        moment.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(30):
                await moment.wait()
        await asyncio.sleep(0 if slowly else self._chance.choice((0, 0.01, 0.5, 3)))

    def _hurt(self, call: str, kind: Kind) -> None:
        if (call, kind) == SLOW_ORDER:
            self._slow_order.set()

    async def _supersedes(self) -> None:
        """Incidents merge: what was planned for one of them is not begun."""
        for at in self._moments(self.options.superseded):
            await self._until(at)
            waiting = sorted(id for id, one in self.arrows.remediations.items() if one.state in BEFORE_INTENT)
            if waiting:
                await self._decide(superseded=(Superseded(self._chance.choice(waiting), "merged"),))

    async def _cancels(self) -> None:
        """A person stops a plan, if it can be stopped."""
        for at in self._moments(self.options.cancels):
            await self._until(at)
            going = sorted(id for id, one in self.arrows.remediations.items() if one.state in UNDER_WAY)
            if going:
                with contextlib.suppress(approval.NotAsked):
                    chosen = self._chance.choice(going)
                    await self.store.answer(chosen, lambda one: approval.cancel(one, "ann"), now=self.clock.now())

    async def _answers(self) -> None:
        """People are asked, and answer, some of them twice, some of them too late."""
        answered: set[tuple[str, str]] = set()
        while self.options.approve:
            await asyncio.sleep(self._chance.choice((1, 3, 20)))
            for id, one in list(self.arrows.remediations.items()):
                who = self._chance.choice(PEOPLE)
                if one.state == "awaiting_approval" and self._chance.random() < 0.7:
                    await self._answer(id, who, one)
                    answered.add((id, who))

    async def _answer(self, id: str, who: str, read: Remediation) -> None:
        now = self.clock.now()
        try:
            no = self._chance.random() < 0.1
            answer = approval.reject if no else approval.agree
            said = answer(read, who, now, read.plan.hash)
        except approval.NotAsked:
            return
        # What is heard is counted first: the intent may be written as soon as it is.
        if not no:
            self.counted.agreed[read.plan.hash].add(who)
        try:
            heard = await self.store.move(said, was="awaiting_approval", now=now)
        except StoreUnavailable:
            heard = False
        if not heard and not no:
            self.counted.agreed[read.plan.hash].discard(who)

    def outcome(self) -> Outcome:
        """What it was."""
        effects = "".join(f"{effect}\n" for effect in self.ground.fleet.effects)
        states = "".join(f"{id} {one.state} {one.detail}\n" for id, one in self.arrows.remediations.items())
        trace = blake2b(f"{self._loop.trace()}\n{effects}\n{states}".encode(), digest_size=8).hexdigest()
        fleet = self.ground.fleet
        return Outcome(
            trace=trace,
            options=self.options.described(),
            faults=tuple(self.faults.injected),
            counts={
                "virtual seconds": self._loop.now // SECOND,
                "holders": len(self.holders.all),
                "holders overtaken": self.holders.overtaken(),
                "effects": len(fleet.effects),
                "intents": len(self.arrows.intents),
                "stale orders refused": sum(one.refusals for one in fleet.registers.values()),
                "pauses beyond a lock's time": self.ground.outlasted,
                "half done": self.hosts.half_done,
                "locks lost": sum(one.lost_writes for one in self.ground.nodes),
                "switches": self.stopped.count,
                "limits met": self.counted.refusals,
                "successes": self.proven.count,
                "secrets blurted out": self.faults.secrets.said,
                "callbacks": self._loop.callbacks,
                **{f"arrow {arrow}": count for arrow, count in sorted(self.arrows.counts.items())},
            },
        )


@scenario("healing")
def healing(seed: int) -> Outcome:
    """Healing alone under this seed."""
    return healed(Options.drawn(seed), lambda _: None)


def healed(options: Options, pointed: Callable[[SimLoop], Faults | None]) -> Outcome:
    """Healing alone with these options, and with other faults than those of the options where there are any."""
    with SimLoop(options.seed) as loop:
        run = Run(options, loop, pointed(loop))
        with listening(run.court, run.unsaid):
            loop.run(run.go())
            run.court.errors.extend(loop.uncaught())
            outcome = run.outcome()
            loop.close()
    run.ground.memory.close()
    for promise, what in run.court.accusations:
        raise Broken(promise, what, outcome)
    if run.court.errors:
        raise AssertionError(f"{run.court.errors[0]}\n{outcome}")
    return outcome


@cache
def ruleset_of(wanted: Wanted, hosts: tuple[str, ...]) -> RuleSet:
    """A rule for each host, which says what a proof is."""
    text = "".join(RULE.format(host=host, wanted=WANTED[wanted].format(host=host)) for host in hosts)
    compiled = compile_files([Source("mend.heal", text)], packs=False)
    assert compiled.ruleset is not None, compiled.problems
    return compiled.ruleset


def plan_of(options: Options, ruleset: RuleSet, host: str, number: int, starts_at: Micros) -> Plan:
    """What such a rule would plan."""
    rule = ruleset.named(f"mend {host}")
    assert rule is not None
    step = PlanStep(
        "mend",
        "ssh",
        host,
        ("/usr/sbin/mend", host),
        20 * SECOND,
        retry=options.retry,
        idempotent=options.idempotent,
        address="10.0.0.1",
    )
    tidy = msgspec.structs.replace(step, argv=(TIDY, host), clause="after success", closing=True)
    limits = [Limit(options.limit, options.limit_within, f"mend per {host}")]
    if options.ineffective:
        key = f"rule:{rule.name} on {host}"
        limits.append(Limit(2, 24 * HOUR, key, "ineffective", guard="ineffective", on=host))
    if options.at_once:
        limits.append(Limit(1, 0, "mend at once", "at_once"))
    then, otherwise = (step,) * options.steps, (step,) if options.otherwise else ()
    back = msgspec.structs.replace(step, action="unmend", argv=(TIDY, host), clause="undo", closing=True)
    return Plan(
        hash=f"h{number}",
        incident=f"{host} {number}",
        trace_id="ab" * 16,
        root=labels_of(host),
        root_starts_at=starts_at,
        rule=rule.name,
        rule_version=rule.version,
        mode="auto",
        steps=then,
        otherwise=otherwise,
        undo=tuple(msgspec.structs.replace(back, position=number) for number in range(len(then + otherwise)))
        if options.undo
        else (),
        after_success=(tidy,) if options.after_success else (),
        limits=tuple(limits),
        approve=(Asked("sre", options.approve, 2 * MINUTE),) if options.approve else (),
    )
