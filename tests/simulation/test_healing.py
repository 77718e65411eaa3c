"""Healing alone keeps every promise about effects, and these seeds have met everything that can happen to it."""

from functools import cache

import pytest

from tests.effort import Effort
from tests.simulation import load
from tests.simulation.faults import ANYWHERE, STORE, Kind
from tests.simulation.seeds import Verdict, judge_all, tally
from tests.simulation.test_scenario import told

CHUNKS = 6
ARROWS = """
-> awaiting_approval
-> planned
awaiting_approval -> cancelled
awaiting_approval -> planned
awaiting_approval -> rejected
awaiting_approval -> superseded
executing -> failed
executing -> planned
executing -> succeeded
executing -> undone
executing -> verifying
executing -> waiting
planned -> cancelled
planned -> executing
planned -> superseded
planned -> verifying
planned -> waiting
undoing -> executing
verifying -> not_verified
verifying -> planned
verifying -> succeeded
verifying -> undoing
waiting -> cancelled
waiting -> executing
waiting -> superseded
"""
SELDOM = """
awaiting_approval -> expired
executing -> handed_over
executing -> undoing
planned -> handed_over
planned -> refused
waiting -> handed_over
waiting -> refused
waiting -> verifying
"""
"""Arrows that only many seeds meet."""
MET: tuple[Kind, ...] = (*ANYWHERE, *STORE, "black hole")
"""What can befall it: nobody tells people here, and nobody posts."""
COUNTS = (
    "effects",
    "half done",
    "holders overtaken",
    "limits met",
    "locks lost",
    "pauses beyond a lock's time",
    "secrets blurted out",
    "successes",
    "switches",
)


@cache
def judged(chunk: int, seeds: int) -> tuple[Verdict, ...]:
    load()
    return tuple(judge_all("healing", range(chunk * seeds, (chunk + 1) * seeds)))


def each(effort: Effort) -> int:
    """Seeds of a chunk."""
    return effort.pick(ci=216, full=20_000) // CHUNKS


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_seed_keeps_every_promise(chunk: int, effort: Effort) -> None:
    """Whoever dies, stands still, wakes late, loses an answer or a lock, or has a wrong clock: no promise is broken."""
    for verdict in judged(chunk, each(effort)):
        assert verdict.end == "clean", told(verdict)


def test_whatever_can_happen_did(effort: Effort) -> None:
    """Every fault was injected and every arrow of the state machine taken, or these seeds prove less than they say."""
    counts = tally(verdict for chunk in range(CHUNKS) for verdict in judged(chunk, each(effort)))
    wanted = ARROWS + (SELDOM if effort.name == "full" else "")
    never = [arrow for arrow in wanted.strip().splitlines() if arrow and not counts.get(f"arrow {arrow}")]
    never += [kind for kind in MET if not counts.get(f"fault {kind}")]
    never += [count for count in COUNTS if not counts.get(count)]
    assert never == [], f"these never happened: {', '.join(never)}"
