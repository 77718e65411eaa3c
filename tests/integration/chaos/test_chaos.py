"""Two healers, and everything that can fail around them, fails: their promises hold by what all the others recorded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.chaos.course import run
from tests.integration.chaos.faults import draw

SEED = 20261121
MINUTES = 11
ROUNDS = 10
BOUND_S = 1.0
"""E4: how long after the kill switch an effect may still begin."""


@pytest.mark.chaos
@pytest.mark.full
def test_two_healers_keep_their_promises(tmp_path: Path, say: Callable[[str], None]) -> None:
    """A1, A4, A5, E1 to E5: killed, stopped beyond lease and lock, cut off, their store restarted and their locks forgotten, and
    with the kill switch thrown while a healer stands still between reading it and acting."""
    course = run(tmp_path / "site", SEED, draw(SEED, MINUTES * 60), ROUNDS)
    for line in course.lines():
        say(line)
    assert {kind.partition(" ")[0] for kind in course.faults} == {"kill", "stop", "hole", "restart", "flush"}
    assert course.healed >= 100, "hardly anything was healed: that shows little"
    assert course.thrown >= ROUNDS, "the kill switch was not thrown: that shows nothing"
    assert max(course.late, default=0) <= BOUND_S
