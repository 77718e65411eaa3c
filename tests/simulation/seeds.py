"""Runs many seeds of a scenario and says which broke what. Used by the command line and by the tests."""

import multiprocessing
import shlex
import traceback
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Literal

import msgspec

from tests.simulation import ABLATIONS, SCENARIOS, Broken, Outcome, load


class Verdict(msgspec.Struct, frozen=True):
    """One seed: `clean`, a promise `broken`, or `failed` with something that is no verdict on any promise."""

    scenario: str
    seed: int
    end: Literal["clean", "broken", "failed"]
    promise: str = ""
    what: str = ""
    outcome: Outcome | None = None

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
    try:
        with lacking:
            return Verdict(scenario, seed, "clean", outcome=SCENARIOS[scenario](seed))
    except Broken as broken:
        return Verdict(scenario, seed, "broken", broken.promise, broken.what, broken.outcome)
    except Exception:  # noqa: BLE001 - a seed that fails is a finding, and the next one is run all the same
        return Verdict(scenario, seed, "failed", what=traceback.format_exc())


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


def catch(ablation: str, seeds: Iterable[int]) -> Verdict | None:
    """The first seed on which the scenario, without this safeguard, finds its promise broken; None when none does.

    Only the promise that the ablation names counts. Another one, or an exception, would catch it by accident.
    """
    named = ABLATIONS[ablation]
    for verdict in judge_all(named.scenario, seeds, ablation=ablation):
        if verdict.end == "broken" and verdict.promise == named.promise:
            return verdict
    return None
