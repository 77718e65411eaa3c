"""`python -m tests.simulation`: many seeds of every scenario, or one seed again with all its details."""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence
from itertools import pairwise, product

from tests.simulation import ABLATIONS, ALONE, SCENARIOS, Outcome, load
from tests.simulation.again import traces
from tests.simulation.seeds import BLOCK, BLOCKS, Stretch, Verdict, catch_in, command, judge_all, note_caught, tally

MISSED_ON = 3
DEPTHS = (0, 20, 100, BLOCK)
"""So many seeds of every block are tried, for all ablations, before more are."""
SHOWN = 10
"""So many failing seeds are shown in full; the rest are counted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for. 0: all clean; 1: something broke; 2: called wrong."""
    load()
    asked = _parse(arguments)
    if asked.ablations:
        return _catch_all([asked.without] if asked.without else list(ABLATIONS), asked.jobs)
    names = [asked.scenario] if asked.scenario else sorted(SCENARIOS.keys() - ALONE)
    if not names:
        print("there is no scenario in tests/simulation/scenarios", file=sys.stderr)
        return 2
    run = _again if asked.again else _run
    return max(run(name, asked) for name in names)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many seeds (default 500)")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes at once (default 1)")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), help="only this one")
    parser.add_argument(
        "--without", default="", metavar="ABLATION", choices=["", *sorted(ABLATIONS)], help="take this safeguard away"
    )
    parser.add_argument(
        "--ablations",
        action="store_true",
        help="take each away (or the one that --without names), on 5 blocks of 500 seeds",
    )
    parser.add_argument("--again", type=int, default=0, help="each seed so many times: is it the same run?")
    return parser.parse_args(arguments)


def _run(name: str, asked: argparse.Namespace) -> int:
    started = time.monotonic()
    bad = 0
    told: list[Verdict] = []
    seeds = range(asked.first, asked.first + asked.seeds)
    for verdict in judge_all(name, seeds, jobs=asked.jobs, ablation=asked.without):
        if verdict.end != "clean":
            bad += 1
            if bad <= SHOWN:
                _show_bad(verdict, asked.without)
        told.append(verdict)
        if asked.seeds == 1 and verdict.outcome is not None:
            _show(verdict.outcome)
    took = time.monotonic() - started
    if asked.seeds > 1:
        for what, count in tally(told).items():
            print(f"  {what}: {count}")
    again = command(name, asked.first, asked.seeds, asked.without)
    print(f"{name}: {asked.seeds - bad} of {asked.seeds} seeds clean in {took:.0f} s ({again})")
    return int(bad > 0)


def _again(name: str, asked: argparse.Namespace) -> int:
    """Each seed must have one trace, in four processes with other hashes."""
    started = time.monotonic()
    found = traces(name, asked.first, asked.seeds, asked.again, jobs=asked.jobs)
    differ = sorted(seed for seed, seen in found.items() if len(seen) > 1)
    took = time.monotonic() - started
    for seed in differ:
        print(f"{name}, seed {seed}: {len(found[seed])} different runs: {', '.join(sorted(found[seed]))}")
    same = asked.seeds - len(differ)
    print(f"{name}: {same} of {asked.seeds} seeds have one trace in {asked.again} runs each, in {took:.0f} s")
    return int(bool(differ))


def _catch_all(names: Sequence[str], jobs: int) -> int:
    """Each of these safeguards must be missed on three of the five blocks at least. Notes where, so that a test need not search.

    A few seeds of every block come first, for all of them: what is caught soon is known soon, and noted at once.
    """
    caught: dict[str, list[int]] = {name: [] for name in names}
    with multiprocessing.get_context("spawn").Pool(jobs, initializer=load) as pool:
        for near, far in pairwise(DEPTHS):
            work = [
                Stretch(name, block * BLOCK + near, block * BLOCK + far)
                for name, block in product(names, range(BLOCKS))
                if not any(seed // BLOCK == block for seed in caught[name])
            ]
            for stretch, seed in pool.imap(catch_in, work):
                if seed is not None:
                    caught[stretch.ablation] = sorted([*caught[stretch.ablation], seed])
                    note_caught(stretch.ablation, caught[stretch.ablation])
                    print(f"{stretch.ablation}: {seed}", flush=True)
    for name, seeds in caught.items():
        print(f"{name}: {ABLATIONS[name].promise} on {len(seeds)} of {BLOCKS} blocks, seeds {seeds}")
    missed = sum(len(seeds) >= MISSED_ON for seeds in caught.values())
    print(f"{missed} of {len(names)} are missed on at least {MISSED_ON} of {BLOCKS} blocks of {BLOCK} seeds")
    return int(missed < len(names))


def _show_bad(verdict: Verdict, ablation: str) -> None:
    title = f"promise {verdict.promise} broken" if verdict.end == "broken" else "failed"
    print(f"{verdict.scenario}, seed {verdict.seed}: {title}: {verdict.what}\n  again: {verdict.replay(ablation)}")


def _show(outcome: Outcome) -> None:
    print(f"  trace: {outcome.trace}")
    for key, value in {**outcome.options, **outcome.counts}.items():
        print(f"  {key}: {value}")
    for fault in outcome.faults:
        print(f"  {fault}")


if __name__ == "__main__":
    sys.exit(main())
