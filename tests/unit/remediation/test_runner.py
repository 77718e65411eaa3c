"""What becomes of a plan: the real runner over the real transactions and a fleet in memory, on virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import msgspec
import pytest

from healer.convergence.outcome import AtWork
from healer.executors.memory import Cut, Moment
from healer.executors.register import Ran
from healer.executors.target import Go, Order, Result, Seen
from healer.remediation.model import Limit, State
from healer.seams import Clock, Supervisor
from healer.times import HOUR, MINUTE, SECOND, Micros
from tests.simulation.loop import SimLoop
from tests.unit.remediation.build import CLEAN, HOST, RESTART, alert, plan
from tests.unit.remediation.night import Night

ONCE_AN_HOUR = Limit(1, HOUR, "shop per node host/web-1")


@pytest.fixture
def loop() -> Iterator[SimLoop]:
    """Time is virtual."""
    with SimLoop(3) as loop:
        yield loop


@pytest.fixture
def night(loop: SimLoop) -> Night:
    return Night(loop)


def lived(loop: SimLoop, night: Night, work: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await night.begins()
        await work()
        await night.stops()

    loop.run(whole())
    night.memory.close()


def test_a_fault_is_healed_once(loop: SimLoop, night: Night) -> None:
    """One effect, and success only after the alert was seen to have ended after it, for as long as the rule asks."""

    async def work() -> None:
        await night.until("verifying")
        await asyncio.sleep(60)
        assert (await night.stands()).state == "verifying"
        night.converged.end(night.clock.now())
        ended = night.clock.now()
        await night.until("succeeded")
        assert 30 * SECOND <= night.clock.now() - ended <= 45 * SECOND
        assert night.started() == ["r1.0.0"]
        assert await night.intents() == [("r1.0.0", "succeeded")]

    lived(loop, night, work)


@pytest.mark.parametrize("resolution", ["vanished", "expired"])
def test_an_alert_that_merely_vanished_is_not_healed(loop: SimLoop, night: Night, resolution: str) -> None:
    """Nobody said that it is well."""

    async def work() -> None:
        await night.until("verifying")
        night.converged.end(night.clock.now() + SECOND, resolution)
        await night.until("not_verified")

    lived(loop, night, work)


@pytest.mark.parametrize("again_after", [None, 60 * SECOND])
def test_an_end_while_the_effect_ran_has_to_stand(loop: SimLoop, night: Night, again_after: Micros | None) -> None:
    """It may be the effect's own shadow, so it counts only after nobody has said otherwise for `settle` (2m)."""
    night.perform = lambda _: Ran(takes=20 * SECOND)

    async def work() -> None:
        await night.until("executing")
        await asyncio.sleep(5)
        firing = night.converged.root
        night.converged.end(night.clock.now())
        await night.until("verifying")
        ended = night.clock.now()
        if again_after is not None:
            await asyncio.sleep(again_after / SECOND)
            night.converged.root = firing
            await night.until("not_verified")
        else:
            await night.until("succeeded")
            assert 150 * SECOND <= night.clock.now() - ended <= 170 * SECOND

    lived(loop, night, work)


# --- guards


def _silenced(night: Night) -> None:
    night.converged.on_target = (alert(silence="s1"),)


def _unreadable(night: Night) -> None:
    night.converged.silenced_from = (0, False)


def _stale(night: Night) -> None:
    night.converged.silenced_from = (11 * SECOND, True)


def _at_work(night: Night) -> None:
    """Maintenance of the target alone: the alert that the rule answers is not silenced."""
    night.converged.work = AtWork("m1", "jo", HOST, night.clock.now() + HOUR)


def _beneath(night: Night) -> None:
    night.converged.above = (alert(node="rack/r1"),)


def _explained(night: Night) -> None:
    night.converged.root = msgspec.structs.replace(night.converged.root, status="suppressed")


GUARDED = {
    "maintenance": (_at_work, "maintenance: host/web-1 is left to jo, who has host/web-1 in maintenance until "),
    "silenced": (_silenced, "silenced: an alert on host/web-1 is silenced by s1"),
    "unreadable": (_unreadable, "silenced: the silences of Alertmanager cannot be read"),
    "stale": (_stale, "silenced: the silences of Alertmanager were read 11s ago"),
    "beneath a root": (_beneath, "only roots: rack/r1, above host/web-1, is the root of something itself"),
    "no root": (_explained, "only roots: the alert that the rule shop matched is suppressed"),
}


@pytest.mark.parametrize("name", GUARDED)
def test_a_guard_keeps_the_effect_from_happening(loop: SimLoop, night: Night, name: str) -> None:
    """It waits, says which guard and by how much, writes no intent, and begins when the guard lets it."""
    guard, why = GUARDED[name]
    before = (night.converged.on_target, night.converged.above, night.converged.root, night.converged.silenced_from)
    guard(night)

    async def work() -> None:
        waiting = await night.until("waiting")
        assert waiting.detail.startswith(why)
        await asyncio.sleep(600)
        assert await night.intents() == []
        here = night.converged
        here.on_target, here.above, here.root, here.silenced_from = before
        here.work = None
        await night.until("verifying")
        assert night.started() == ["r1.0.0"]

    lived(loop, night, work)


@pytest.mark.parametrize("name", GUARDED)
def test_a_guard_is_asked_again_when_the_target_is_ready(loop: SimLoop, night: Night, name: str) -> None:
    """To get there may have taken longer than an observation is good for: what turned meanwhile stops it."""

    async def on_the_way(moment: Moment) -> None:
        if moment == "ready":
            GUARDED[name][0](night)

    night.on_the_way = on_the_way

    async def work() -> None:
        assert (await night.until("waiting")).detail.startswith("stopped before it started")
        await asyncio.sleep(60)
        assert night.started() == []

    lived(loop, night, work)


def test_a_guard_is_asked_after_waiting_for_the_lock(loop: SimLoop, night: Night) -> None:
    """Another remediation on the same target held it for long, and somebody silenced the host meanwhile."""
    night.perform = lambda _: Ran(takes=20 * SECOND)

    async def work() -> None:
        await night.until("executing")
        other = msgspec.structs.replace(night.plan, hash="h2", incident="i1")
        await night.plans("r2", 2, other)
        night.runner.wake()
        await asyncio.sleep(10)
        _silenced(night)
        await night.until("verifying")
        assert (await night.until("waiting", id="r2")).detail.startswith("silenced")
        assert night.started() == ["r1.0.0"]

    lived(loop, night, work)


def test_what_cannot_be_observed_in_time_does_not_start(loop: SimLoop, night: Night) -> None:
    """A target waits a second for go; an engine that lags for longer than that is no reason to act blindly."""

    async def on_the_way(moment: Moment) -> None:
        night.converged.slow_s = 3.0 if moment == "ready" else 0.0

    night.on_the_way = on_the_way

    async def work() -> None:
        await night.until("waiting")
        assert night.started() == []

    lived(loop, night, work)


def test_another_episode_is_another_plan(loop: SimLoop, night: Night) -> None:
    """Nobody waits for an alert that began anew: that plan makes room at once."""
    night.converged.root = msgspec.structs.replace(night.converged.root, starts_at=night.converged.root.starts_at + 1)

    async def work() -> None:
        ended = await night.until("superseded")
        assert "another episode" in ended.detail
        assert await night.intents() == []

    lived(loop, night, work)


def test_an_old_alert_is_left_to_people(loop: SimLoop, night: Night) -> None:
    """One that fires for more than a day is somebody's decision by now."""
    old = night.converged.root.starts_at - 25 * HOUR
    night.converged.root = msgspec.structs.replace(night.converged.root, starts_at=old)
    night.plan = msgspec.structs.replace(night.plan, root_starts_at=old)

    async def work() -> None:
        assert "fires for longer than 1d" in (await night.until("refused")).detail

    lived(loop, night, work)


def test_a_limit_that_is_reached_ends_it(loop: SimLoop, night: Night) -> None:
    """The second within the hour waits for its turn as long as waiting helps, and has no effect until then."""
    limited = msgspec.structs.replace(night.plan, limits=(ONCE_AN_HOUR,))
    night.plan = limited

    async def work() -> None:
        await night.until("verifying")
        night.converged.end(night.clock.now() + SECOND)
        await night.until("succeeded")
        fresh = Night(loop)
        fresh.memory.close()
        night.converged.root = fresh.converged.root
        night.converged.incidents = fresh.converged.incidents
        again = msgspec.structs.replace(limited, hash="h2", root_starts_at=fresh.converged.root.starts_at)
        await night.plans("r2", 2, again)
        refused = await night.until("refused", "waiting", id="r2")
        assert refused.detail.startswith("limit: 1 of at most 1 in 1h for shop per node host/web-1")
        await asyncio.sleep(60)
        assert night.started() == ["r1.0.0"]

    lived(loop, night, work)


# --- the kill switch


@pytest.mark.parametrize("scope", ["all", "rule:shop"])
def test_nothing_begins_while_paused(loop: SimLoop, night: Night, scope: str) -> None:
    """No intent is written after the switch was thrown; released, the work goes on."""
    night.perform = lambda _: Ran(takes=10 * SECOND)

    async def work() -> None:
        await night.pauses(scope)
        assert "was paused by ann" in (await night.until("waiting")).detail
        await asyncio.sleep(600)
        assert await night.intents() == []
        await night.pauses(scope, thrown=False)
        assert (await night.until("executing")).detail == ""
        await night.until("verifying")

    lived(loop, night, work)


@pytest.mark.parametrize("scope", ["all", "rule:shop"])
def test_the_switch_is_read_again_before_go(loop: SimLoop, night: Night, scope: str) -> None:
    """Thrown between the intent and the target's ready, it still comes in time."""

    async def on_the_way(moment: Moment) -> None:
        if moment == "ready":
            await night.pauses(scope)

    night.on_the_way = on_the_way

    async def work() -> None:
        await night.until("waiting")
        assert night.started() == []
        assert await night.intents() == [("r1.0.0", "refused")]

    lived(loop, night, work)


def test_another_rules_switch_is_not_ours(loop: SimLoop, night: Night) -> None:
    """A rule that was paused keeps no other from healing."""

    async def work() -> None:
        await night.pauses("rule:other")
        await night.until("verifying")

    lived(loop, night, work)


def test_one_refusal_is_noted_once(loop: SimLoop, night: Night) -> None:
    """What is refused every five seconds for an hour does not fill the audit log."""

    async def work() -> None:
        await night.pauses()
        await night.until("handed_over")
        kinds = [kind for _, _, kind, _ in await night.store.audit(0, 1_000)]
        assert kinds.count("remediation waiting") == 1

    lived(loop, night, work)


# --- what targets and executors do


class Wayward:
    """A target that answers as the test says."""

    def __init__(self, *answers: Result | Exception) -> None:
        self.answers = list(answers)
        self.runs: list[Order] = []
        self.probes: list[Order] = []
        self.known: Result | Exception = Result("unknown", why="nobody is there")

    async def run(self, order: Order, go: Go) -> Result:
        self.runs.append(order)
        return _say(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    async def probe(self, order: Order) -> Result:
        self.probes.append(order)
        return _say(self.known)

    async def observe(self, order: Order) -> Seen:
        return Seen(why="nobody is there")

    async def close(self) -> None: ...


def _say(answer: Result | Exception) -> Result:
    if isinstance(answer, Exception):
        raise answer
    return answer


BUSY = Result("refused", why="busy: another run holds this target", started=False)
MISTRUSTED = Result("refused", why="another host key", started=False, lasting=True)


def test_a_target_that_refuses_for_good_is_a_persons(loop: SimLoop) -> None:
    """A wrong host key is tried once, not all night."""
    target = Wayward(MISTRUSTED)
    night = Night(loop, target=target)

    async def work() -> None:
        assert (await night.until("failed")).detail == "another host key"
        assert len(target.runs) == 1

    lived(loop, night, work)


def test_a_busy_target_is_not_beset(loop: SimLoop) -> None:
    """It is tried again with growing pauses, each time with a newer token, until the remediation goes to a person."""
    target = Wayward(BUSY)
    night = Night(loop, target=target)

    async def work() -> None:
        assert "busy" in (await night.until("handed_over")).detail
        assert 55 <= len(target.runs) <= 75
        tokens = [order.token for order in target.runs]
        assert tokens == sorted(set(tokens))

    lived(loop, night, work)


def test_a_mistake_in_an_executor_is_an_unknown_outcome(loop: SimLoop) -> None:
    """It is probed, not repeated; when nobody can tell, a person is asked, and probing goes on ever more slowly."""
    target = Wayward(ValueError("a defect"))
    target.known = ValueError("another")
    night = Night(loop, target=target)

    async def work() -> None:
        handed = await night.until("handed_over")
        assert "the outcome is unknown: the executor made a mistake (ValueError)" in handed.detail
        assert len(target.runs) == 1
        before = len(target.probes)
        await asyncio.sleep(4 * 3600)
        assert len(target.probes) - before < 55

    lived(loop, night, work)


def test_a_person_hears_what_became_of_an_unknown_outcome(loop: SimLoop) -> None:
    """What a probe finds out after the remediation was handed over is added to what it says."""
    target = Wayward(Result("unknown", why="the connection was lost"))
    night = Night(loop, target=target)

    async def work() -> None:
        await night.until("handed_over")
        target.known = Result("succeeded", exit_code=0)
        await asyncio.sleep(700)
        assert (await night.stands()).detail.endswith("By now it is known: succeeded")
        assert await night.intents() == [("r1.0.0", "succeeded")]
        assert (await night.stands()).state == "handed_over"

    lived(loop, night, work)


class Unasked(Wayward):
    """A target that cannot be asked: it knows of no intent, and no more than by when nothing of it is under way."""

    clock: Clock

    async def probe(self, order: Order) -> Result:
        self.probes.append(order)
        if self.clock.now() <= order.ends_by:
            return Result("unknown", why="it cannot be asked")
        return Result("failed", why="nobody knows what it did", ended_at=order.ends_by)


def test_a_target_that_cannot_be_asked_is_waited_for_until_the_deadline(loop: SimLoop) -> None:
    """Then it has failed, and nothing was sent a second time."""
    target = Unasked(Result("unknown", why="no answer"))
    night = Night(loop, target=target)
    target.clock = night.clock

    async def work() -> None:
        failed = await night.until("failed")
        assert failed.detail == "nobody knows what it did"
        (order,) = target.runs
        assert night.clock.now() > order.ends_by
        assert {probe.ends_by for probe in target.probes} == {order.ends_by}
        assert await night.intents() == [("r1.0.0", "failed")]

    lived(loop, night, work)


def test_a_mistake_in_healer_is_a_persons(loop: SimLoop, night: Night) -> None:
    """A remediation on which healer stumbles does not stay under way for ever, nor keeps others from being driven."""
    night.converged.charter = None

    async def work() -> None:
        assert "healer made a mistake (AttributeError)" in (await night.until("handed_over")).detail
        assert night.spawn.failures == {"remediation r1": 1}

    lived(loop, night, work)


@pytest.mark.parametrize("lost", ["go", "answer"])
def test_a_lost_connection_is_settled_by_a_probe(loop: SimLoop, night: Night, lost: str) -> None:
    """After go was sent the outcome is unknown until the target tells; nothing is repeated."""

    async def on_the_way(moment: Moment) -> None:
        if moment == lost:
            raise Cut("cable")

    night.on_the_way = on_the_way

    async def work() -> None:
        await asyncio.sleep(1)
        night.on_the_way = _undisturbed
        settled = await night.until("verifying", "failed")
        assert settled.state == ("verifying" if lost == "answer" else "failed")
        assert night.started() == (["r1.0.0"] if lost == "answer" else [])

    lived(loop, night, work)


async def _undisturbed(_: Moment) -> None: ...


def test_whoever_probes_an_old_step_does_not_begin_it_again(loop: SimLoop) -> None:
    """While one waits for the outcome of a step another settles it and begins the next: what becomes of that one says nothing of
    the step before."""
    night = Night(loop, plan(RESTART, CLEAN))
    night.perform = lambda _: Ran(takes=10 * SECOND)
    looked = asyncio.Event()

    async def on_the_way(moment: Moment) -> None:
        if moment == "go" and night.started():
            await looked.wait()

    night.on_the_way = on_the_way

    async def work() -> None:
        seen = await night.until("executing")
        found = await night.runner.settling.settle(seen)
        assert found is not None
        assert (found.state, found.step, found.attempt) == ("executing", 1, 0)
        looked.set()
        ended = await night.until("failed")
        assert ended.step == 1
        assert "nothing was started" in ended.detail
        assert night.started() == ["r1.0.0"]

    lived(loop, night, work)


def test_a_deadline_ends_the_effect(loop: SimLoop, night: Night) -> None:
    """A command that hangs is ended by the target, and that is a failure."""
    night.perform = lambda _: Ran(takes=HOUR)

    async def work() -> None:
        assert "was still running after 30 s" in (await night.until("failed")).detail
        assert night.clock.now() - night.converged.root.starts_at < 2 * MINUTE

    lived(loop, night, work)


def test_an_executor_that_is_not_set_up_is_named(loop: SimLoop) -> None:
    """A plan for an executor that nobody configured is refused by name."""
    night = Night(loop, plan(msgspec.structs.replace(RESTART, executor="kubernetes")))

    async def work() -> None:
        why = (await night.until("refused")).detail
        assert why == "restart_service needs the executor kubernetes, which is not set up here"

    lived(loop, night, work)


@pytest.mark.parametrize("at", ["executing", "verifying"])
def test_a_restart_goes_on_where_it_was(loop: SimLoop, night: Night, at: State) -> None:
    """Whatever state the store has it in, the next process finishes it, without another effect."""
    night.perform = lambda _: Ran(takes=10 * SECOND)

    async def work() -> None:
        await night.until(at)
        await asyncio.sleep(2)
        await night.stops()
        night.works()
        await night.until("verifying")
        night.converged.end(night.clock.now() + SECOND)
        await night.until("succeeded")
        assert night.started() == ["r1.0.0"]

    lived(loop, night, work)


def test_steps_after_the_first_do_not_begin_when_the_incident_is_over(loop: SimLoop) -> None:
    """What had an effect is verified; nothing more is started."""
    night = Night(loop, plan(RESTART, CLEAN))
    night.perform = lambda _: Ran(takes=10 * SECOND)

    async def work() -> None:
        await night.until("executing")
        night.converged.end(night.clock.now() + 11 * SECOND)
        await night.until("succeeded")
        assert night.started() == ["r1.0.0"]

    lived(loop, night, work)


DF = ("/usr/bin/df", "/var")
FULL, ROOMY = "/var 1073741824 10737418  99%\n", "/var 1073741824 751619276  30%\n"
MAKE_ROOM = msgspec.structs.replace(
    CLEAN, observe=DF, shows="disk", address="10.0.0.9", identity="1" * 32, parameters=(("below", 0.8),)
)


def test_nothing_to_do_is_a_recorded_no_op(loop: SimLoop) -> None:
    """Where what is wanted is so already nothing is run and no intent is written; the step is done, and says why."""
    night = Night(loop, of=plan(MAKE_ROOM))
    night.fleet.show = lambda _: Ran(output=ROOMY.encode())

    async def work() -> None:
        stands = await night.until("verifying")
        assert "nothing to do: /var is 30% used" in stands.detail
        assert night.fleet.effects == []
        assert await night.store.intents("r1") == []

    lived(loop, night, work)


def test_what_cannot_work_is_not_run(loop: SimLoop) -> None:
    """Where a look says that the action cannot work, the step failed before anything was run."""
    night = Night(loop, of=plan(MAKE_ROOM))
    night.fleet.show = lambda _: Ran(exit_code=1, output=b"df: /var: No such file or directory\n")

    async def work() -> None:
        assert "it cannot work" in (await night.until("failed")).detail
        assert night.fleet.effects == []

    lived(loop, night, work)


def test_what_was_seen_is_kept_with_the_intent(loop: SimLoop) -> None:
    """The state before the effect, the address it went to and what it freed are there for whoever reads it later."""
    night = Night(loop, of=plan(MAKE_ROOM))
    night.fleet.show = lambda _: Ran(output=(ROOMY if night.fleet.effects else FULL).encode())

    async def work() -> None:
        await night.until("verifying")
        (intent,) = await night.store.intents("r1")
        assert (intent.before, intent.address, intent.identity) == (FULL, "10.0.0.9", "1" * 32)
        assert "freed" in intent.why

    lived(loop, night, work)


def test_a_probe_goes_where_the_effect_went(loop: SimLoop) -> None:
    """The address is the intent's: that its node has left the topology meanwhile changes nothing."""
    target = Wayward(Result("unknown", why="the connection was lost"))
    night = Night(loop, of=plan(MAKE_ROOM), target=target)

    async def work() -> None:
        await night.until("executing")
        while not target.probes:
            await asyncio.sleep(1)
        assert {order.address for order in (*target.runs, *target.probes)} == {"10.0.0.9"}
        target.known = Result("succeeded")
        await night.until("verifying")

    lived(loop, night, work)


BOOTS = ("0f5a1cc6-6b0e-4c43-a5a4-8f0f5c3f7a11", "9a5a1cc6-6b0e-4c43-a5a4-8f0f5c3f7a11")
REBOOT = msgspec.structs.replace(
    RESTART, action="reboot_node", timeout=10 * MINUTE, observe=("/usr/bin/cat", "/boot_id"), shows="boot"
)


@pytest.mark.parametrize("restarted", [False, True], ids=["the same healer", "one that was started meanwhile"])
def test_a_reboot_is_over_when_there_is_another_boot(loop: SimLoop, restarted: bool) -> None:
    """The command ends at once; success comes with a new boot id, three minutes later, whoever waits for it."""
    night = Night(loop, of=plan(REBOOT))
    back_at = 0

    def show(_: Order) -> Ran:
        return Ran(output=BOOTS[night.clock.now() > back_at > 0].encode())

    def reboot(_: Order) -> Ran:
        nonlocal back_at
        back_at = night.clock.now() + 3 * MINUTE
        return Ran()

    night.fleet.show, night.perform = show, reboot

    async def work() -> None:
        await night.until("executing")
        await asyncio.sleep(60)
        if restarted:
            await night.stops()
            night.spawn = Supervisor()
            night.works()
        assert (await night.stands()).state == "executing"
        await night.until("verifying")
        assert night.clock.now() > back_at
        (intent,) = await night.store.intents("r1")
        assert (intent.outcome, len(night.fleet.effects)) == ("succeeded", 1)
        assert "rebooted: boot 0f5a1cc6 before, 9a5a1cc6 now" in intent.why

    lived(loop, night, work)


def test_a_machine_that_does_not_come_back(loop: SimLoop) -> None:
    """A reboot without a new boot by its deadline has failed."""
    night = Night(loop, of=plan(REBOOT))
    night.fleet.show = lambda _: Ran(output=BOOTS[0].encode())

    async def work() -> None:
        stands = await night.until("failed")
        assert "it did not reboot" in stands.detail

    lived(loop, night, work)
