"""Safeguards of effects taken away, one at a time: what healing alone must then be seen to break.

Like `tests.simulation.ablations`: each is what a hurried person might write, at most five lines.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal
from unittest.mock import patch

from msgspec.structs import replace

from healer.executors.register import Attempt, Register
from healer.executors.target import Order, Result
from healer.journey.ports import StoreUnavailable
from healer.remediation import approval, guards, verify
from healer.remediation.arrows import next_state
from healer.remediation.facts import facts_of
from healer.remediation.guards import Place, condition, failures, people, rates, standing
from healer.remediation.guards.answer import yes
from healer.remediation.model import Intent, PlanStep, Remediation
from healer.remediation.runner import beginning, settling
from healer.remediation.runner.effect import Effects
from healer.remediation.runner.settling import Settling
from healer.remediation.verify import Seen, Verifier
from healer.store.transactions import counting, intents, remediations
from healer.times import HOUR, MINUTE, Micros
from rules import Expression, Facts, Verdict, evaluate
from tests.simulation import ablation
from tests.simulation.taken_away import nothing, noting, without

SCENARIO = "healing"

Asked = Callable[..., guards.Answer]


Which = Literal["OBSERVED", "COUNTED"]


def _unasked(which: Which, *gone: Asked) -> AbstractContextManager[object]:
    """Whatever these guards would say, it counts as yes."""

    def yes_of(guard: Asked) -> Asked:
        return lambda *given: yes(guard(*given).guard, "nobody asks")

    return _otherwise(which, {guard: yes_of(guard) for guard in gone})


def _otherwise(which: Which, instead: Mapping[Asked, Asked]) -> AbstractContextManager[object]:
    """These guards are replaced by others."""
    asked: tuple[Asked, ...] = getattr(guards, which)
    assert instead.keys() <= set(asked), "a guard that nobody asks anyway"
    return patch.object(guards, which, tuple(noting(instead[one]) if one in instead else one for one in asked))


@ablation("the intent is made up in memory", promise="E1", scenario=SCENARIO)
@contextmanager
def made_up_in_memory() -> Iterator[None]:
    """T3 is left out: a holder makes the intent up, and begins."""

    async def write(self: Effects, remediation: Remediation, step: PlanStep, *_: Any) -> Intent:
        now = self._desk.clock.now()
        id = f"{remediation.id}.{remediation.step}"
        return intents._intent(intents.Asked(remediation, step, id, now + step.timeout, now, Place()), now)

    with without(Effects, "write", write):
        yield


@ablation("anybody begins an intent", promise="E1", scenario=SCENARIO)
@contextmanager
def anybody_begins() -> Iterator[None]:
    """An intent that was written before is begun by whoever asks for it."""
    with without(intents, "_of_its_author", lambda written, _: written):
        yield


@ablation("a failure is tried again", promise="E1", scenario=SCENARIO)
@contextmanager
def failure_is_tried_again() -> Iterator[None]:
    """A step that failed is repeated, although it had an effect."""

    def again(remediation: Remediation, result: Result, *more: Any) -> Remediation:
        return next_state(remediation, replace(result, started=False), *more)

    with without(settling, "next_state", again):
        yield


@ablation("no answer means no effect", promise="E1", scenario=SCENARIO)
@contextmanager
def no_answer_no_effect() -> Iterator[None]:
    """An outcome that is not known counts as an attempt without effect, and nobody probes."""

    async def probe(self: Settling, intent: Intent) -> Result:
        return Result("failed", why="it was lost", started=False)

    with without(Settling, "probe", probe):
        yield


@ablation("the target holds nobody off", promise="E2", scenario=SCENARIO)
@contextmanager
def target_holds_nobody_off() -> Iterator[None]:
    """A run does not keep another one from its target, nor a probe from an answer."""
    with without(Attempt, "holds", lambda self, now: self.ran is None and now < self.waits_until):
        yield


@ablation("a target compares no token", promise="E2", scenario=SCENARIO)
@contextmanager
def target_compares_no_token() -> Iterator[None]:
    """A target obeys whoever asks, however old the token."""
    with no_token_compared():
        yield


@contextmanager
def no_token_compared() -> Iterator[None]:
    """In which a register admits whoever asks, whatever it admitted before; agents keep theirs by the same one."""
    admit = Register.admit

    def anybody(self: Register, order: Order, now: Micros) -> Attempt | Result:
        newest, self.newest = self.newest, (0, 0)
        answer = admit(self, order, now)
        self.newest = max(newest, self.newest)
        return answer

    with without(Register, "admit", anybody):
        yield


@ablation("a probe leaves no token", promise="E2", scenario=SCENARIO)
@contextmanager
def probe_leaves_no_token() -> Iterator[None]:
    """What a probe was told is not held against what was sent before it."""
    recorded = Register.recorded

    def forgetful(self: Register, order: Order, now: Micros) -> Result:
        newest = self.newest
        answer = recorded(self, order, now)
        self.newest = newest
        return answer

    with without(Register, "recorded", forgetful):
        yield


@ablation("a limit counts nothing", promise="E3", scenario=SCENARIO)
@contextmanager
def limit_counts_nothing() -> Iterator[None]:
    """What was begun is not counted under its limits."""
    with without(counting, "reserve", nothing):
        yield


@ablation("limits are of a process", promise="E3", scenario=SCENARIO)
@contextmanager
def limits_of_a_process() -> Iterator[None]:
    """T3 does not refuse by limits: it trusts that whoever asks has counted."""
    with _unasked("COUNTED", rates.limit, rates.concurrency):
        yield


@ablation("what was superseded begins", promise="arrows", scenario=SCENARIO)
@contextmanager
def superseded_begins() -> Iterator[None]:
    """T3 does not look at what became of the remediation meanwhile."""
    with without(intents, "_refuse_state", nothing):
        yield


@ablation("one of two people is enough", promise="E3", scenario=SCENARIO)
@contextmanager
def one_of_two() -> Iterator[None]:
    """The first yes lets a plan begin, however many were asked for."""
    agree = approval.agree

    def first(one: Remediation, who: str, now: Micros, plan: str = "") -> Remediation:
        alone = replace(one.plan, approve=tuple(replace(each, count=1) for each in one.plan.approve))
        return replace(agree(replace(one, plan=alone), who, now, plan), plan=one.plan)

    enough = [without(place, "unapproved", lambda *_: "") for place in (beginning, counting)]
    with without(approval, "agree", first), enough[0], enough[1]:
        yield


@ablation("it is tried where it failed twice", promise="E3", scenario=SCENARIO)
@contextmanager
def tried_in_vain() -> Iterator[None]:
    """The guard that counts what did not help on a host is left out."""
    with _unasked("COUNTED", failures.ineffective):
        yield


@ablation("a person counts twice", promise="E3", scenario=SCENARIO)
@contextmanager
def person_counts_twice() -> Iterator[None]:
    """Whoever said yes already may be the second one, too."""
    agree = approval.agree

    def twice(one: Remediation, who: str, now: Micros, plan: str = "") -> Remediation:
        return agree(replace(one, agreed=tuple(f"{each} before" for each in one.agreed)), who, now, plan)

    with without(approval, "agree", twice):
        yield


@ablation("an old look at the silences", promise="E3", scenario=SCENARIO)
@contextmanager
def old_silences() -> Iterator[None]:
    """Silences count as known, however long ago they were read."""

    def believed(*given: Any) -> guards.Answer:
        with patch.object(people, "FRESH", HOUR):
            return people.silenced(*given)

    with _otherwise("OBSERVED", {people.silenced: believed}):
        yield


@ablation("a silence is not heeded", promise="E3", scenario=SCENARIO)
@contextmanager
def silence_unheeded() -> Iterator[None]:
    """The guard that looks for silences is left out."""
    with _unasked("OBSERVED", people.silenced):
        yield


@ablation("who works there is healed over", promise="E3", scenario=SCENARIO)
@contextmanager
def healed_over() -> Iterator[None]:
    """The guard that looks for maintenance is left out."""
    with _unasked("OBSERVED", people.maintenance):
        yield


@ablation("what is well is healed", promise="E3", scenario=SCENARIO)
@contextmanager
def well_is_healed() -> Iterator[None]:
    """The guards that ask whether the alert still fires are left out."""
    with _unasked("OBSERVED", condition.only_roots, condition.freshness, condition.dwell):
        yield


@ablation("go without looking again", promise="E3", scenario=SCENARIO)
@contextmanager
def go_without_looking() -> Iterator[None]:
    """When the target is ready, the guards are not asked again."""

    async def go(self: Effects, remediation: Remediation, step: PlanStep, *_: Any) -> bool:
        return not await self._paused(remediation, step)

    with without(Effects, "_go", go):
        yield


@ablation("the switch is not read with the intent", promise="E4", scenario=SCENARIO)
@contextmanager
def switch_unread_with_intent() -> Iterator[None]:
    """T3 does not read the kill switch."""
    with _unasked("COUNTED", standing.kill_switch):
        yield


@ablation("go without reading the switch", promise="E4", scenario=SCENARIO)
@contextmanager
def go_without_switch() -> Iterator[None]:
    """When the target is ready, the kill switch is not read again."""

    async def paused(self: Effects, *_: Any) -> bool:
        return False

    with without(Effects, "_paused", paused):
        yield


@ablation("a switch that cannot be read stops nothing", promise="E4", scenario=SCENARIO)
@contextmanager
def unread_switch_stops_nothing() -> Iterator[None]:
    """When the target is ready and the kill switch cannot be read, that counts as released."""
    read = Effects._paused

    async def paused(self: Effects, *given: Any) -> bool:
        try:
            return await read(self, *given)
        except StoreUnavailable:
            return False

    with without(Effects, "_paused", paused):
        yield


@ablation("a file is not looked for", promise="E4", scenario="service")
@contextmanager
def file_not_looked_for() -> Iterator[None]:
    """The guard that looks for the pause file is left out."""
    with _unasked("OBSERVED", people.pause_file):
        yield


@ablation("the switch is not read at all", promise="E4", scenario="service")
@contextmanager
def switch_unread() -> Iterator[None]:
    """T3 does not read the kill switch, of a service that people stop by its API."""
    with _unasked("COUNTED", standing.kill_switch):
        yield


@ablation("a target waits a minute for go", promise="E4", scenario=SCENARIO)
@contextmanager
def target_waits() -> Iterator[None]:
    """A go that was swallowed starts the command when it lands."""
    admit = Register.admit

    def patient(self: Register, order: Order, now: Micros) -> Attempt | Result:
        with patch("healer.executors.register.GO_WAIT", MINUTE):
            return admit(self, order, now)

    with without(Register, "admit", patient):
        yield


@ablation("a sample of any age is a proof", promise="E5", scenario=SCENARIO)
@contextmanager
def sample_of_any_age() -> Iterator[None]:
    """A sample from before the end of the effect counts."""
    ageless: Callable[..., Any] = lambda *given, samples_after, **more: facts_of(*given, **more)  # noqa: E731 - one line
    with without(verify, "facts_of", ageless):
        yield


@ablation("no data is a success", promise="E5", scenario=SCENARIO)
@contextmanager
def no_data_is_success() -> Iterator[None]:
    """What is not known to be wrong is well."""

    def hopeful(condition: Expression, facts: Facts) -> Verdict:
        verdict = evaluate(condition, facts)
        return replace(verdict, value=True, needs=()) if verdict.value is None else verdict

    with without(verify, "evaluate", hopeful):
        yield


@ablation("an alert that vanished is healed", promise="E5", scenario=SCENARIO)
@contextmanager
def vanished_is_healed() -> Iterator[None]:
    """That an alert ended is enough, whoever said so."""

    def resolved(self: Verifier, remediation: Remediation, _: Any) -> bool:
        alert = self._situation.alert(remediation.plan.root)
        return alert is None or alert.status == "resolved"

    with without(Verifier, "_resolved", resolved):
        yield


@ablation("the command's word is the proof", promise="E5", scenario=SCENARIO)
@contextmanager
def command_is_proof() -> Iterator[None]:
    """What ended well has helped."""

    async def look(self: Verifier, *_: Any) -> Seen:
        return Seen(True, ("it ended well",))

    with without(Verifier, "look", look):
        yield


@ablation("a state without an entry", promise="audit", scenario=SCENARIO)
@contextmanager
def state_without_entry() -> Iterator[None]:
    """What becomes of a remediation is stored, and not noted."""
    with without(remediations, "_note", nothing):
        yield
