"""A `test` of the rule language, played: the real engine, planner, guards, runner and store, on a virtual clock.

Only what is outside is a stand-in: Prometheus answers what the test gives, actions do what the test says, people agree when
the test says so. Called by `healer.rehearsal.trial`.
"""

import asyncio
from collections.abc import Sequence
from typing import cast

import msgspec

from healer.alerts.identity import canonical
from healer.alerts.matchers import Matcher, Matchers
from healer.alerts.model import Alert
from healer.changes.model import Change, Kind, State
from healer.changes.settings import Line
from healer.convergence.settings import Convergence
from healer.executors.target import Go, Order, Result, Seen
from healer.journey.charter import Charter, Deciding
from healer.journey.owner import Owner
from healer.journey.ports import Arrival, Planned, Step
from healer.journey.records import Adopted, Changed, Delivered, Record
from healer.journey.records import Answer as Sample
from healer.journey.view import View
from healer.locks.local import LocalLocks
from healer.rehearsal.virtual_time import VirtualClock, VirtualLoop
from healer.remediation.approval import NotAsked, agree, reject
from healer.remediation.asking import answer_questions
from healer.remediation.autonomy import Autonomy
from healer.remediation.model import PlanStep, Remediation
from healer.remediation.planner import Question
from healer.remediation.runner import Runner
from healer.remediation.settings import Guards, PerAction, PerRule, PerService, PerTarget, Ramp, Rates
from healer.remediation.verify import Verifier
from healer.seams import Supervisor
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.times import HOUR, MINUTE, SECOND, Micros
from healer.topology import graph
from healer.topology.graph import Node
from rules import DEFAULT_HEALTH, Query, RuleSet, Trial, TrialChange, matches

EXECUTORS = ("ssh", "agent", "kubernetes", "redfish", "http", "helm")
SENDER = "rehearsal"
LOOK_S = 15.0
"""Virtual seconds between looks whether anything can still happen."""
AFTERWARDS: Micros = 2 * MINUTE
"""How long it goes on after the last thing that the test gives, so that holds run out."""
AT_MOST: Micros = 12 * HOUR
"""The longest that a test lasts, after the last thing that it gives."""
PEOPLE_S = 5.0
"""Virtual seconds between looks whether somebody is asked."""
ACTION_S = 1.0
"""Virtual seconds that an action takes."""
MAX_NODES = 100_000
TRUSTED = Autonomy(successes=0, without_mistake=0)
"""A test is about what a rule does, not about what it has done: its mode is in force."""


class Done(msgspec.Struct, frozen=True):
    """One effect: by which rule, which step, and whether it worked."""

    at: Micros
    rule: str
    step: PlanStep
    worked: bool


class Played(msgspec.Struct):
    """What happened in a test. Instants count from its start."""

    planned: list[Planned] = []
    done: list[Done] = []
    asked: list[tuple[Micros, str, str]] = []
    """When, by which rule, whom."""
    ended: list[Remediation] = []
    told: list[str] = []
    """Channels that rules wanted told beside the routes."""
    lasted: Micros = 0


def play(trial: Trial, ruleset: RuleSet, health: dict[str, str] | None = None) -> Played:
    """Let a test happen. `health` is the configuration's, where there is one."""
    loop = VirtualLoop()
    try:
        stage = _Stage(trial, ruleset, health or dict(DEFAULT_HEALTH), VirtualClock(loop, trial.start))
        return loop.run_until_complete(stage.run())
    finally:
        loop.close()


class _Stage:
    def __init__(self, trial: Trial, ruleset: RuleSet, health: dict[str, str], clock: VirtualClock) -> None:
        self._trial = trial
        self._clock = clock
        self._memory = Memory("rehearsal")
        self._store = Store(InlineRun(self._memory, clock), self._memory.installation)
        self._spawn = Supervisor()
        self._played = Played()
        self._charter = Charter(_NOTHING, _deciding(trial, health), _topology(trial).encode(), ruleset)
        self._owner = Owner(
            self._store,
            clock,
            self._memory.installation,
            self._adopt,
            snapshot_every=1_000_000,
            on_step=self._stepped,
        )
        view = View(self._owner, lambda: (None, True))
        target = _Actions(trial, self._played, clock, self._store)
        asker = _Prometheus(trial, clock)
        self._asker = asker
        self._runner = Runner(
            self._store,
            view,
            dict.fromkeys(EXECUTORS, target),
            LocalLocks(),
            Verifier(view, asker, clock),
            clock,
            self._spawn,
        )

    async def run(self) -> Played:
        try:
            self._store.on_append(self._owner.feed)
            await self._owner.recover(_NOTHING)
            self._spawn.keep("owner", self._owner.run)
            self._spawn.keep("runner", self._runner.run)
            self._spawn.keep("questions", self._answer)
            self._spawn.keep("people", self._people)
            await self._happen()
            await self._until_nothing_is_left()
            await self._spawn.stop(1.0)
        finally:
            self._memory.close()
        failures = dict(self._spawn.failures)
        assert not failures, f"healer made a mistake in this rehearsal: {failures}"
        return self._played

    async def _adopt(self, _adopted: Adopted) -> Charter:
        return self._charter

    def _stepped(self, step: Step) -> None:
        self._played.planned.extend(step.planned)
        # A rehearsal has no routes, so whoever is told was named by a rule.
        self._played.told.extend(one.channel for one in step.wanted if one.channel not in self._played.told)
        if step.planned:
            self._runner.wake()

    async def _answer(self) -> None:
        await answer_questions(self._questions, self._asker, self._store)

    def _questions(self) -> Sequence[Question]:
        return self._owner.fold.questions(self._clock.now())

    async def _happen(self) -> None:
        """Alerts begin and end when the test says so."""
        moments: list[tuple[Micros, int, Record]] = [
            (change.at, 0, Changed(_change(change, number, self._trial.start + change.at)))
            for number, change in enumerate(self._trial.changes)
        ]
        for alert in self._trial.alerts:
            labels, begins = canonical(dict(alert.labels)), self._trial.start + alert.begins
            moments.append((alert.begins, 1, Delivered(SENDER, (Alert(labels, True, begins, 0),))))
            if alert.ends is not None:
                ends = self._trial.start + alert.ends
                moments.append((alert.ends, 2, Delivered(SENDER, (Alert(labels, False, begins, ends),))))
        for at, _, told in sorted(moments, key=lambda moment: moment[:2]):
            await asyncio.sleep(max(0, at - self._clock.monotonic()) / SECOND)
            await self._store.append([Arrival(told)])

    async def _until_nothing_is_left(self) -> None:
        trial = self._trial
        given = [at for answer in trial.answers for at, _ in answer.values]
        given += [alert.ends or alert.begins for alert in trial.alerts]
        last = max(given, default=0) + AFTERWARDS
        while self._clock.monotonic() < last or not await self._is_still():
            if self._clock.monotonic() > last + AT_MOST:
                break
            await asyncio.sleep(LOOK_S)
        self._played.ended = list(reversed(await self._store.remediations(limit=1000)))
        self._played.lasted = self._clock.monotonic()

    async def _is_still(self) -> bool:
        """Nothing is under way, and no rule is waiting for time or for an answer."""
        if await self._store.under_way():
            return False
        planner = self._owner.fold.planner
        waits = any(watch.needs for course in planner.courses.values() for watch in course.watches.values())
        open_ones = any(course.incident.status == "open" for course in planner.courses.values())
        return planner.next_due() is None and not (waits and open_ones and self._clock.monotonic() < 31 * MINUTE)

    async def _people(self) -> None:
        """Whoever is asked answers as the test says, and when it says so."""
        asked: dict[tuple[str, int], Micros] = {}
        said: set[tuple[str, int, int]] = set()
        while True:
            waits = any(planned.state == "awaiting_approval" for planned in self._played.planned)
            for one in await self._store.under_way() if waits else ():
                if one.state != "awaiting_approval":
                    continue
                who, key = one.plan.approve[one.asked].who, (one.id, one.asked)
                if key not in asked:
                    asked[key] = self._clock.monotonic()
                    self._played.asked.append((asked[key], one.plan.rule, who))
                await self._say(one, who, asked[key], said)
            await asyncio.sleep(PEOPLE_S)

    async def _say(self, one: Remediation, who: str, since: Micros, said: set[tuple[str, int, int]]) -> None:
        for number, answer in enumerate(self._trial.approvals):
            key = (one.id, one.asked, number)
            if answer.who != who or key in said or self._clock.monotonic() < since + answer.after:
                continue
            said.add(key)
            now, person = self._clock.now(), f"{who} ({number + 1})"
            try:
                after = agree(one, person, now) if answer.approves else reject(one, person, now)
            except NotAsked:
                continue
            if await self._store.move(after, was="awaiting_approval", now=now):
                self._runner.wake()
                one = after


class _Prometheus:
    """`Asker` that answers what the test gives."""

    def __init__(self, trial: Trial, clock: VirtualClock) -> None:
        self._trial = trial
        self._clock = clock

    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Sample]:
        del labels
        return [self._answer(query) for query in queries]

    def _answer(self, query: Query) -> Sample:
        for answer in reversed(self._trial.answers):
            # What `rate` and `forecast` are asked as has line breaks, and no text of a rule file can have one.
            if answer.of != ("prometheus" if query.of in ("http", "node") else query.of) or not matches(
                answer.pattern, query.text.replace("\n", "")
            ):
                continue
            value = next((v for at, v in reversed(answer.values) if at <= self._clock.monotonic()), None)
            if isinstance(value, str):
                return Sample(query.key, None, self._clock.now(), text=value)
            if value is not None:
                return Sample(query.key, value, self._clock.now())
        return Sample(query.key, None, 0, f"the test gives no answer to {query.text} at this time")


class _Actions:
    """`Target` in which every action works at once, but those of which the test says that they fail."""

    def __init__(self, trial: Trial, played: Played, clock: VirtualClock, store: Store) -> None:
        self._trial = trial
        self._played = played
        self._clock = clock
        self._store = store

    async def run(self, order: Order, go: Go) -> Result:
        if not await go():
            return Result("refused", why="a guard refused at the last moment", started=False)
        remediation = await self._store.remediation(order.intent.split(".")[0])
        assert remediation is not None, order
        step = remediation.plan.sequence[order.step]
        works = not any(f.action == step.action and f.on in (None, step.node) for f in self._trial.failures)
        self._played.done.append(Done(self._clock.monotonic(), remediation.plan.rule, step, works))
        await asyncio.sleep(ACTION_S)
        if works:
            return Result("succeeded", exit_code=0, ended_at=self._clock.now())
        return Result("failed", exit_code=1, why=f"the test says that {step.action} fails", ended_at=self._clock.now())

    async def probe(self, order: Order) -> Result:
        return Result("failed", why=f"nothing is known of {order.intent}", started=False)

    async def observe(self, order: Order) -> Seen:
        return Seen(why=f"a rehearsal has no {order.target} to look at")

    async def close(self) -> None:
        """There is nothing to cut."""


_MANY = 1_000_000
_GUARDS = Guards(
    rates=Rates(
        target=PerTarget(count=_MANY),
        rule=PerRule(count=_MANY),
        action=PerAction(count=_MANY),
        service=PerService(count=_MANY),
    ),
    at_once=_MANY,
    siblings=1,
    healthy=0,
    dwell=0,
    confidence=0,
    ramp=Ramp(failures=_MANY),
    diagnostics=False,
)
"""A test is about its rules, on the handful of nodes that it names: what an installation allows beside is not asked."""
_NOTHING = Adopted(topology="rehearsal", settings="rehearsal", rules="rehearsal")


def _deciding(trial: Trial, health: dict[str, str]) -> Deciding:
    always = ((0, 1 << 62),)
    return Deciding(
        place="only",
        dry_run=False,
        packs=(),
        convergence=Convergence(),
        mappings=(),
        labels=(),
        max_nodes=MAX_NODES,
        health=health,
        channels=(),
        routes=(),
        calendars={name: always if busy else () for name, busy in trial.calendars},
        guards=_GUARDS,
        autonomy=TRUSTED,
        changes=tuple(Line(match=_told_of(change), node=change.on) for change in trial.changes),
    )


def _told_of(change: TrialChange) -> Matchers:
    env = dict(change.labels).get("env", "")
    return Matchers([Matcher.of("repo", change.repo), *([Matcher.of("env", env)] if env else [])])


def _change(change: TrialChange, number: int, at: Micros) -> Change:
    """A delivery as GitHub would have told it: a deployment that succeeded, where the test says no more."""
    said = dict(change.labels)
    return Change(
        source="github",
        delivery_id=f"rehearsal {number}",
        repo=change.repo,
        kind=cast("Kind", said.get("kind", "deploy")),
        env=said.get("env", ""),
        ref=said.get("ref", "refs/heads/main"),
        sha=said.get("sha", "1a2b3c4d"),
        state=cast("State", said.get("state", "succeeded")),
        actor=said.get("actor", ""),
        commits=(),
        at=at,
        url="",
        deployment=str(number),
        keys=(f"rehearsal {number}",),
    )


def _topology(trial: Trial) -> graph.Topology:
    nodes: dict[str, Node] = {}
    edges: list[tuple[str, str]] = []
    for one in trial.nodes:
        attributes = dict(one.attributes)
        aliases = tuple(alias for alias in (attributes.pop("alias", ""),) if alias)
        nodes[one.id] = Node(one.id, one.id.partition("/")[0], aliases, dict(attributes))
        edges.extend((above, one.id) for above in one.below)
    for above, _ in edges:
        nodes.setdefault(above, Node(above, above.partition("/")[0]))
    return graph.topology(nodes.values(), edges)
