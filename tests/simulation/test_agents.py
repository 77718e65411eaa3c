"""Orders by agents: each effect once, each end known, three at once, nobody starves, and nothing late after the switch."""

from functools import cache

from tests.effort import Effort
from tests.simulation import load
from tests.simulation.seeds import Verdict, judge_all, tally
from tests.simulation.test_scenario import told

MET = """
fault a dropped file is back
fault an agent is ended
fault an agent is killed
fault an agent stands still
fault an agent stands still beyond a lock's time
fault cut off
fault full disk
fault healer is ended
fault healer is killed
fault healer stands still beyond its lock
fault interrupted
fault late Go
fault late Heard
fault late Ready
fault late Report
fault late Task
fault lost Go
fault lost Heard
fault lost Ready
fault lost Report
fault lost Task
fault no power
fault pause file
fault slow disk
fault switch thrown
fault twice
effects by another way
overtaken in the queue
places all taken
reports that came late
secrets blurted out
stale orders refused
"""


FIRST = 4
"""A seed, as the 24 after it, with which all of that happens."""


@cache
def judged(seeds: int) -> tuple[Verdict, ...]:
    load()
    return tuple(judge_all("agents", range(FIRST, FIRST + seeds)))


def seeds(effort: Effort) -> int:
    return effort.pick(ci=25, full=20_000)


def test_every_seed_keeps_every_promise(effort: Effort) -> None:
    """Whoever is killed, stands still, is cut off, loses power or a disk, or takes over meanwhile: no promise is broken."""
    for verdict in judged(seeds(effort)):
        assert verdict.end == "clean", told(verdict)


def test_whatever_can_happen_did(effort: Effort) -> None:
    """Every fault was injected, or these seeds prove less than they say."""
    counts = tally(judged(seeds(effort)))
    never = [what for what in MET.strip().splitlines() if not counts.get(what)]
    assert never == [], f"these never happened: {', '.join(never)}"
