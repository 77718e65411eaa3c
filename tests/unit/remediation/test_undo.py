"""A failed step takes back what was done before it, the last first; then comes `otherwise`, or a person."""

from healer.executors.target import Result
from healer.remediation.arrows import next_state, otherwise, steps_of
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
        names.append(steps_of(begun)[begun.step].action)
        begun = next_state(begun, result, NOON, None)
    return begun, names


def test_what_was_done_is_taken_back_in_reverse() -> None:
    """The third step fails: the second is taken back, then the first, and that is said."""
    ended, names = runs(remediation(three(0, 1, 2)), DONE, DONE, FAILED, DONE, DONE)

    assert names == ["restart_service", "restart_service", "clean_disk", "undo_1", "undo_0"]
    assert (ended.state, ended.undoing) == ("undone", "")
    assert ended.detail == "no room; what was done before is taken back"


def test_while_it_is_taken_back_it_says_so() -> None:
    """Its state is `undoing`, with why it failed and a deadline."""
    led, _ = runs(remediation(three(0)), DONE, FAILED)

    assert (led.state, led.detail, led.deadline) == ("undoing", "no room", NOON + HOUR)


def test_then_comes_what_else_there_is() -> None:
    """After undoing, `otherwise` begins at its first step."""
    led, names = runs(remediation(three(0, fallback=True)), DONE, FAILED, DONE)

    assert names[-1] == "undo_0"
    assert (led.state, steps_of(led)[led.step].action, led.undoing) == ("planned", "clean_disk", "")
    assert led.detail == "no room; what was done before is taken back"
    assert runs(led, FAILED)[0].state == "failed"


def test_what_cannot_be_taken_back_goes_to_a_person() -> None:
    """An undo that fails leaves a target that nobody understands: no further remedy is tried on it."""
    led, _ = runs(remediation(three(0, fallback=True)), DONE, FAILED, FAILED)

    assert led.state == "handed_over"
    assert led.detail == "no room; and what was done before could not be taken back: no room"


def test_the_step_that_failed_is_not_taken_back() -> None:
    """Only what was done is: a first step that fails leaves nothing to undo."""
    assert runs(remediation(three(0, 1, 2)), FAILED)[0].state == "failed"
    assert runs(remediation(three(1)), DONE, FAILED)[0].state == "failed"


def test_what_did_not_help_is_not_taken_back() -> None:
    """A node that is not well stays cordoned: only a failed step is undone."""
    watched = remediation(three(0, 1), step=3, state="verifying")

    assert otherwise(watched, "not_verified", "it is still down", NOON).state == "not_verified"
