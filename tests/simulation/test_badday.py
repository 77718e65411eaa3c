"""A bad day leaves nobody untold: ten minutes of one here, all of it by HEALER_EFFORT=full and `make simulate`."""

from tests.effort import Effort
from tests.simulation.calamity import SMALL, WHOLE
from tests.simulation.scenarios.badday import bad_day


def test_everybody_is_told_of_everything_on_a_bad_day(effort: Effort) -> None:
    """Channels away in turn, answers that are lost, crashes: everybody is told, to the end, and no provider's limit is broken."""
    day = WHOLE if effort.name == "full" else SMALL
    found = bad_day(1, day).counts
    assert found["troubles"] == day.incidents
    assert found["crashes"] == day.crashes
    assert found["answers that were lost"] > 0
    assert found["told in another's place"] > 0
