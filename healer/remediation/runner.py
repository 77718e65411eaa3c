"""Carries plans out: guards, lock, intent (T3), effect, outcome (T4), verification; every arrow stored before the next.

One task drives one remediation from whatever state the store has it in, so a restart is nothing special. What it cannot
finish it hands to a person; an effect whose outcome is unknown is probed, never repeated.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import msgspec

from healer.executors.states.reading import Change
from healer.executors.target import Order, Result, Seen, Target
from healer.journey.ports import StoreUnavailable
from healer.locks.ports import Hold, LockService
from healer.locks.together import belonging, hold_all
from healer.remediation import guards
from healer.remediation.approval import all_steps, pass_on, used
from healer.remediation.arrows import (
    next_state,
    otherwise,
    stepped,
    steps_of,
    until_of,
    verified,
    verifying,
    waiting,
)
from healer.remediation.model import BEFORE_INTENT, UNDER_WAY, Intent, PlanStep, Refused, Remediation, State
from healer.remediation.ports import EffectStore
from healer.remediation.proof import change_of, looks_after, proven
from healer.remediation.situation import Situation
from healer.remediation.verify import Verifier
from healer.seams import Clock, Spawn
from healer.telemetry.logs import within_trace
from healer.times import MINUTE, SECOND, Micros
from rules import Rule

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""Seconds between looks at the store: the poll behind each wake-up."""
GUARD_S = (5.0, 60.0)
"""Seconds between attempts of what a guard refused; they double up to the second where the target itself refuses."""
GO_S = (0.1, 0.5)
"""Seconds at most for what was accepted to be decided, and for all guards, while a target waits for go."""
VERIFY_S = 5.0
"""Seconds between looks whether it helped."""
PROBE_S = (2.0, 60.0)
"""Seconds between probes of an unknown outcome: the first, and the longest."""
LEFT_S = (5.0, 300.0)
"""The same for an outcome that went to a person."""
LOCK_S = 30.0
"""Seconds to wait for a target's lock."""
MARGIN: Micros = MINUTE
"""How long after the target's own deadline an outcome may still be on its way; then a person is told."""
AT_ONCE = 64
"""Remediations driven at the same time."""
LOOKED_S = 10
"""Seconds that a look at a target may take there."""
AGAIN_S = 2.0
"""Seconds between looks for an effect that may still come to show."""
OUTPUT_LIMIT = 4096
"""Characters of a step's output that are kept with its intent."""


@dataclass
class _Left:
    """When to probe what went to a person again (monotonic), and how many seconds after that."""

    again_at: Micros = 0
    pause: float = LEFT_S[0]


class Runner:
    """Drives remediations."""

    def __init__(
        self,
        store: EffectStore,
        situation: Situation,
        targets: Mapping[str, Target],
        locks: LockService,
        verifier: Verifier,
        clock: Clock,
        spawn: Spawn,
        *,
        grace_s: int = 5,
        author: str = "",
    ) -> None:
        """`author` tells this process from all others that ever wrote intents into this store."""
        self._store = store
        self._situation = situation
        self._targets = targets
        self._locks = locks
        self._verifier = verifier
        self._clock = clock
        self._spawn = spawn
        self._grace_s = grace_s
        self._author = author
        self._driven: set[str] = set()
        self._left: dict[str, _Left] = {}
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """Something was planned."""
        self._awake.set()

    async def run(self) -> None:
        """Look for remediations to drive, until cancelled."""
        while True:
            self._awake.clear()
            for remediation in await self._store.under_way():
                # What waits for people is only looked at: it may wait long, and must not keep others from being driven.
                room = len(self._driven) < AT_ONCE or remediation.state == "awaiting_approval"
                if remediation.id not in self._driven and room:
                    self._driven.add(remediation.id)
                    self._spawn.start(f"remediation {remediation.id}", self._drive(remediation))
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._awake.wait()
            except TimeoutError:
                pass

    async def preview(self, step: PlanStep) -> tuple[Change | None, str]:
        """What a step would change, by a look at its target that changes nothing; or None, and why nobody can say."""
        target = self._targets.get(step.executor)
        if target is None:
            return None, f"the executor {step.executor} is not set up here"
        if not step.observe:
            return None, f"{step.action} has no `observe:` that would tell"
        try:
            async with asyncio.timeout(LOOKED_S):
                change, _ = await self._look(step, target)
        except TimeoutError:
            return None, f"{step.node} did not answer within {LOOKED_S}s"
        return change, ""

    async def look_after(self) -> None:
        """Settle what was left behind, until cancelled. Apart from `run`, because a probe may wait long for its target."""
        while True:
            await self._settle_left_behind()
            await asyncio.sleep(LOOK_S)

    async def _settle_left_behind(self) -> None:
        """Probe intents without an outcome whose remediation is not driven any more (it went to a person)."""
        now = self._clock.monotonic()
        unsettled = await self._store.unsettled()
        self._left = {intent.id: self._left.get(intent.id, _Left()) for intent in unsettled}
        for intent in unsettled:
            left = self._left[intent.id]
            if now < left.again_at:
                continue
            # Asked after the intents were read: one that begins meanwhile is somebody's, and not among them.
            remediation = await self._store.remediation(intent.remediation)
            if remediation is None or remediation.id in self._driven or remediation.state in UNDER_WAY:
                continue
            result = await self._probe(intent)
            if result.outcome == "unknown":
                left.again_at = self._clock.monotonic() + round(left.pause * SECOND)
                left.pause = min(left.pause * 2, LEFT_S[1])
                continue
            known = f"{remediation.detail}. By now it is known: {result.why or result.outcome}"
            await self._store.settle_intent(
                self._settled(intent, result),
                msgspec.structs.replace(remediation, detail=known),
                was=remediation.state,
                now=self._clock.now(),
            )

    # --- one remediation

    async def _drive(self, remediation: Remediation) -> None:
        try:
            current: Remediation | None = remediation
            with within_trace(remediation.plan.trace_id):
                while current is not None:
                    current = await self._advance(current)
        except StoreUnavailable as error:
            log.warning("remediation %s waits for the store: %s", remediation.id, error)
        except Exception as error:
            # A mistake in healer: nothing says that it would not happen again, so a person takes over.
            await self._leave(remediation.id, f"healer made a mistake ({type(error).__name__}), its log says which")
            raise
        finally:
            self._driven.discard(remediation.id)

    async def _leave(self, id: str, why: str) -> None:
        try:
            stored = await self._store.remediation(id)
            if stored is not None and stored.state in UNDER_WAY:
                await self._end(stored, "handed_over", why)
        except StoreUnavailable as error:
            log.warning("remediation %s waits for the store: %s", id, error)

    async def _advance(self, remediation: Remediation) -> Remediation | None:
        """One arrow of the state machine. Returns the remediation as it then is, None when it has ended."""
        if remediation.state == "awaiting_approval":
            return await self._ask(remediation)
        if remediation.state in BEFORE_INTENT or remediation.state == "undoing":
            return await self._begin(remediation)
        if remediation.state == "executing":
            return await self._settle(remediation)
        if remediation.state == "verifying":
            return await self._verify(remediation)
        return None

    async def _begin(self, remediation: Remediation) -> Remediation | None:
        """Up to the effect: guards, lock, intent. What is refused waits, until the deadline."""
        now = self._clock.now()
        steps = steps_of(remediation)
        if remediation.step >= len(steps):
            return await self._watch(remediation)
        step = steps[remediation.step]
        if step.until:
            return await self._wait_until(remediation)
        if now > remediation.deadline:
            return await self._end(remediation, "handed_over", remediation.detail or "it could not begin in time")
        target = self._targets.get(step.executor)
        if target is None:
            why = f"{step.action} needs the executor {step.executor}, which is not set up here"
            return await self._end(remediation, "refused", why)
        try:
            async with hold_all(self._locks, self._locked(remediation, step), LOCK_S, self._clock) as hold:
                # Within the lock: waiting for it may have taken longer than an observation is good for.
                after = await self._observe(remediation, step) or await self._act(remediation, step, target, hold)
        except TimeoutError as error:
            after = Refused("lock", str(error) or f"somebody else holds the lock of {step.node}")
        if isinstance(after, Refused):
            over = self._is_over(remediation) and not step.closing
            return await (self._leave_off(remediation) if over else self._wait(remediation, after))
        if after is not None and after.state == "waiting":
            await asyncio.sleep(min(GUARD_S[0] * 2 ** min(after.attempt - 1, 10), GUARD_S[1]))
            return await self._again(after)
        return after

    def _locked(self, remediation: Remediation, step: PlanStep) -> tuple[str, ...]:
        """The step's target, with those of the same plan that contain it or are part of it."""
        topology = self._situation.topology
        others = {other.node for other in all_steps(remediation.plan)}

        def above(node: str) -> list[str]:
            number = topology.index.id(node)
            return [topology.index.name(each) for each, _ in topology.above(number)] if number >= 0 else []

        return belonging(step.node, others, above) if len(others) > 1 else (step.node,)

    async def _act(
        self, remediation: Remediation, step: PlanStep, target: Target, hold: Hold
    ) -> Remediation | Refused | None:
        """Look, write the intent, and have its effect; where there is nothing to change, none of it."""
        change, before = await self._look(step, target)
        if change.verdict != "change":
            return await self._unchanged(remediation, step, change)
        written = await self._write(remediation, step, before)
        if isinstance(written, Refused):
            return written
        log.info("intent %s: %s on %s, token %d", written.id, step.action, step.node, written.token)
        return await self._execute(remediation, step, written, target, hold)

    async def _ask(self, remediation: Remediation) -> Remediation | None:
        """Somebody has to agree: until then it waits, and when nobody does the next are asked, or it expires."""
        await self._situation.settled()
        if self._is_over(remediation):
            return await self._end(remediation, "superseded", "the incident was over before anybody agreed")
        if self._clock.now() > remediation.deadline:
            await self._move(pass_on(remediation, self._clock.now()), "awaiting_approval")
        return None

    async def _wait_until(self, remediation: Remediation) -> Remediation | None:
        """A step that waits: it has no effect, so it needs no intent."""
        rule = self._rule(remediation)
        if rule is None:
            why = "its rule changed meanwhile, so nothing says what to wait for"
            return await self._end(remediation, "handed_over", why)
        if self._is_over(remediation) and not steps_of(remediation)[remediation.step].closing:
            return await self._leave_off(remediation)
        holds, because = await self._verifier.look(remediation, until_of(remediation, rule).condition)
        after = waiting(remediation, holds, "; ".join(because[-3:]), self._clock.now(), rule)
        if after != remediation:
            if not await self._move(after, remediation.state):
                return await self._again(remediation)
            return after if after.state in UNDER_WAY else None
        await asyncio.sleep(VERIFY_S)
        return await self._again(remediation)

    def _is_over(self, remediation: Remediation) -> bool:
        incident = self._situation.incident(remediation.plan.incident)
        return incident is None or incident.status != "open"

    async def _leave_off(self, remediation: Remediation) -> Remediation | None:
        """Its incident is over, so no further step starts; what had an effect is verified all the same."""
        if 0 < remediation.step < len(remediation.plan.steps):
            return await self._watch(remediation)
        return await self._end(remediation, "superseded", "the incident was over before this could begin")

    async def _wait(self, remediation: Remediation, refused: Refused) -> Remediation | None:
        why = f"{refused.guard}: {refused.why}"
        if refused.guard == "state":
            return None
        if refused.ends:
            # What has had an effect already is a person's; the rest makes room for a plan for what fires now.
            return await self._end(remediation, "handed_over" if remediation.step else refused.ends, why)
        if refused.guard == "limit" and not 0 < refused.retry_at < remediation.deadline:
            return await self._end(remediation, "refused", why)
        waiting = remediation
        if remediation.state != "waiting" or remediation.detail != why:
            waiting = msgspec.structs.replace(remediation, state="waiting", detail=why)
            if not await self._move(waiting, remediation.state):
                return None
        await asyncio.sleep(GUARD_S[0])
        return await self._again(waiting)

    async def _again(self, remediation: Remediation) -> Remediation | None:
        """The remediation as the store has it: somebody may have cancelled or superseded it meanwhile."""
        return await self._store.remediation(remediation.id)

    async def _observe(self, remediation: Remediation, step: PlanStep, within: float = 2.0) -> Refused | None:
        situation = self._situation
        await situation.settled(within)
        age, readable = situation.silences()
        # While a target waits for go there is no time to ask anybody.
        excepted, doubtful = await self._verifier.excepted(remediation, ask=within > GO_S[0])
        observed = guards.Observed(
            now=self._clock.now(),
            incident=situation.incident(remediation.plan.incident),
            root=situation.alert(remediation.plan.root),
            on_target=tuple(situation.on_node(step.node)),
            above_target=tuple(situation.above_node(step.node)),
            silences_age=age,
            silences_readable=readable,
            at_work=situation.at_work(step.node),
            excepted=excepted,
            doubtful=doubtful,
        )
        return guards.refuse(remediation.plan, step, observed)

    async def _look(self, step: PlanStep, target: Target) -> tuple[Change, str]:
        """What the step would change, and what was seen of it. What cannot be seen stops nothing: the machine decides."""
        if not step.observe:
            return Change(""), ""
        seen = await self._seen(
            target, Order("look", 0, 0, step.node, self._address(step), step.observe, LOOKED_S, identity=step.identity)
        )
        change = change_of(step, seen)
        log.info("%s on %s would change: %s", step.action, step.node, change.sentence)
        return change, seen.output[:OUTPUT_LIMIT]

    @staticmethod
    async def _seen(target: Target, order: Order) -> Seen:
        try:
            return await target.observe(msgspec.structs.replace(order, output_limit=OUTPUT_LIMIT))
        except Exception as error:
            # A mistake in an executor: what cannot be seen decides nothing.
            log.exception("a look at %s", order.target)
            return Seen(why=f"the executor made a mistake ({type(error).__name__})")

    async def _unchanged(self, remediation: Remediation, step: PlanStep, change: Change) -> Remediation | None:
        """Nothing to do is a step done, recorded as such; what cannot work is a step failed, before anything was run."""
        said = f"{step.action} on {step.node}: {change.sentence}"
        if change.verdict == "impossible":
            return await self._otherwise(remediation, "failed", said)
        now = self._clock.now()
        after = stepped(remediation, now, said, now, self._rule(remediation))
        log.info("remediation %s: %s", remediation.id, said)
        return await self._again(after) if await self._move(after, remediation.state) else None

    async def _write(self, remediation: Remediation, step: PlanStep, before: str) -> Intent | Refused:
        """T3. The intent's id says which attempt it is, so that an attempt cannot be written twice."""
        now = self._clock.now()
        intent = f"{remediation.id}.{remediation.step}.{remediation.attempt}"
        return await self._store.write_intent(
            remediation,
            step,
            intent=intent,
            deadline=now + step.timeout + self._grace_s * SECOND,
            now=now,
            before=before,
            author=self._author,
        )

    async def _execute(
        self, remediation: Remediation, step: PlanStep, intent: Intent, target: Target, hold: Hold
    ) -> Remediation | None:
        """The effect, then its outcome (T4). An unknown one is settled by probing."""
        executing = used(msgspec.structs.replace(remediation, state="executing", detail=""), intent.id)
        try:
            result = await target.run(self._order(intent, step), partial(self._go, remediation, step, hold))
        except Exception as error:
            # A mistake in an executor: what it had done by then is not known.
            log.exception("intent %s on %s", intent.id, intent.target)
            result = Result("unknown", why=f"the executor made a mistake ({type(error).__name__})")
        log.info("intent %s on %s: %s %s", intent.id, intent.target, result.outcome, result.why)
        if result.outcome == "unknown":
            return await self._settle(executing)
        return await self._conclude(executing, intent, result)

    async def _go(self, remediation: Remediation, step: PlanStep, hold: Hold) -> bool:
        """The guards, the lock and the kill switch once more, after the target said ready: to get there may have taken long. What
        cannot be read in time counts as no."""
        try:
            async with asyncio.timeout(GO_S[1]):
                refused = await self._observe(remediation, step, GO_S[0])
                return refused is None and not await self._paused(remediation) and not hold.lost
        except (StoreUnavailable, TimeoutError):
            return False

    async def _paused(self, remediation: Remediation) -> bool:
        scopes = ("all", f"rule:{remediation.plan.rule}")
        return any(switch.thrown for switch in await self._store.switches() if switch.scope in scopes)

    async def _settle(self, remediation: Remediation) -> Remediation | None:
        """Find out what became of an effect whose outcome was not seen: by us, or by whoever ran before us."""
        pause = PROBE_S[0]
        while True:
            left = [one for one in await self._store.unsettled() if one.remediation == remediation.id]
            if not left:
                return await self._after_unseen_outcome(remediation)
            intent = left[0]
            result = await self._probe(intent)
            if result.outcome != "unknown":
                log.info("intent %s on %s, by a probe: %s %s", intent.id, intent.target, result.outcome, result.why)
                return await self._conclude(remediation, intent, result)
            if self._clock.now() > intent.deadline + MARGIN:
                # The intent stays unsettled, and its target untouched, until a probe or a person settles it.
                return await self._end(remediation, "handed_over", f"the outcome is unknown: {result.why}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, PROBE_S[1])

    async def _after_unseen_outcome(self, remediation: Remediation) -> Remediation | None:
        """The outcome is in the store already: go on from there."""
        stored = await self._store.remediation(remediation.id)
        if stored is not None and stored.state == "executing":
            return await self._end(stored, "handed_over", "it was executing, and no intent says what")
        return stored

    async def _probe(self, intent: Intent) -> Result:
        target = self._targets.get(intent.executor)
        if target is None:
            return Result("unknown", why=f"the executor {intent.executor} is not set up any more")
        probe = await self._store.begin_probe(intent.id, now=self._clock.now())
        if probe is None:
            return Result("unknown", why="settled by somebody else")
        order = self._order(msgspec.structs.replace(intent, token=probe.token), None)
        try:
            return await target.probe(order)
        except Exception as error:
            # A mistake in an executor is an answer that did not come: others are probed all the same.
            log.exception("probe of intent %s on %s", intent.id, intent.target)
            return Result("unknown", why=f"the executor made a mistake ({type(error).__name__})")

    async def _conclude(self, remediation: Remediation, intent: Intent, result: Result) -> Remediation | None:
        """T4: outcome and next state in one transaction."""
        result = await self._proven(intent, result)
        now = self._clock.now()
        after = next_state(remediation, result, now, self._rule(remediation))
        if not await self._store.settle_intent(self._settled(intent, result), after, was="executing", now=now):
            return await self._again(remediation)
        return await self._again(after)

    async def _proven(self, intent: Intent, result: Result) -> Result:
        """The result, once a look after it says whether it took effect, or its patience is over."""
        target = self._targets.get(intent.executor)
        if target is None or not looks_after(intent, result):
            return result
        look = msgspec.structs.replace(self._order(intent, None), argv=intent.observe, deadline_s=LOOKED_S)
        while True:
            after = proven(intent, result, await self._seen(target, look), self._clock.now())
            if after is not None:
                return after
            await asyncio.sleep(AGAIN_S)

    @staticmethod
    def _settled(intent: Intent, result: Result) -> Intent:
        assert result.outcome != "unknown"
        return msgspec.structs.replace(
            intent,
            outcome=result.outcome,
            exit_code=result.exit_code,
            output=result.output[-OUTPUT_LIMIT:],
            why=result.why,
        )

    def _order(self, intent: Intent, step: PlanStep | None) -> Order:
        timeout = step.timeout if step is not None else intent.deadline - intent.written_at
        return Order(
            intent=intent.id,
            step=intent.step,
            token=intent.token,
            target=intent.target,
            address=intent.address or self._address_now(intent.target),
            argv=intent.argv,
            deadline_s=max(2, timeout // SECOND),
            trace_id=intent.trace_id,
            identity=intent.identity,
        )

    def _address(self, step: PlanStep) -> str:
        return step.address or self._address_now(step.node)

    def _address_now(self, node: str) -> str:
        """For plans and intents that do not say where their target was."""
        index = self._situation.topology.index
        number = index.id(node)
        attributes = index.attributes(number) if number >= 0 else {}
        return str(attributes.get("address", node.partition("/")[2] or node))

    # --- did it help?

    async def _watch(self, remediation: Remediation) -> Remediation | None:
        """All steps are done: from now on it is verified."""
        after = verifying(remediation, self._clock.now(), self._rule(remediation))
        return after if await self._move(after, remediation.state) else None

    async def _verify(self, remediation: Remediation) -> Remediation | None:
        """By a signal that the effect did not produce, with samples later than its end, stable for the stated time."""
        rule = self._rule(remediation)
        if rule is None:
            return await self._end(
                remediation, "handed_over", "its rule changed meanwhile, so nothing says what would be better"
            )
        value, because = await self._verifier.look(remediation, rule.verify.condition)
        now = self._clock.now()
        if value:
            since = remediation.stable_since or now
            if now - since >= rule.verify.stable:
                after = verified(remediation, rule.verify.text, now)
                log.info("remediation %s: %s", remediation.id, rule.verify.text)
                await self._move(after, "verifying")
                return after if after.state in UNDER_WAY else None
            if since != remediation.stable_since:
                remediation = msgspec.structs.replace(remediation, stable_since=since)
                await self._move(remediation, "verifying")
        elif remediation.stable_since:
            remediation = msgspec.structs.replace(remediation, stable_since=0)
            await self._move(remediation, "verifying")
        if now >= remediation.deadline and not remediation.stable_since:
            return await self._otherwise(remediation, "not_verified", "; ".join(because[-3:]))
        await asyncio.sleep(VERIFY_S)
        return remediation

    async def _otherwise(self, remediation: Remediation, state: State, why: str) -> Remediation | None:
        """It did not help: the rule's `otherwise`, if its steps have not been tried yet."""
        now = self._clock.now()
        after = otherwise(remediation, state, why, now)
        await self._move(after, remediation.state)
        return after if after.state in BEFORE_INTENT or after.state == "undoing" else None

    async def _end(self, remediation: Remediation, state: State, why: str) -> Remediation | None:
        log.info("remediation %s: %s %s", remediation.id, state, why)
        await self._move(msgspec.structs.replace(remediation, state=state, detail=why), remediation.state)
        return None

    async def _move(self, remediation: Remediation, was: State) -> bool:
        return await self._store.move(remediation, was=was, now=self._clock.now())

    def _rule(self, remediation: Remediation) -> Rule | None:
        """The rule as it was when it matched."""
        return self._situation.rule(remediation.plan.rule, remediation.plan.rule_version)
