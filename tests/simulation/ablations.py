"""Safeguards taken away, one at a time, each with the promise that must then be found broken.

A checker that cannot fail proves nothing. Each change is what a hurried person might write: at most five lines.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace
from sqlalchemy import update

from healer.alerts.model import Batch
from healer.assembly import Healer
from healer.convergence import flapping, judge, quiet, rewiring, storms
from healer.convergence.engine import Engine
from healer.convergence.people import People
from healer.convergence.settings import Convergence
from healer.convergence.state import State, Topology
from healer.convergence.timers import Kind
from healer.executors.target import Result
from healer.journey.fold import Fold
from healer.journey.owner import Owner
from healer.journey.ports import Ownership
from healer.journey.telling import Telling
from healer.remediation import planner
from healer.remediation.guards import Place
from healer.remediation.model import Intent, PlanStep, Remediation
from healer.remediation.runner.desk import Desk
from healer.remediation.runner.effect import Effects
from healer.remediation.runner.settling import Settling
from healer.store.schema import told
from healer.store.transaction import Transaction
from healer.store.transactions import intents, ledger
from healer.topology.patch import Sum
from healer.web.intake import Intake, arrivals
from tests.simulation import ablation
from tests.simulation.taken_away import nothing, without

SCENARIO = "service"


@ablation("answer before the journal has it", promise="A1", scenario=SCENARIO)
@contextmanager
def answer_before_journal() -> Iterator[None]:
    """The request is answered while T1 is still on its way."""

    async def store(self: Intake, batch: Batch) -> None:
        self._running = asyncio.ensure_future(self._journal.append(arrivals(batch)))  # type: ignore[attr-defined] # kept alive

    with without(Intake, "_store", store):
        yield


@ablation("no catching up", promise="A1", scenario=SCENARIO)
@contextmanager
def no_catching_up() -> Iterator[None]:
    """A new owner does not apply what was accepted before it took over."""

    async def catch_up(self: Owner, ownership: Ownership) -> None:
        if not ownership.step:
            await self._step_all()

    with without(Owner, "_catch_up", catch_up):
        yield


@ablation("no judging afresh", promise="A2", scenario=SCENARIO)
@contextmanager
def no_judging_afresh() -> Iterator[None]:
    """When a root is gone for settle, what it explained is left as it is."""
    with without(Engine, "_settled", nothing):
        yield


@ablation("a hold without end", promise="A2", scenario=SCENARIO)
@contextmanager
def hold_without_end() -> Iterator[None]:
    """The timer at the end of a hold does nothing."""
    with without(Engine, "_hold_ends", nothing):
        yield


@ablation("the end of a silence goes unnoticed", promise="A2", scenario=SCENARIO)
@contextmanager
def silence_without_end() -> Iterator[None]:
    """No timer rings when a silence ends; who silenced may say so later."""
    fire = Engine._fire

    def deaf(self: Engine, kind: int, who: list[Any]) -> None:
        if kind != Kind.SILENCE:
            fire(self, kind, who)

    with without(Engine, "_fire", deaf):
        yield


@ablation("no bound on being untold", promise="A2", scenario=SCENARIO)
@contextmanager
def no_bound_on_untold() -> Iterator[None]:
    """A cause that comes after max_untold explains like any other."""
    with without(judge, "comes_too_late", lambda *_: False):
        yield


@ablation("what was told is not recorded", promise="A4", scenario=SCENARIO)
@contextmanager
def told_not_recorded() -> Iterator[None]:
    """The ledger does not learn that a message was accepted."""
    with without(ledger, "record_told", nothing):
        yield


@ablation("a start forgets what was told", promise="A4", scenario=SCENARIO)
@contextmanager
def start_forgets_told() -> Iterator[None]:
    """A start empties every row of the ledger, instead of letting go of claims."""

    def free(transaction: Transaction, *_: object) -> None:
        transaction.connection.execute(update(told).values(state="waiting", claimed_until=0, message_id=""))

    with without(ledger, "free", free):
        yield


@ablation("the effect before its intent", promise="E1", scenario=SCENARIO)
@contextmanager
def effect_before_intent() -> Iterator[None]:
    """T3 is left out: the intent is made up in memory."""

    async def write(self: Effects, remediation: Remediation, step: PlanStep, *_: object) -> Intent:
        now = self._desk.clock.now()
        made_up = f"{remediation.id}.{remediation.step}"
        asked = intents.Asked(remediation, step, made_up, now + step.timeout, now, Place())
        return intents._intent(asked, now)

    with without(Effects, "write", write):
        yield


@ablation("unknown is tried again", promise="E1", scenario=SCENARIO)
@contextmanager
def unknown_is_tried_again() -> Iterator[None]:
    """An outcome that is not known counts as an attempt without effect, instead of being probed."""

    async def settle(self: Settling, remediation: Remediation) -> Remediation | None:
        left = [one for one in await self._desk.store.unsettled() if one.remediation == remediation.id]
        lost = Result("failed", why="the connection was lost", started=False)
        return await (self.conclude(remediation, left[0], lost) if left else self._after_unseen_outcome(remediation))

    with without(Settling, "settle", settle):
        yield


@ablation("a snapshot of what is not committed", promise="replay", scenario=SCENARIO)
@contextmanager
def snapshot_of_uncommitted() -> Iterator[None]:
    """A stop keeps memory as it is, also in the middle of a commit."""

    async def stop(self: Healer, within: float) -> None:
        await self.ports.spawn.stop(within)
        if self.owner.ready:
            await self.owner.save_snapshot()

    with without(Healer, "stop", stop):
        yield


@ablation("timers fire without a step", promise="replay", scenario=SCENARIO)
@contextmanager
def timers_without_step() -> Iterator[None]:
    """A timer that changes nothing people see makes no step."""
    take = Fold.take

    def silent(self: Fold, *at: int) -> Any:
        self._fired = False
        return take(self, *at)

    with without(Fold, "take", silent):
        yield


@ablation("a snapshot forgets how the topology changed", promise="replay", scenario=SCENARIO)
@contextmanager
def snapshot_without_patch() -> Iterator[None]:
    """A snapshot has the topology as it was adopted, without what changed since."""
    dump = Fold.dump

    def forgetful(self: Fold) -> bytes:
        kept, self.ground.changed = self.ground.changed, Sum()
        data = dump(self)
        self.ground.changed = kept
        return data

    with without(Fold, "dump", forgetful):
        yield


@ablation("a reload begins anew", promise="A1", scenario=SCENARIO)
@contextmanager
def reload_begins_anew() -> Iterator[None]:
    """Another configuration is adopted with an empty memory."""

    def successor(
        self: Engine, settings: Convergence, topology: Topology, heartbeat: str = "", _: object = None
    ) -> Engine:
        return Engine(settings, topology, self.state.installation, heartbeat)

    with without(Engine, "successor", successor):
        yield


@ablation("no letting go of what is over", promise="liveness", scenario=SCENARIO)
@contextmanager
def no_letting_go() -> Iterator[None]:
    """A remediation whose incident ended between two attempts waits on for its guards."""
    with without(Desk, "is_over", lambda *_: False):
        yield


@ablation("an edge appears unnoticed", promise="A2", scenario=SCENARIO)
@contextmanager
def edge_unnoticed() -> Iterator[None]:
    """What fires beneath a change of the topology is not judged again."""
    with without(rewiring, "concerned", lambda *_: {}):
        yield


@ablation("what flaps is healed", promise="flapping", scenario=SCENARIO)
@contextmanager
def flapping_is_healed() -> Iterator[None]:
    """A rule begins although the incident comes and goes."""
    barred = planner._barred
    steady = lambda rule, incident: barred(rule, replace(incident, flapping=False))  # noqa: E731 - one changed line
    with without(planner, "_barred", steady):
        yield


@ablation("what flaps ends each time", promise="flapping", scenario=SCENARIO)
@contextmanager
def flapping_ends() -> Iterator[None]:
    """An incident whose alerts come and go ends whenever they go."""
    with without(flapping, "unsettled", lambda *_: False):
        yield


@ablation("a storm is told one by one", promise="storm", scenario=SCENARIO)
@contextmanager
def storm_by_name() -> Iterator[None]:
    """In a storm everything is told by name, beside the message that sums up."""
    with without(Telling, "is_summed_up", lambda *_: False):
        yield


@ablation("a storm is healed", promise="storm", scenario=SCENARIO)
@contextmanager
def storm_is_healed() -> Iterator[None]:
    """A rule begins in a storm although it does not say so."""
    barred = planner._barred
    calm = lambda rule, incident: barred(rule, replace(incident, storm=False))  # noqa: E731 - one changed line
    with without(planner, "_barred", calm):
        yield


@ablation("a storm without end", promise="storm", scenario=SCENARIO)
@contextmanager
def storm_without_end() -> Iterator[None]:
    """Nobody looks whether a storm is over."""
    with without(storms, "look", nothing):
        yield


@ablation("an extension goes unheard", promise="maintenance", scenario=SCENARIO)
@contextmanager
def extension_unheard() -> Iterator[None]:
    """Maintenance ends when it was said to end first."""
    with without(Engine, "extend", nothing):
        yield


@ablation("what comes again comes unnoticed", promise="maintenance", scenario=SCENARIO)
@contextmanager
def recurring_unnoticed() -> Iterator[None]:
    """No timer rings when maintenance that comes again begins or ends."""
    look_again = quiet.look_again

    def once(state: State) -> None:
        whole, state.maintenance = (
            state.maintenance,
            {i: one for i, one in state.maintenance.items() if not one.schedule},
        )
        look_again(state)
        state.maintenance = whole

    with without(quiet, "look_again", once):
        yield


@ablation("what is beneath is forgotten", promise="maintenance", scenario=SCENARIO)
@contextmanager
def beneath_forgotten() -> Iterator[None]:
    """Maintenance with all beneath is about its own node alone."""
    maintain = Engine.maintain
    flat = lambda self, said, position: maintain(self, replace(said, below=False), position)  # noqa: E731 - as above
    with without(Engine, "maintain", flat):
        yield


@ablation("told at once when a silence ends", promise="maintenance", scenario=SCENARIO)
@contextmanager
def told_at_once() -> Iterator[None]:
    """What still fires when nobody silences it any more does not wait for its cause."""
    with without(quiet, "speak_again", nothing):
        yield


@ablation("a word counts each time it is sent", promise="words", scenario=SCENARIO)
@contextmanager
def word_counts_twice() -> Iterator[None]:
    """The key of a client is not remembered."""
    with without(People, "heard", lambda *_: False):
        yield


@ablation("what was closed counts again", promise="words", scenario=SCENARIO)
@contextmanager
def closed_counts_again() -> Iterator[None]:
    """A copy of an alert that a person closed is an alert like any other."""
    with without(People, "is_over", lambda *_: False):
        yield


@ablation("a split that does not hold", promise="words", scenario=SCENARIO)
@contextmanager
def split_does_not_hold() -> Iterator[None]:
    """What was split off may be explained by what explained it before."""
    with without(People, "alone", lambda *_: False):
        yield
