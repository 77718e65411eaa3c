"""How the rooms become one service, given its ports. The same for a machine and for the simulation; no port is made here.

`healer.bootstrap` calls it with the real ones, `tests.simulation` with its own.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from healer.alertmanager.backstop import Backstop
from healer.alertmanager.mirror import SUSPICION, Mirror, Reconciler
from healer.assembly.adopting import Adopting
from healer.assembly.ongoing import Ongoing, Work
from healer.assembly.ports import Plan, Ports
from healer.executors.redacted import redacted
from healer.heartbeat.agents import AgentWatch
from healer.heartbeat.locks import LockWatch
from healer.heartbeat.pulse import Pulse
from healer.heartbeat.watch import NO_INPUT, Heartbeat
from healer.journey.escalation_audit import EscalationAudit, EscalationCounts
from healer.journey.fold import Fold
from healer.journey.owner import Owner
from healer.journey.ports import Overtaken, Step, StoreUnavailable
from healer.journey.records import Adopted, Answer, Entry
from healer.journey.rosters import Rosters
from healer.journey.tenure import LOOK_S, Tenure
from healer.journey.view import View
from healer.notification.budget import Budget, budget
from healer.notification.deliver import Deliverer, Sender
from healer.notification.last_resort import LastResort
from healer.notification.weekly import Weekly
from healer.notification.wording import PLAIN
from healer.prometheus.onsets import Onsets
from healer.prometheus.telling import Telling
from healer.rehearsal.drilling import Drilling
from healer.remediation.asking import answer_questions
from healer.remediation.auditor import Auditor
from healer.remediation.planner import Question
from healer.remediation.runner import Runner
from healer.remediation.runner.looking import Looking
from healer.remediation.verify import Verifier
from healer.requests.answering import Answering
from healer.survey.apart import Apart
from healer.survey.desk import Desk
from healer.survey.gathering import Gathering
from healer.survey.publishing import Publishing
from healer.telemetry.exporting import TraceExport
from healer.telemetry.metrics import Registry
from healer.times import Micros
from healer.topology import graph
from healer.topology import source as topology_source
from healer.topology.patch import Patch
from healer.vitals import Vitals
from rules import Query

log = logging.getLogger(__name__)

FORGET_S = 3600.0
"""Seconds between looks for days that are old enough to be forgotten."""
WAKE_S = 60.0
"""Seconds that a wake-up is waited for at a time, where somebody else looks."""


class Healer:
    """The service without its door: records go in by the store's journal, everything else happens by itself."""

    def __init__(self, plan: Plan, ports: Ports, registry: Registry) -> None:
        self.plan = plan
        self.ports = ports
        self._targets = redacted(ports.targets, self._redact)
        self._channels: dict[str, None] = {}
        self._ongoing = Ongoing(ports.spawn)
        self.registry = registry
        store = ports.store
        self.apart = ports.apart or Apart(store.aside)
        self._adopting = Adopting(store, self.apart)
        self.owner = Owner(
            store,
            ports.clock,
            store.installation,
            self._adopting.charter,
            snapshot_every=plan.snapshot_every,
            on_step=self._stepped,
            on_follow=self._followed,
            tenure=ports.tenure,
        )
        self._begun = False
        self.mirror = Mirror(ports.alertmanagers, store, ports.clock, plan.silences_every)
        self.view = View(self.owner, self.mirror.age)
        attempts = registry.counters("healer_notifications_total", "Attempts to tell people.", ("channel", "reason"))
        self.deliverer = Deliverer(
            store,
            ports.senders,
            ports.clock,
            ports.random,
            base_url=plan.base_url,
            count=lambda channel, reason: attempts.of(channel, reason).inc(),
            speech=plan.speech,
            conduct=plan.conduct,
            redact=self._redact,
        )
        self.weekly = Weekly(
            store,
            lambda: self.plan.deciding.routes,
            self.budget,
            lambda channel: self.plan.speech.get(channel, PLAIN),
            self.deliverer.wake,
            ports.clock,
            lambda names, at: [one.channel for one in self.view.charter.rota.reach(names, at)],
        )
        verifier = Verifier(self.view, self, ports.clock, self._silent)
        self.runner = Runner(
            store,
            self.view,
            self._targets,
            ports.locks,
            verifier,
            ports.clock,
            ports.spawn,
            grace_s=plan.grace_s,
            author=ports.random.token(8),
            home=ports.home,
            halted=ports.halted,
            silent=self._silent,
        )
        self.auditor = Auditor(
            store,
            store,
            ports.clock,
            lambda: self.owner.fold.charter.ruleset,
            lambda code: self.owner.fold.troubles.has(code),
        )
        self.locks = LockWatch(ports.locks, store, ports.clock, lambda code: self.owner.fold.troubles.has(code))
        self.escalation_audit = EscalationAudit(store, store, ports.clock, self._known)
        registry.read(self.escalation_audit.samples)
        self.escalation_counts = EscalationCounts(registry)
        self.rosters = Rosters(store, ports.clock, self._known)
        self.reconciler = Reconciler(
            ports.alertmanagers,
            store,
            ports.clock,
            plan.reconcile_every,
            self.view.told_by_alertmanager,
            lambda: self.owner.fold.troubles.has(SUSPICION),
        )
        self.gathering = Gathering(
            plan.sources,
            ports.sources,
            store,
            self.apart,
            ports.clock,
            plan.terms,
            lambda code: self.owner.ready and self.owner.fold.troubles.has(code),
            self._redact,
        )
        self.publishing = Publishing(
            self.gathering, store, self.apart, ports.clock, self._topology, self._adopt_whole, self.owner.settled
        )
        self.desk = Desk(self.gathering, self.publishing, store, self.apart)
        registry.read(self.gathering.samples)
        registry.read(self.publishing.samples)
        reads = registry.counters("healer_onset_reads_total", "Reads of alerts and rules.", ("prometheus", "result"))
        self.onsets = Onsets(ports.prometheus, store, self.view, lambda url, result: reads.of(url, result).inc())
        self.drilling = Drilling(
            store,
            ports.clock,
            ports.random,
            ports.spawn,
            lambda: self.plan.drills,
            lambda code: self.owner.ready and self.owner.fold.troubles.has(code),
        )
        self.vitals = Vitals(self.owner, store, ports.spawn, ports.clock)
        registry.read(self.vitals.samples)
        self.last_resort = LastResort(store.probe, self._last_told(), ports.clock, plan.base_url, plan.speech)
        self.pulse = self._listen_for_heartbeats()
        registry.read(lambda: self.pulse.samples() if self.pulse is not None else ())
        registry.read(lambda: self.ports.anchoring.samples() if self.ports.anchoring is not None else ())

    async def start(self) -> None:
        """Recover, then start everything that goes on by itself. Returns when all that was accepted before is decided, by this
        process or, where another one converges, by that."""
        store = self.ports.store
        store.on_append(self._hear)
        await store.free_claims()
        if await self.owner.arrive():
            await self._begin()
        self._ongoing.keep("owner", self._own)
        self._go_on()

    async def take(self, plan: Plan, ports: Ports) -> bool:
        """Go on by what the files say now, and by what was made of them. Returns whether anything that decides is new.

        `ports` has the clock, chance, tasks, store and locks that there are. Raises TooFarBehind, StoreUnavailable, and
        ValueError for rules that do not compile: then everything is as it was.
        """
        async with self.publishing.alone:
            # Where another process converges its files decide, until this one takes over.
            before = (
                await self._adopting.anew(plan, self.owner) if self.owner.leads else self.owner.fold.charter.adopted
            )
            beats = self.plan.watchdog == plan.watchdog
            self.plan, self.ports = plan, ports
        self._ongoing.end_all_but(self._wanted())
        self._targets.clear()
        self._targets.update(redacted(ports.targets, self._redact))
        self.deliverer.use(ports.senders, plan.base_url, plan.speech, plan.conduct)
        self.last_resort.use(self._last_told(), plan.base_url, plan.speech)
        self.mirror.use(ports.alertmanagers, plan.silences_every)
        self.reconciler.use(ports.alertmanagers, plan.reconcile_every)
        self.onsets.use(ports.prometheus)
        if not beats:
            self.pulse = self._listen_for_heartbeats()
        try:
            await self._survey()
        except (StoreUnavailable, topology_source.Unreadable) as error:
            # What decides is adopted, so there is no way back; whoever publishes tries again.
            log.warning("a change of the topology is not recorded yet: %s", error)
        finally:
            self._go_on()
        return before != self.owner.fold.charter.adopted

    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Answer]:
        """Ask whoever answers now. Never raises for what the outside does."""
        ports = self.ports
        where, read = self.view.where, ports.store.detail
        look = Looking(self._targets, ports.clock).ask
        said = await Telling(ports.asker, ports.prometheus, where, read, ports.probe, look).ask(queries, labels)
        return [self._readable(one) for one in said]

    async def budget(self, since: Micros, until: Micros) -> Budget:
        """What that time cost people."""
        found = await self.ports.store.period(since, until)
        return budget(found, {name: speech.zone for name, speech in self.plan.speech.items()})

    async def stop(self, within: float) -> None:
        """End all tasks, then keep a snapshot so that the next start is short; not of a step whose commit was cut short."""
        led, tenure = self.owner.leads, self.ports.tenure
        stuck = await self.ports.spawn.stop(within)
        if stuck:
            log.warning("did not end in time: %s", ", ".join(stuck))
        if tenure is not None:
            await self._leave(tenure)
        if led and self.owner.ready and self.owner.steps and not self.owner.lost:
            await self.owner.save_snapshot()

    # --- inside

    def _readable(self, said: Answer) -> Answer:
        """The answer as it may be kept."""
        return replace(said, why=self._redact(said.why), text=said.text and self._redact(said.text))

    def _redact(self, text: str) -> str:
        """What may be read of a text from outside, by the secrets that there are now."""
        return self.ports.redact(text)

    async def _begin(self) -> None:
        """Converge from here on: with what the sources of the topology said last, by what the files say."""
        if (tenure := self.ports.tenure) is not None:
            # To recover may take longer than the term.
            self._ongoing.begin("term", None, tenure.hold)
            self.publishing.begin()
        await self.gathering.begin(self._files())
        self._begun = True
        # One who followed has a graph already; whoever publishes says what changed.
        keep = self.gathering.waits() or self.owner.ready
        await self.owner.recover(await self._adopt(), keep_topology=keep)
        await self.gathering.tell_of_those_who_left(self.view.troubles())

    async def _leave(self, tenure: Tenure) -> None:
        """Let the others go on at once: who converges, and who tells what this process was about to tell."""
        await tenure.hand_over()
        try:
            await self.ports.store.free_claims()
        except StoreUnavailable as error:
            log.warning("what was about to be told is told when its claim runs out: %s", error)

    def _files(self) -> dict[str, graph.Topology]:
        return {"file": self.plan.topology} if ("file", "file") in self.plan.sources else {}

    async def _survey(self) -> None:
        """Ask the sources of the topology that there are now, and publish what the files say."""
        plan = self.plan
        leads = self.owner.leads
        await self.gathering.use(plan.sources, self.ports.sources, plan.terms, self._files() if leads else {})
        if not leads:
            return
        await self.gathering.tell_of_those_who_left(self.view.troubles())
        if not self.gathering.waits():
            await self.publishing.publish()

    def _go_on(self) -> None:
        self._ongoing.go_on(self._wanted())

    def _wanted(self) -> dict[str, tuple[object, Work]]:
        """By name, what goes on by itself because the configuration says so, with what it cannot go on without."""
        ports, leads = self.ports, self.owner.leads
        jobs: dict[str, tuple[object, Work]] = {}
        if ports.tenure is not None:
            jobs["listening"] = None, partial(self._listen, ports.tenure)
            jobs["others want"] = None, partial(self._hear_of_wanted, ports.tenure)
        if ports.tenure is not None and leads:
            jobs["term"] = None, ports.tenure.hold
        if leads:
            jobs["runner"] = None, self.runner.run
            jobs["left behind"] = None, self.runner.look_after
            jobs["auditor"] = None, self.auditor.run
            jobs["escalations"] = None, self.escalation_audit.run
            jobs["questions"] = None, self._answer_questions
        if leads and any(drill.every for drill in self.plan.drills.values()):
            jobs["drills"] = None, self.drilling.run
        jobs["vitals"] = None, self.vitals.run
        if leads:
            jobs["topology"] = None, self.publishing.run
        # Nobody is interrupted while telling: the worker of a channel that is gone waits for the channel to come back.
        self._channels |= dict.fromkeys(ports.senders)
        jobs |= {f"channel {channel}": (None, partial(self.deliverer.run, channel)) for channel in self._channels}
        if leads:
            jobs |= self._asking()
        return jobs | {name: (depends, work) for name, depends, work in self._guardians()}

    def _asking(self) -> dict[str, tuple[object, Work]]:
        """What asks the outside for whoever converges."""
        ports = self.ports
        jobs: dict[str, tuple[object, Work]] = {}
        if ports.alertmanagers or "silences" in self._ongoing:
            jobs["silences"] = None, self.mirror.run
        if ports.alertmanagers:
            jobs["reconciliation"] = None, self.reconciler.run
        for source in ports.sources:
            jobs[f"topology {source.name}"] = source, partial(self.gathering.follow, source)
        for feed in ports.feeds:
            jobs[f"calendar {feed.schedule}"] = feed, partial(self.rosters.follow, feed)
        if ports.prometheus:
            jobs["onsets"] = None, self.onsets.run
        for cluster in ports.requests:
            # First of all whoever hears: what was known when this process converged last is not believed any more.
            jobs |= {
                f"requests {cluster.name}:{path}": (cluster, partial(cluster.follow, path)) for path in cluster.paths
            }
            answering = Answering(cluster, ports.store, ports.store, self.view, ports.clock)
            jobs[f"requests {cluster.name}"] = cluster, answering.run
        return jobs

    def _guardians(self) -> Iterator[tuple[str, object, Work]]:
        """What watches over healer itself, as far as it is wanted."""
        plan, ports, leads = self.plan, self.ports, self.owner.leads
        if leads and plan.watchdog is not None and self.pulse is not None:
            heartbeat = Heartbeat(
                self.pulse,
                ports.store,
                ports.ping,
                lambda: all(self.deliverer.accepts.values()),
                every=plan.watchdog.every,
                missing_after=plan.watchdog.missing_after,
            )
            depends = (plan.watchdog, ports.ping)
            yield "watch", depends, heartbeat.watch
            if ports.ping is not None:
                yield "heartbeat", depends, heartbeat.beat
        if plan.last_resort:
            yield "last resort", None, self.last_resort.run
        if not leads:
            return
        if ports.locks_outside:
            yield "locks", None, self.locks.run
        if any(route.weekly for route in plan.deciding.routes):
            yield "weekly", None, self.weekly.run
        if plan.deciding.place == "lead" and ports.alertmanagers:
            backstop = Backstop(ports.alertmanagers, ports.store, self.view, ports.clock)
            yield "backstop", tuple(ports.alertmanagers), backstop.run
        if ports.sink is not None:
            export = TraceExport(ports.store, ports.sink, ports.clock, sample=plan.trace_sample)
            yield "traces", (ports.sink, plan.trace_sample), export.run
        if ports.agents is not None:
            yield "agents", ports.agents, AgentWatch(ports.agents, ports.store, ports.clock).run
        if ports.anchoring is not None:
            yield "anchors", ports.anchoring, ports.anchoring.run
        if plan.retention:
            yield "retention", None, self._forget

    def _last_told(self) -> Mapping[str, Sender]:
        return {name: self.ports.senders[name] for name in self.plan.last_resort}

    def _listen_for_heartbeats(self) -> Pulse | None:
        watchdog = self.plan.watchdog
        return Pulse(watchdog.alertname, self.ports.clock, lambda: self.owner.applied) if watchdog else None

    async def _forget(self) -> None:
        """Let go of days that are older than they have to be kept."""
        while True:
            removed = await self.ports.store.forget(self.ports.clock.now() - self.plan.retention)
            if removed:
                log.info("forgot %d rows of the past", removed)
            await asyncio.sleep(FORGET_S)

    def _silent(self) -> str:
        """Why the word of those who send alerts is not to be acted on; "" where they are alive, or nobody listens for it."""
        if self.ports.tenure is not None and (doubt := self.ports.tenure.doubt()):
            return doubt
        watchdog, pulse = self.plan.watchdog, self.pulse
        if watchdog is None or pulse is None:
            return ""
        if self.owner.ready and self.owner.fold.troubles.has(NO_INPUT):
            return "nothing comes in any more: what fires may have ended since"
        return pulse.silent(watchdog.missing_after)

    def _hear(self, entries: Sequence[Entry]) -> None:
        if self.ports.tenure is not None and not self.owner.leads:
            self.ports.tenure.wakeups.ring("accepted")
        if self.ports.prometheus and self.owner.ready and self.owner.leads:
            self.onsets.hear(entries)
        self.owner.feed(entries)
        if self.pulse is not None:
            self.pulse.hear(entries)

    async def _own(self) -> None:
        """Step for as long as memory is what the store says; else throw it away and begin again from what is stored, or follow
        whoever steps now."""
        try:
            if self.owner.lost:
                await self.owner.stand_by()
                if self._begun:
                    await self.owner.recover(await self._adopt(), keep_topology=True)
                else:
                    await self._begin()
                self._go_on()
            await self.owner.run()
        except Overtaken:
            log.warning("somebody else stepped: memory is thrown away")
            self.owner.lost = True
            if self.ports.tenure is not None:
                self._step_aside(self.ports.tenure)

    def _step_aside(self, tenure: Tenure) -> None:
        """Another process converges: end what only that one does, and follow it."""
        tenure.leads = self._begun = False
        self.runner.let_go()
        self._go_on()

    async def _listen(self, tenure: Tenure) -> None:
        """Hear what other processes accept; at once, where this one is to decide on it."""
        while True:
            try:
                await self.ports.store.hear(self.owner.accepted)
            except StoreUnavailable as error:
                log.debug("nothing is heard of other processes now: %s", error)
            if tenure.leads:
                await tenure.wakeups.wait("accepted", LOOK_S)
            else:
                await asyncio.sleep(LOOK_S)

    async def _hear_of_wanted(self, tenure: Tenure) -> None:
        """Tell at once what whoever converges wants told; each channel looks by itself, too."""
        while True:
            if await tenure.wakeups.wait("wanted", WAKE_S):
                self.deliverer.wake()

    async def _adopt(self) -> Adopted:
        """Keep what the files say now, and what the sources said last, and name it."""
        return await self._adopting.keep(self.plan, await self.publishing.whole())

    async def _adopt_whole(self, topology: bytes) -> Adopted:
        """Keep a topology, and name it in the place of the one that decides now."""
        return await self._adopting.with_topology(self.owner.fold.charter.adopted, topology)

    def _topology(self) -> tuple[bytes, Patch]:
        """What decides now: the topology that was adopted, and what changed since."""
        return self.owner.fold.charter.topology, self.owner.fold.ground.changed.patch()

    async def _answer_questions(self) -> None:
        await answer_questions(self._questions, self, self.ports.store)

    def _questions(self) -> Sequence[Question]:
        """Those of the fold that decides now: memory may have been thrown away since the last look."""
        return self.owner.fold.questions(self.ports.clock.now()) if self.owner.ready else ()

    def _followed(self, step: Step) -> None:
        if step.wanted:
            self.deliverer.wake()

    def _known(self) -> Fold | None:
        """What is decided so far, where that is known."""
        return self.owner.fold if self.owner.ready else None

    def _stepped(self, step: Step) -> None:
        self.escalation_counts.read(step.timeline)
        if step.wanted:
            self.deliverer.wake()
        if step.planned:
            self.runner.wake()
        if self.ports.tenure is not None:
            self.ports.tenure.wakeups.ring("decided")
            if step.wanted:
                self.ports.tenure.wakeups.ring("wanted")
