"""Where each outcome of a step leads, and each end of patience."""

import msgspec
import pytest

from healer.executors.target import Result
from healer.remediation.arrows import next_state, otherwise, step_of, verifying
from healer.remediation.model import Remediation, State
from healer.times import HOUR, MINUTE, SECOND
from rules import Rule
from tests.unit.remediation.build import CLEAN, NOON, RESTART, plan, remediation, rule, ruleset

TWO = plan(RESTART, CLEAN)
FALLBACK = plan(RESTART, otherwise=(CLEAN,))
RETRIED = plan(msgspec.structs.replace(RESTART, retry=2))


def shop() -> Rule:
    """Verified within 10 minutes."""
    found = ruleset(rule("shop", "verify: resolved stable 1m within 10m")).named("shop")
    assert found is not None
    return found


def after(found: Remediation, result: Result, of: Rule | None = None) -> Remediation:
    return next_state(found, result, NOON, of)


SUCCEEDED = Result("succeeded", exit_code=0, started=True, ended_at=NOON - SECOND)
FAILED = Result("failed", exit_code=3, started=True)
MISTRUSTED = Result("refused", why="another host key", started=False, lasting=True)
UNTOUCHED = Result("failed", why="connection refused", started=False)


@pytest.mark.parametrize(
    ("found", "result", "state", "step", "attempt"),
    [
        (remediation(), SUCCEEDED, "verifying", 1, 0),
        (remediation(TWO), SUCCEEDED, "planned", 1, 0),
        (remediation(TWO, step=1), SUCCEEDED, "verifying", 2, 0),
        (remediation(TWO, attempt=1), SUCCEEDED, "planned", 1, 0),
        (remediation(FALLBACK), SUCCEEDED, "verifying", 1, 0),
        (remediation(FALLBACK, step=1), SUCCEEDED, "verifying", 2, 0),
        (remediation(), FAILED, "failed", 0, 0),
        (remediation(TWO), FAILED, "failed", 0, 0),
        (remediation(RETRIED), FAILED, "failed", 0, 0),
        (remediation(RETRIED), UNTOUCHED, "planned", 0, 1),
        (remediation(RETRIED, attempt=1), UNTOUCHED, "planned", 0, 2),
        (remediation(RETRIED, attempt=2), UNTOUCHED, "failed", 0, 2),
        (remediation(), UNTOUCHED, "failed", 0, 0),
        (remediation(FALLBACK), FAILED, "planned", 1, 0),
        (remediation(FALLBACK, step=1), FAILED, "failed", 1, 0),
        (remediation(plan(RESTART, otherwise=(CLEAN, CLEAN)), step=2), FAILED, "failed", 2, 0),
        (remediation(plan(RESTART, otherwise=(CLEAN, CLEAN)), step=1), SUCCEEDED, "planned", 2, 0),
        (remediation(), Result("refused", why="a newer token was here"), "waiting", 0, 1),
        (remediation(), MISTRUSTED, "failed", 0, 0),
        (remediation(RETRIED), MISTRUSTED, "failed", 0, 0),
        (remediation(FALLBACK), MISTRUSTED, "planned", 1, 0),
    ],
)
def test_an_outcome_leads_on(found: Remediation, result: Result, state: str, step: int, attempt: int) -> None:
    """The next step, verification, another attempt where nothing was done, the other remedy, or the end."""
    led = after(found, result)
    assert (led.state, led.step, led.attempt) == (state, step, attempt)


def test_what_ran_and_failed_is_not_run_again() -> None:
    """Only an attempt that is known not to have begun is repeated (E1)."""
    assert after(remediation(RETRIED), FAILED).state == "failed"


def test_a_failure_says_why() -> None:
    """In the target's words, or by the exit code."""
    assert after(remediation(), FAILED).detail == "restart_service exited with 3"
    assert after(remediation(), UNTOUCHED).detail == "connection refused"


def test_a_failure_says_what_the_command_said_last() -> None:
    """One line of it, cut: the whole is kept with the intent."""
    failed = Result("failed", exit_code=5, output="Stopping...\nFailed to restart shop:\tno such unit\n\n")
    assert after(remediation(), failed).detail.endswith('. It said last: "Failed to restart shop: no such unit"')
    assert len(after(remediation(), Result("failed", exit_code=5, output="x" * 10_000)).detail) < 300


def test_verification_counts_from_the_end_of_the_effect() -> None:
    """Samples have to be later than that, and the rule's time runs from there; without the rule it is a quarter of an hour."""
    led = after(remediation(stable_since=NOON - HOUR), SUCCEEDED, shop())
    assert (led.effect_ended_at, led.deadline, led.stable_since) == (NOON - SECOND, NOON - SECOND + 10 * MINUTE, 0)
    assert after(remediation(), SUCCEEDED, None).deadline == NOON - SECOND + 15 * MINUTE
    unknown = after(remediation(), msgspec.structs.replace(SUCCEEDED, ended_at=0), shop())
    assert unknown.effect_ended_at == NOON
    assert verifying(remediation(), NOON, shop()).effect_ended_at == NOON


@pytest.mark.parametrize(("state", "step"), [("failed", 0), ("failed", 1), ("not_verified", 2)])
def test_the_other_remedy_has_its_own_time(state: State, step: int) -> None:
    """Steps of `then` that were left are stepped over."""
    found = remediation(plan(RESTART, RESTART, otherwise=(CLEAN,)), step=step, stable_since=NOON, deadline=NOON)
    led = otherwise(found, state, "it did not help", NOON)
    assert (led.state, led.step, led.deadline, led.stable_since) == ("planned", 2, NOON + HOUR, 0)
    assert led.detail == "it did not help"
    assert step_of(led) == CLEAN


@pytest.mark.parametrize(("state", "step"), [("failed", 2), ("not_verified", 3)])
def test_the_other_remedy_is_tried_once(state: State, step: int) -> None:
    """When it fails, or does not help either, there is nothing else: its effect is never repeated."""
    tried = remediation(plan(RESTART, RESTART, otherwise=(CLEAN,)), step=step)
    assert otherwise(tried, state, "nor did that", NOON).state == state


def test_a_rule_that_only_tells_people_first_waits_before_its_other_remedy() -> None:
    """Nothing is run before it was seen that telling did not help."""
    only_tells = msgspec.structs.replace(plan(), steps=(), otherwise=(CLEAN,))
    planned = remediation(only_tells, state="planned")
    assert step_of(planned) is None
    watched = verifying(planned, NOON, None)
    led = otherwise(watched, "not_verified", "nobody came", NOON)
    assert (led.state, led.step) == ("planned", 0)
    assert step_of(led) == CLEAN
    assert otherwise(led, "failed", "no", NOON).state == "failed"


def test_what_a_person_has_to_look_at_gets_no_other_remedy() -> None:
    """An unknown outcome is not followed by another effect."""
    assert otherwise(remediation(FALLBACK), "handed_over", "the outcome is unknown", NOON).state == "handed_over"


def test_the_steps_of_a_phase() -> None:
    """A phase ends before the next one begins: what follows has to be decided first."""
    assert step_of(remediation(FALLBACK)) == RESTART
    assert step_of(remediation(FALLBACK, step=1)) == CLEAN
    assert step_of(remediation(FALLBACK, step=2)) is None
    assert step_of(remediation(step=1)) is None
