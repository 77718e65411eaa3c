"""The whole service under faults keeps every promise: 500 seeds here, 20,000 by `make simulate`."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.effort import Effort
from tests.simulation import load
from tests.simulation.faults import KINDS
from tests.simulation.seeds import Verdict, judge_all

ROOT = Path(__file__).parents[2]
CHUNKS = 10


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    load()


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_seed_keeps_every_promise(chunk: int, effort: Effort) -> None:
    """Nothing that a seed breaks, delays or kills breaks a promise, and in the end everything comes to rest."""
    seeds = effort.pick(ci=500, full=20_000) // CHUNKS
    counts: Counter[str] = Counter()
    kinds: set[str] = set()
    for verdict in judge_all("service", range(chunk * seeds, (chunk + 1) * seeds)):
        assert verdict.end == "clean", told(verdict)
        assert verdict.outcome is not None
        counts.update(verdict.outcome.counts)
        kinds.update(fault.rpartition(": ")[2] for fault in verdict.outcome.faults)
    assert kinds == set(KINDS), "some kind of fault never happened: these seeds prove less than they say"
    assert counts["lives"] > 1.5 * seeds, "hardly any restarts: these seeds prove less than they say"
    assert counts["configurations"] > seeds, "hardly any reloads: these seeds prove less than they say"
    many = ("effects", "messages", "edits", "alerts acknowledged", "statuses checked", "steps replayed")
    for count in (*many, "topology changes"):
        assert counts[count] > seeds / 4, f"hardly any {count}: these seeds prove less than they say"


def test_a_seed_is_the_same_run_in_every_process() -> None:
    """20 seeds have the same traces in two processes whose hashes differ: nothing hangs on the order of a set."""
    assert traces("1") == traces("4242")


def traces(hashes: str) -> str:
    code = """
from tests.simulation import SCENARIOS, load
load()
print([SCENARIOS["service"](seed).trace for seed in range(20)])
"""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hashes},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


def told(verdict: Verdict) -> str:
    """What a person needs to see of a seed that failed, and the command that shows it again."""
    options = verdict.outcome.options if verdict.outcome else {}
    words = "\n".join(f"  {name}: {value}" for name, value in options.items())
    return f"seed {verdict.seed}: {verdict.promise} {verdict.what}\n{words}\nagain: {verdict.replay()}"
