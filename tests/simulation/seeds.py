"""Runs many seeds of a scenario and says which broke what. Used by the command line and by the tests."""

import json
import multiprocessing
import shlex
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from tests.simulation import ABLATIONS, SCENARIOS, Broken, Outcome, load
from tests.simulation.taken_away import REACHED

CAUGHT = Path(__file__).with_name("caught.json")
"""By ablation, the first seed of each block of `BLOCK` seeds that catches it, as `--ablations` found them."""
BLOCKS, BLOCK = 5, 500


class Verdict(msgspec.Struct, frozen=True):
    """One seed: `clean`, a promise `broken`, or `failed` with something that is no verdict on any promise."""

    scenario: str
    seed: int
    end: Literal["clean", "broken", "failed"]
    promise: str = ""
    what: str = ""
    outcome: Outcome | None = None
    reached: bool = False
    """Whether what stands in the place of a safeguard was called."""

    def replay(self, ablation: str = "") -> str:
        """The command that runs this seed again and shows everything."""
        return command(self.scenario, self.seed, 1, ablation)


def command(scenario: str, first: int, seeds: int, ablation: str = "") -> str:
    """What to type to run these seeds."""
    without = ["--without", ablation] if ablation else []
    return shlex.join(
        [
            "python",
            "-m",
            "tests.simulation",
            "--scenario",
            scenario,
            "--from",
            str(first),
            "--seeds",
            str(seeds),
            *without,
        ]
    )


def judge(scenario: str, seed: int, ablation: str = "") -> Verdict:
    """Run one seed, without one safeguard where `ablation` names it."""
    lacking = ABLATIONS[ablation].without() if ablation else nullcontext()
    before = REACHED.times
    try:
        with lacking:
            verdict = Verdict(scenario, seed, "clean", outcome=SCENARIOS[scenario](seed))
    except Broken as broken:
        verdict = Verdict(scenario, seed, "broken", broken.promise, broken.what, broken.outcome)
    except Exception:  # noqa: BLE001 - a seed that fails is a finding, and the next one is run all the same
        verdict = Verdict(scenario, seed, "failed", what=traceback.format_exc())
    return replace(verdict, reached=REACHED.times > before)


def judge_all(scenario: str, seeds: Iterable[int], *, jobs: int = 1, ablation: str = "") -> Iterator[Verdict]:
    """Run the seeds, in `jobs` processes; verdicts come in the order of the seeds."""
    work = ((scenario, seed, ablation) for seed in seeds)
    if jobs <= 1:
        yield from (judge(*each) for each in work)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, initializer=load) as pool:
        yield from pool.imap(_judge, work, chunksize=10)


def _judge(work: tuple[str, int, str]) -> Verdict:
    return judge(*work)


def caught_before(ablation: str) -> list[int]:
    """Seeds on which this ablation was caught when it was last run in full, one of each block. They are tried first."""
    return _caught().get(ablation, [])


def note_caught(ablation: str, seeds: list[int]) -> None:
    """Keep them for `caught_before`. What is not caught any more stays as it was: a test then says so."""
    if seeds:
        CAUGHT.write_text(json.dumps(_caught() | {ablation: seeds}, indent=1) + "\n", encoding="utf-8")


def _caught() -> dict[str, list[int]]:
    seeds: dict[str, list[int]] = json.loads(CAUGHT.read_text(encoding="utf-8")) if CAUGHT.exists() else {}
    return seeds


class Catch(msgspec.Struct, frozen=True):
    """The first seed on which it is noticed that a safeguard is gone; why there is none, when there is none."""

    verdict: Verdict | None
    why: str = ""


def catch(ablation: str, seeds: Iterable[int]) -> Catch:
    """Look for a seed on which the scenario, without this safeguard, finds its promise broken.

    Only the promise that the ablation names counts. Another one, or an exception, would catch it by accident. What is never
    called instead of the safeguard cannot be noticed: then the ablation is wrong, and not the checker.
    """
    named = ABLATIONS[ablation]
    tried = reached = 0
    for verdict in judge_all(named.scenario, seeds, ablation=ablation):
        tried += 1
        reached += verdict.reached
        if verdict.reached and verdict.end == "broken" and verdict.promise == named.promise:
            return Catch(verdict)
    return Catch(
        None, f"not noticed by {tried} seeds, {reached} of which reached it" if reached else "was never reached"
    )


class Stretch(msgspec.Struct, frozen=True):
    """Seeds on which an ablation is tried: those from `first` up to `end`, which is the first that is not."""

    ablation: str
    first: int
    end: int


def catch_in(stretch: Stretch) -> tuple[Stretch, int | None]:
    """The first of these seeds that catches it, None when none does."""
    verdict = catch(stretch.ablation, range(stretch.first, stretch.end)).verdict
    return stretch, None if verdict is None else verdict.seed


def tally(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """How often each fault was injected and each arrow of the state machine taken, and what else was counted."""
    counts: Counter[str] = Counter()
    for verdict in verdicts:
        if verdict.outcome is not None:
            counts.update(verdict.outcome.counts)
            counts.update(f"fault {fault.rpartition(': ')[2]}" for fault in verdict.outcome.faults)
    return dict(sorted(counts.items()))
