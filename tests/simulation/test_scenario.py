"""The whole service under faults keeps every promise: 500 seeds here, 20,000 by `make simulate`."""

from functools import cache

import pytest

from tests.effort import Effort
from tests.simulation import load
from tests.simulation.again import traces
from tests.simulation.faults import KINDS
from tests.simulation.seeds import Verdict, judge_all, tally

CHUNKS = 10
SELDOM = {
    "flapping": 0.2,
    "storms": 0.02,
    "words answered": 0.5,
    "words heeded": 0.05,
    "alerts covered": 1.0,
    "switches thrown by the API": 0.1,
    "switches thrown with a file": 0.1,
    "reloads amid a remediation": 0.02,
    "requests carried late or twice": 0.05,
    "clock steps": 0.1,
    "locks lost": 0.01,
    "half done": 0.005,
    "pauses beyond a lock's time": 0.002,
    "secrets blurted out": 1,
}
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
def test_a_seed_is_the_same_run_again_and_again(name: str, effort: Effort) -> None:
    """In processes whose hashes differ, and whatever ran before there: in full, 20 seeds have one trace each in 100 runs."""
    found = traces(name, 0, effort.pick(ci=8, full=20), effort.pick(ci=4, full=100))
    assert {seed: seen for seed, seen in found.items() if len(seen) != 1} == {}


def told(verdict: Verdict) -> str:
    """What a person needs to see of a seed that failed, and the command that shows it again."""
    options = verdict.outcome.options if verdict.outcome else {}
    words = "\n".join(f"  {name}: {value}" for name, value in options.items())
    return f"seed {verdict.seed}: {verdict.promise} {verdict.what}\n{words}\nagain: {verdict.replay()}"
