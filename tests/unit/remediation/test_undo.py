"""What did not help is taken back, the last first; then comes `otherwise`, or a person."""

from healer.executors.target import Result
from healer.remediation.arrows import next_state, otherwise, step_of
from healer.remediation.model import Plan, PlanStep, Remediation
from healer.times import HOUR, SECOND
from tests.unit.remediation.build import CLEAN, HOST, NOON, RESTART, plan, remediation

DONE = Result("succeeded", exit_code=0, ended_at=NOON)
FAILED = Result("failed", exit_code=1, why="no room")


def back(position: int) -> PlanStep:
    """What takes back the step at this place."""
    return PlanStep(
        f"undo_{position}", "ssh", HOST, ("/bin/undo",), 30 * SECOND, clause="undo", position=position, closing=True
    )


def three(*taken_back: int, fallback: bool = False) -> Plan:
    """Three steps, of which these can be taken back."""
    undo = tuple(back(number) for number in sorted(taken_back, reverse=True))
    found = plan(RESTART, RESTART, CLEAN, otherwise=(CLEAN,) if fallback else ())
    return Plan(**{**{name: getattr(found, name) for name in found.__struct_fields__}, "undo": undo})


def runs(begun: Remediation, *results: Result) -> tuple[Remediation, list[str]]:
    """Where the results lead, and which steps they were of."""
    names = []
    for result in results:
        step = step_of(begun)
        assert step is not None
        names.append(step.action)
        begun = next_state(begun, result, NOON, None)
    return begun, names


def test_what_was_done_is_taken_back_in_reverse() -> None:
    """The third step fails: the second is taken back, then the first, and that is said."""
    ended, names = runs(remediation(three(0, 1, 2)), DONE, DONE, FAILED, DONE, DONE)

    assert names == ["restart_service", "restart_service", "clean_disk", "undo_1", "undo_0"]
    assert (ended.state, ended.to_undo, ended.done) == ("undone", (), ())
    assert ended.detail == "it did not help, and was taken back: no room"


def test_while_it_is_taken_back_it_says_so() -> None:
    """Its state is `undoing`, with why it failed and a deadline."""
    led, _ = runs(remediation(three(0)), DONE, FAILED)

    assert (led.state, led.detail, led.deadline) == ("undoing", "no room", NOON + HOUR)


def test_then_comes_what_else_there_is() -> None:
    """After undoing, `otherwise` begins at its first step."""
    led, names = runs(remediation(three(0, fallback=True)), DONE, FAILED, DONE)

    assert names[-1] == "undo_0"
    step = step_of(led)
    assert step is not None
    assert (led.state, step.action, led.to_undo, led.doubted) == ("planned", "clean_disk", (), False)
    assert led.detail == "no room"
    assert runs(led, FAILED)[0].state == "failed"


def test_what_cannot_be_taken_back_goes_to_a_person() -> None:
    """An undo that fails leaves a target that nobody understands: no further remedy is tried on it."""
    led, _ = runs(remediation(three(0, fallback=True)), DONE, FAILED, FAILED)

    assert led.state == "handed_over"
    assert led.detail == "taking it back failed: no room"


def test_the_step_that_failed_is_not_taken_back() -> None:
    """Only what was done is: a first step that fails leaves nothing to undo."""
    assert runs(remediation(three(0, 1, 2)), FAILED)[0].state == "failed"
    assert runs(remediation(three(1)), DONE, FAILED)[0].state == "failed"


def test_what_did_not_help_is_taken_back() -> None:
    """All steps were done and it is still down: they are taken back before anything else is tried."""
    watched = remediation(three(0, 1, fallback=True), step=3, state="verifying", done=(0, 1, 2))

    led = otherwise(watched, "not_verified", "it is still down", NOON)
    assert (led.state, led.detail, led.to_undo) == ("undoing", "it is still down", (4, 5))
    led, names = runs(led, DONE, DONE)
    assert names == ["undo_1", "undo_0"]
    assert (led.state, led.step, led.doubted, led.done) == ("planned", 3, True, (2,))


def test_what_had_no_effect_is_not_taken_back() -> None:
    """A step that found nothing to do was none."""
    watched = remediation(three(0, 1), step=3, state="verifying")

    assert otherwise(watched, "not_verified", "it is still down", NOON).state == "not_verified"


def test_what_was_not_verified_stays_doubted() -> None:
    """Whatever becomes of it: its rule's record tells a remedy that did not help from a step that failed."""
    watched = remediation(three(0), step=3, state="verifying", done=(0, 1, 2))

    ended, _ = runs(otherwise(watched, "not_verified", "it is still down", NOON), DONE)
    assert (ended.state, ended.doubted) == ("undone", True)
    failed, _ = runs(remediation(three(0)), DONE, FAILED, DONE)
    assert (failed.state, failed.doubted) == ("undone", False)
