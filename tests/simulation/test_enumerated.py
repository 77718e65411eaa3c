"""Five short stories, each told again with one thing going wrong at one call: at every call, whatever can go wrong there."""

import pytest

from tests.effort import Effort
from tests.simulation import Broken, Outcome
from tests.simulation.faults import Faults, Kind
from tests.simulation.healing.options import Options
from tests.simulation.healing.short import STORIES, TRIED, Pointed
from tests.simulation.loop import SimLoop
from tests.simulation.scenarios.healing import healed

NOWHERE = 0
EFFECTS = {
    "it helps": 1,
    "it fails, and so does the next remedy": 2,
    "two plans for one host": 2,
    "two people agree": 1,
    "two steps, and what follows": 3,
}
"""By story, how many commands start when nothing goes wrong."""


def told(options: Options, at: int, kind: Kind) -> tuple[Pointed, Outcome]:
    """The story with this fault at the call of this number."""
    pointed: list[Pointed] = []

    def faults(loop: SimLoop) -> Faults:
        pointed.append(Pointed(loop, at, kind))
        return pointed[0]

    outcome = healed(options, faults)
    return pointed[0], outcome


@pytest.mark.parametrize("story", STORIES)
def test_whatever_goes_wrong_at_any_call(story: str, effort: Effort) -> None:
    """Every promise holds, and everything comes to its end, whichever call is the last of its process, or has no answer."""
    options = STORIES[story]
    calm, outcome = told(options, NOWHERE, "none")
    calls = calm.calls
    assert outcome.counts["effects"] == EFFECTS[story], "another story than its name says"
    stride = effort.pick(ci=41, full=1)
    for number, kind in enumerate(TRIED):
        for at in range(1 + number * 7 % stride, calls + 1, stride):
            try:
                hurt, _ = told(options, at, kind)
            except (Broken, AssertionError) as wrong:
                raise AssertionError(f"{story}, {kind} at call {at} of {calls}: {wrong}") from wrong
            assert len(hurt.injected) == 1, f"{story}: call {at} of {calls} was not hurt"
