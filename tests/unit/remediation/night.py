"""A real runner with a real store on virtual time: what converged, the machines and the network are the test's to say."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from healer.changes.model import Touched
from healer.convergence.outcome import AlertView, AtWork, Incident
from healer.executors.memory import MemoryTarget, Moment
from healer.executors.register import Ran
from healer.executors.target import Order, Target
from healer.journey.ports import Planned, Step
from healer.journey.records import Answer
from healer.locks.local import LocalLocks
from healer.remediation.model import Plan, Remediation, State
from healer.remediation.ports import Switch
from healer.remediation.runner import Runner
from healer.remediation.settings import Guards
from healer.remediation.verify import Verifier
from healer.seams import Supervisor
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.times import HOUR, Micros
from healer.topology.graph import Node, topology
from healer.topology.map import Map
from rules import Query, Rule
from tests.simulation.loop import SimLoop
from tests.simulation.world import SimClock
from tests.unit.remediation.build import HOST, Charter, alert, incident, plan, rule, ruleset

RULES = rule("shop", "verify: resolved stable 30s within 5m")


class Converged:
    """`Situation`, as the test says it is."""

    def __init__(self, now: Micros) -> None:
        graph = topology([Node("rack/r1", "rack"), Node(HOST, "host")], [("rack/r1", HOST)])
        self.charter: Any = Charter(ruleset(RULES), {}, guards=Guards(dwell=0))
        self.topology = Map(graph, (), (), 100)
        self.incidents = {"i1": incident(began_at=now, opened_at=now)}
        self.root = alert(starts_at=now, onset=now)
        self.on_target: tuple[AlertView, ...] = ()
        self.above: tuple[AlertView, ...] = ()
        self.silenced_from: tuple[Micros | None, bool] = (0, True)
        self.work: AtWork | None = None
        self.slow_s = 0.0
        self.deployment: Touched | None = None

    async def settled(self, within: float = 2.0) -> None:
        await asyncio.sleep(self.slow_s)

    def rule(self, name: str, version: str) -> Rule | None:
        rule = self.charter.ruleset.named(name)
        return rule if rule is not None and rule.version == version else None

    def incident(self, id: str) -> Incident | None:
        return self.incidents.get(id)

    def alert(self, labels: bytes) -> AlertView | None:
        return self.root

    def on_node(self, node: str) -> Sequence[AlertView]:
        return (self.root, *self.on_target)

    def above_node(self, node: str) -> Sequence[AlertView]:
        return self.above

    def at_work(self, node: str) -> AtWork | None:
        return self.work

    def changed(self, incident: Incident) -> Touched | None:
        return None

    def deploying(self, node: str) -> Touched | None:
        return self.deployment

    def silences(self) -> tuple[Micros | None, bool]:
        return self.silenced_from

    def end(self, at: Micros, resolution: Any = "sent") -> None:
        """The alert is over, and its incident with it."""
        self.root = msgspec.structs.replace(self.root, status="resolved", resolution=resolution, ended_at=at)
        over = msgspec.structs.replace(self.incidents["i1"], status="resolved", resolution=resolution, resolved_at=at)
        self.incidents["i1"] = over


class Nobody:
    """No Prometheus."""

    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Answer]:
        return [Answer(query.key, None, 0, "nobody to ask") for query in queries]


class Night:
    """One service's night. `perform` is what a command does, `on_the_way` what happens before each moment of a run."""

    def __init__(self, loop: SimLoop, of: Plan | None = None, target: Target | None = None) -> None:
        self.clock = SimClock(loop)
        self.memory = Memory("test")
        self.store = Store(InlineRun(self.memory, self.clock), self.memory.installation, self.memory.close)
        self.converged = Converged(self.clock.now())
        self.perform: Callable[[Order], Ran] = lambda _: Ran()
        self.on_the_way: Callable[[Moment], Awaitable[None]] = _undisturbed
        self.fleet = MemoryTarget(self.clock, lambda order: self.perform(order), lambda at, _: self.on_the_way(at))
        self.target: Target = target or self.fleet
        self.others: dict[str, Target] = {}
        """Executors beside ssh, by name."""
        self.spawn = Supervisor()
        starts_at = self.converged.root.starts_at
        named = self.converged.charter.ruleset.named("shop")
        version = named.version if named else ""
        self.plan = msgspec.structs.replace(of or plan(), root_starts_at=starts_at, rule_version=version)

    async def begins(self) -> None:
        """The plan is in the store, and the runner at work."""
        await self.store.take_over("one")
        await self.plans("r1")
        self.works()

    async def plans(self, id: str, number: int = 1, of: Plan | None = None) -> None:
        """The step `number`, counted from 1, planned it."""
        now = self.clock.now()
        planned = Planned(id, of or self.plan, "planned", now + HOUR)
        await self.store.commit(Step(number, 1, 1, 0, now, id, planned=(planned,)))

    def works(self) -> None:
        """A runner, as after a start."""
        situation = self.converged
        verifier = Verifier(situation, Nobody(), self.clock)
        locks = LocalLocks()
        targets = {"ssh": self.target, **self.others}
        self.runner = Runner(self.store, situation, targets, locks, verifier, self.clock, self.spawn)
        self.spawn.keep("runner", self.runner.run)
        self.spawn.keep("left behind", self.runner.look_after)

    async def stops(self) -> None:
        assert await self.spawn.stop(5) == []

    async def passes(self, seconds: float) -> None:
        """So much time."""
        await asyncio.sleep(seconds)

    async def pauses(self, scope: str = "all", *, thrown: bool = True) -> None:
        await self.store.throw(Switch(scope, thrown, "ann", "maintenance", self.clock.now()))

    async def stands(self, id: str = "r1") -> Remediation:
        found = await self.store.remediation(id)
        assert found is not None
        return found

    async def until(self, *states: State, id: str = "r1", within_s: float = 7_200) -> Remediation:
        """Wait for one of the states."""
        async with asyncio.timeout(within_s):
            while (found := await self.stands(id)).state not in states:
                await asyncio.sleep(0.5)
        return found

    def started(self) -> list[str]:
        """The intents that had an effect, by the machines' own log."""
        return [effect.intent for effect in self.fleet.effects]

    async def intents(self) -> list[tuple[str, str]]:
        """Every intent of the remediation with its outcome."""
        return [(intent.id, intent.outcome) for intent in await self.store.intents("r1")]


async def _undisturbed(_: Moment) -> None: ...
