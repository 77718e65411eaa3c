"""Two healers, and everything that can fail around them, fails: their promises hold by what all the others recorded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.chaos.course import Course, run
from tests.integration.chaos.faults import draw, one_of_each

SEED = 20261121
MINUTES = 11
ROUNDS = 10
BOUND_S = 1.0
"""E4: how long after the kill switch an effect may still begin."""


KINDS = {"kill", "stop", "hole", "restart", "flush"}


def test_two_healers_survive_one_fault_of_each_kind(tmp_path: Path, say: Callable[[str], None]) -> None:
    """The same, in little."""
    course = run(tmp_path / "site", SEED, one_of_each(SEED), 0)
    for line in course.lines():
        say(line)
    assert _kinds(course) == KINDS
    assert course.healed >= 1, "nothing was healed: that shows nothing"


@pytest.mark.chaos
@pytest.mark.full
def test_two_healers_keep_their_promises(tmp_path: Path, say: Callable[[str], None]) -> None:
    """A1, A4, A5, E1 to E5: killed, stopped beyond lease and lock, cut off, their store restarted and their locks forgotten, and
    with the kill switch thrown while a healer stands still between reading it and acting."""
    course = run(tmp_path / "site", SEED, draw(SEED, MINUTES * 60), ROUNDS)
    for line in course.lines():
        say(line)
    assert _kinds(course) == KINDS
    assert course.healed >= 100, "hardly anything was healed: that shows little"
    assert course.thrown >= ROUNDS, "the kill switch was not thrown: that shows nothing"
    assert max(course.late, default=0) <= BOUND_S


def _kinds(course: Course) -> set[str]:
    return {kind.partition(" ")[0] for kind in course.faults}
