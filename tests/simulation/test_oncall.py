"""Whoever is next is called in time, whatever fails: some seeds here, many by HEALER_EFFORT=full and `make simulate`."""

from tests.effort import Effort
from tests.simulation import load
from tests.simulation.seeds import judge_all, tally

FIRST = 8
"""A seed, as the one after it, in which people are called and acknowledge."""


def test_whoever_is_next_is_called_in_time(effort: Effort) -> None:
    """And nobody once somebody is on it; every other promise holds as well."""
    load()
    verdicts = list(judge_all("oncall", range(FIRST, FIRST + effort.pick(ci=2, full=2_000))))
    assert [(one.seed, one.promise, one.what) for one in verdicts if one.end != "clean"] == []
    assert tally(verdicts)["calls"] >= len(verdicts), "hardly anybody is called: these seeds prove less than they say"
