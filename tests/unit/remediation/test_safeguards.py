"""What surrounds an effect: the lock's state, the pause file, diagnostics, what is measured, and what follows two failures."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from healer.executors.register import Ran
from healer.journey.records import Answer
from healer.locks.local import LocalLocks
from healer.locks.loss import Loss
from healer.locks.ports import Hold, LockService
from healer.remediation.home import Home
from healer.remediation.model import Limit
from healer.remediation.observing import Silent
from healer.remediation.runner import Runner
from healer.remediation.settings import Guards, Ramp
from healer.remediation.verify import Verifier
from healer.times import DAY, SECOND
from rules import Query
from tests.simulation.loop import SimLoop
from tests.unit.remediation.build import HOST, RESTART, Charter, Desk, rule, ruleset
from tests.unit.remediation.night import Night
from tests.unit.remediation.test_runner import lived

QUERIED = rule("shop", 'verify: query("errors") < 1 stable 30s within 5m')
LOOK = msgspec.structs.replace(
    RESTART, action="collect_diagnostics", diagnostic=True, destructive=False, best_effort=True
)


@pytest.fixture
def loop() -> Iterator[SimLoop]:
    """Time is virtual."""
    with SimLoop(3) as loop:
        yield loop


@pytest.fixture
def night(loop: SimLoop) -> Night:
    return Night(loop)


class Errors:
    """A Prometheus that counts errors: many before the effect, none after it."""

    def __init__(self, night: Night) -> None:
        self._night = night

    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Answer]:
        value = 0.0 if self._night.started() else 17.0
        return [Answer(query.key, value, self._night.clock.now()) for query in queries]


def run_by(
    night: Night,
    text: str = "",
    *,
    asker: object = None,
    halted: str = "",
    guards: Guards | None = None,
    silent: Silent = lambda: "",
    locks: LockService | None = None,
) -> None:
    """A runner like the night's, with more around it."""
    if text:
        rules = ruleset(text)
        named = rules.named("shop")
        assert named is not None
        night.converged.charter = Charter(rules, {}, guards=guards or Guards(dwell=0))
        night.plan = msgspec.structs.replace(night.plan, rule_version=named.version)
    verifier = Verifier(night.converged, asker or Errors(night), night.clock, silent)  # type: ignore[arg-type] # an asker
    runner = Runner(
        night.store,
        night.converged,
        {"ssh": night.target},
        locks or LocalLocks(),
        verifier,
        night.clock,
        night.spawn,
        home=Home(),
        halted=lambda _: halted,
        silent=silent,
    )
    night.works = lambda: [night.spawn.keep("runner", runner.run)]  # type: ignore[assignment,method-assign] # in its place


class Breaking:
    """A lock that is lost when the test says so."""

    def __init__(self) -> None:
        self.held = Loss()

    @asynccontextmanager
    async def hold(self, target: str, within: float) -> AsyncIterator[Hold]:
        del target, within
        yield Breakable(self.held)


class Breakable:
    """Not lost before anybody is told of it."""

    lost = False

    def __init__(self, loss: Loss) -> None:
        self.telling = loss.telling


def kinds(night: Night) -> list[str]:
    """The entries of the audit log, in order."""
    return list(night.memory.connection.exec_driver_sql("SELECT kind FROM audit ORDER BY number").scalars())


def states(night: Night) -> list[str]:
    """What the audit log says of the remediation, in order."""
    return [kind.removeprefix("remediation ") for kind in kinds(night) if kind.startswith("remediation ")]


def test_each_arrow_is_stored_before_the_next(loop: SimLoop, night: Night) -> None:
    """Planned, locked, executing, verifying: whoever takes over knows how far it got."""

    async def work() -> None:
        await night.until("verifying")
        assert states(night)[:4] == ["planned", "locked", "executing", "verifying"]

    lived(loop, night, work)


def test_nothing_begins_while_the_pause_file_is_there(loop: SimLoop, night: Night) -> None:
    """It needs no service and no port: a file is enough."""
    run_by(night, rule("shop"), halted="the file /run/stop is there", guards=Guards(dwell=0, pause_file="/run/stop"))

    async def work() -> None:
        waiting = await night.until("waiting")
        assert waiting.detail == "kill switch: the file /run/stop is there"
        await asyncio.sleep(60)
        assert night.started() == []

    lived(loop, night, work)


def test_nothing_is_done_on_the_word_of_who_says_nothing_any_more(loop: SimLoop, night: Night) -> None:
    """Whoever sent the alert would have to say that it still fires; once signs of life come again, it begins."""
    quiet = ["no Watchdog came in for 6m"]
    run_by(night, rule("shop"), silent=lambda: quiet[0])

    async def work() -> None:
        waiting = await night.until("waiting")
        assert waiting.detail == "sender alive: no Watchdog came in for 6m"
        await asyncio.sleep(60)
        assert night.started() == []
        quiet[0] = ""
        await night.until("verifying")

    lived(loop, night, work)


def test_silence_is_no_resolution(loop: SimLoop, night: Night) -> None:
    """An alert that ended right when its sender went silent has not been seen to be well."""
    quiet = [""]
    run_by(night, rule("shop", "verify: resolved stable 30s within 5m"), silent=lambda: quiet[0])

    async def work() -> None:
        await night.until("verifying")
        quiet[0] = "nothing comes in any more"
        night.converged.end(night.clock.now())
        await asyncio.sleep(60)
        assert (await night.until("verifying")).stable_since == 0
        quiet[0] = ""
        await night.until("succeeded")

    lived(loop, night, work)


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_lost_lock_breaks_off_what_may_be_repeated(loop: SimLoop, night: Night, idempotent: bool) -> None:
    """Its outcome is unknown then, and a probe finds it; what may not end halfway goes on to its own end. Either way: once."""
    step = msgspec.structs.replace(RESTART, idempotent=idempotent, node=HOST)
    night.plan = msgspec.structs.replace(night.plan, steps=(step,))
    night.perform = lambda _: Ran(takes=20 * SECOND)
    locks = Breaking()
    run_by(night, rule("shop"), locks=locks)

    async def work() -> None:
        await night.until("executing")
        while not night.started():
            await asyncio.sleep(1)
        locks.held.tell()
        locks.held.tell()
        await night.until("verifying")
        assert night.started() == ["r1.0.0"]
        assert ("probe" in kinds(night)) is idempotent

    lived(loop, night, work)


def test_what_is_well_by_now_is_left_alone(loop: SimLoop, night: Night) -> None:
    """The rule's condition is asked again right before the effect."""
    run_by(night, rule("shop", 'when: query("errors") > 100', "verify: resolved stable 30s within 5m"))

    async def work() -> None:
        waiting = await night.until("waiting")
        assert waiting.detail.startswith("dwell: what made the rule match does not hold any more")
        await asyncio.sleep(60)
        assert night.started() == []

    lived(loop, night, work)


def test_what_was_measured_before_and_after_is_kept(loop: SimLoop, night: Night) -> None:
    """The queries of `verify:`: people see what the effect changed."""
    run_by(night, QUERIED)

    async def work() -> None:
        ended = await night.until("succeeded")
        (errors,) = ended.measured
        assert (errors.query, errors.before, errors.after) == ("errors", 17.0, 0.0)
        assert errors.before_at <= ended.effect_ended_at < errors.after_at

    lived(loop, night, work)


def test_a_plan_goes_on_when_diagnostics_fail(loop: SimLoop, night: Night) -> None:
    """A machine that does not answer is repaired all the same; what was said is kept with the intent."""
    night.plan = msgspec.structs.replace(night.plan, steps=(LOOK, RESTART))
    night.perform = lambda order: Ran(exit_code=1, output=b"no journal") if order.step == 0 else Ran()

    async def work() -> None:
        await night.until("verifying")
        assert await night.intents() == [("r1.0.0", "failed"), ("r1.1.0", "succeeded")]

    lived(loop, night, work)


def test_a_plan_goes_on_where_nothing_can_collect_diagnostics(loop: SimLoop, night: Night) -> None:
    """Its executor is not set up: that is said, and stops nothing."""
    night.plan = msgspec.structs.replace(night.plan, steps=(msgspec.structs.replace(LOOK, executor="agent"), RESTART))

    async def work() -> None:
        await night.until("verifying")
        assert await night.intents() == [("r1.1.0", "succeeded")]

    lived(loop, night, work)


def test_the_third_run_on_a_node_is_refused(loop: SimLoop, night: Night) -> None:
    """Two did not help: the rule is suspended there until somebody resumes it."""
    twice = Limit(2, DAY, f"rule:shop on {HOST}", "ineffective", guard="ineffective", on=HOST)
    night.plan = msgspec.structs.replace(night.plan, limits=(twice,))

    async def work() -> None:
        await night.until("not_verified")
        await night.plans("r2", 2, msgspec.structs.replace(night.plan, hash="h2"))
        await night.until("not_verified", id="r2")
        (switch,) = await night.store.switches()
        assert (switch.scope, switch.by) == (f"rule:shop on {HOST}", "healer")
        await night.plans("r3", 3, msgspec.structs.replace(night.plan, hash="h3"))
        refused = await night.until("refused", id="r3")
        assert refused.detail.startswith(
            f"ineffective: shop is suspended on {HOST} by healer: 2 runs in 1d did not help"
        )

    lived(loop, night, work)


# --- what a plan has beside the steps of its rule


def test_diagnostics_come_before_anything_destructive() -> None:
    """Once on each node, where the catalogue has them for its kind; a rule that looks by itself is left as it is."""
    destroys = 'action "wipe"\n  run: ssh ["/bin/wipe"]\n  accepts: host\n'
    planned = Desk(
        destroys, rule("shop", 'then: execute("restart_service", unit: "a.service") execute("wipe") execute("wipe")')
    ).one()
    assert [step.action for step in planned.plan.steps] == ["restart_service", "collect_diagnostics", "wipe", "wipe"]
    look = planned.plan.steps[1]
    assert (look.best_effort, look.destructive, look.node) == (True, False, HOST)
    looks = Desk(destroys, rule("shop", 'then: execute("collect_diagnostics") execute("wipe")')).one()
    assert [step.action for step in looks.plan.steps] == ["collect_diagnostics", "wipe"]


def test_a_plan_knows_what_takes_it_back() -> None:
    """By the number of the step, diagnostics counted; what has no opposite is not taken back."""
    text = (
        'action "wipe"\n  run: ssh ["/bin/wipe"]\n  accepts: host\n  undo: execute("restore")\n'
        'action "restore"\n  run: ssh ["/bin/restore"]\n  accepts: host\n  closing: yes\n'
    )
    planned = Desk(
        text, rule("shop", 'then: execute("wipe")', 'otherwise: execute("restart_service", unit: "a.service")')
    ).one()
    (back,) = planned.plan.undo
    assert (back.action, back.position, back.closing, back.node) == ("restore", 1, True, HOST)


def test_the_installation_counts_by_target_rule_action_and_everything() -> None:
    """Whatever the rule's own limits are; all of it is in the plan, so that its hash covers it."""
    planned = Desk(rule("shop", 'then: execute("clean_disk")')).one().plan
    assert {one.guard: one.key for one in planned.limits if one.guard != "limit"} == {
        "concurrency": "all rules",
        "rate per rule": "rule:shop",
        "ramp": "rule:shop",
        "rate per action": "action:clean_disk",
        "rate per target": f"target:{HOST}",
        "ineffective": f"rule:shop on {HOST}",
        "share of siblings": f"share:{HOST}",
    }


def test_another_bound_is_another_plan() -> None:
    """What was agreed to under other limits is asked anew."""
    desk = Desk(rule("shop"))
    before = desk.one().plan
    other = Desk(rule("shop"))
    other.planner.adopt(msgspec.structs.replace(other.charter, guards=Guards(ramp=Ramp(failures=9))), other.map)
    assert other.one().plan.hash != before.hash


ACTION = 'action "mend"\n  run: ssh ["/bin/mend", "{how}"]\n  with: how: string =~ "[a-z]+"\n  accepts: host\n'


@pytest.mark.parametrize(
    ("action", "call"),
    [
        (ACTION, 'execute("mend", how: "fast")'),
        (ACTION + "  idempotent: yes\n", 'execute("mend", how: "well")'),
        (ACTION.replace("/bin/mend", "/bin/mend2"), 'execute("mend", how: "well")'),
        (ACTION + '  undo: execute("mend")\n', 'execute("mend", how: "well")'),
    ],
)
def test_the_hash_covers_every_word_of_what_would_be_run(action: str, call: str) -> None:
    """A parameter, the action's text, what takes it back: any change is a new plan, which asks anew."""
    before = Desk(ACTION, rule("shop", 'then: execute("mend", how: "well")')).one().plan
    after = Desk(action, rule("shop", f"then: {call}")).one().plan
    assert before.steps[-1].version
    assert after.hash != before.hash
