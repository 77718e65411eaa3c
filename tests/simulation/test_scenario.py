"""The whole service under faults keeps every promise: 500 seeds here, 20,000 by `make simulate`."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.effort import Effort
from tests.simulation import SCENARIOS, load
from tests.simulation.faults import KINDS
from tests.simulation.seeds import Verdict, judge_all, tally

ROOT = Path(__file__).parents[2]
CHUNKS = 10
SELDOM = {"flapping": 0.2, "storms": 0.02, "words answered": 0.5, "words heeded": 0.05, "alerts covered": 1.0}
"""What not every seed has: how many of each there are for a seed, at least."""


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    load()


@cache
def judged(chunk: int, seeds: int) -> tuple[Verdict, ...]:
    return tuple(judge_all("service", range(chunk * seeds, (chunk + 1) * seeds)))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_seed_keeps_every_promise(chunk: int, effort: Effort) -> None:
    """Nothing that a seed breaks, delays or kills breaks a promise, and in the end everything comes to rest."""
    for verdict in judged(chunk, effort.pick(ci=500, full=20_000) // CHUNKS):
        assert verdict.end == "clean", told(verdict)


def test_whatever_can_happen_did(effort: Effort) -> None:
    """Every kind of fault was injected, and everything that promises are about came to pass, or these seeds prove little."""
    seeds = effort.pick(ci=500, full=20_000)
    counts = tally(verdict for chunk in range(CHUNKS) for verdict in judged(chunk, seeds // CHUNKS))
    assert [kind for kind in KINDS if not counts.get(f"fault {kind}")] == []
    assert counts["lives"] > 1.5 * seeds, "hardly any restarts: these seeds prove less than they say"
    assert counts["configurations"] > seeds, "hardly any reloads: these seeds prove less than they say"
    many = ("effects", "messages", "edits", "alerts acknowledged", "statuses checked", "steps replayed")
    for count in (*many, "topology changes"):
        assert counts[count] > seeds / 4, f"hardly any {count}: these seeds prove less than they say"
    for count, least in SELDOM.items():
        assert counts[count] > seeds * least, f"hardly any {count}: these seeds prove less than they say"


@pytest.mark.parametrize("name", ["service", "healing"])
def test_a_seed_is_the_same_run_in_every_process(name: str, effort: Effort) -> None:
    """Seeds have the same traces in two processes whose hashes differ: nothing hangs on the order of a set."""
    seeds = effort.pick(ci=10, full=100)
    assert traces(name, seeds, "1") == traces(name, seeds, "4242")


@pytest.mark.parametrize("name", ["service", "healing"])
def test_a_seed_is_the_same_run_again_and_again(name: str, effort: Effort) -> None:
    """What ran before in this process changes nothing: in full, 20 seeds have one trace each in 100 runs."""
    seeds, runs = effort.pick(ci=4, full=20), effort.pick(ci=2, full=100)
    for seed in range(seeds):
        assert len({SCENARIOS[name](seed).trace for _ in range(runs)}) == 1


def traces(name: str, seeds: int, hashes: str) -> str:
    code = f"""
from tests.simulation import SCENARIOS, load
load()
print([SCENARIOS[{name!r}](seed).trace for seed in range({seeds})])
"""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hashes},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    ).stdout


def told(verdict: Verdict) -> str:
    """What a person needs to see of a seed that failed, and the command that shows it again."""
    options = verdict.outcome.options if verdict.outcome else {}
    words = "\n".join(f"  {name}: {value}" for name, value in options.items())
    return f"seed {verdict.seed}: {verdict.promise} {verdict.what}\n{words}\nagain: {verdict.replay()}"
