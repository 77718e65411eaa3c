"""Is a seed the same run, whoever runs it, whatever ran before? Many runs of some seeds, in processes whose hashes differ.

`python -m tests.simulation --again 100 --seeds 20` asks. Each process is this module with arguments of its own; the seeds take
turns in it, so that a run is never told from the next by what was before.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.simulation import SCENARIOS, load

ROOT = Path(__file__).parents[2]
HASHES = ("0", "1", "4242", "4294967295")
"""PYTHONHASHSEED of each process: what hangs on the order of a set is another run in the next one."""


def traces(scenario: str, first: int, seeds: int, runs: int, *, jobs: int = len(HASHES)) -> dict[int, set[str]]:
    """By seed, the traces of its runs: one, when all were the same. `runs` are divided among the processes, `jobs` at a time."""
    shares = [share for number in range(len(HASHES)) if (share := (runs + number) // len(HASHES))]
    found: dict[int, set[str]] = {seed: set() for seed in range(first, first + seeds)}
    with ThreadPoolExecutor(jobs) as pool:
        asked = [(scenario, first, seeds, share, hashes) for hashes, share in zip(HASHES, shares, strict=False)]
        for answer in pool.map(_ask, asked):
            for seed, seen in answer.items():
                found[int(seed)].update(seen)
    return found


def _ask(asked: tuple[str, int, int, int, str]) -> Mapping[str, list[str]]:
    """What a process with these hashes found."""
    scenario, first, seeds, share, hashes = asked
    process = subprocess.run(
        [sys.executable, "-m", "tests.simulation.again", scenario, str(first), str(seeds), str(share)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hashes},
        stdout=subprocess.PIPE,
        check=False,
    )
    if process.returncode:
        raise RuntimeError(f"a process that was to run the seeds of {scenario} ended with {process.returncode}")
    answer: Mapping[str, list[str]] = json.loads(process.stdout)
    return answer


def _run(scenario: str, first: int, seeds: int, runs: int) -> dict[int, list[str]]:
    load()
    found: dict[int, set[str]] = {}
    for _ in range(runs):
        for seed in range(first, first + seeds):
            found.setdefault(seed, set()).add(SCENARIOS[scenario](seed).trace)
    return {seed: sorted(seen) for seed, seen in found.items()}


if __name__ == "__main__":
    print(json.dumps(_run(sys.argv[1], *map(int, sys.argv[2:5]))))
